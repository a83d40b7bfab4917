namespace Calls.Domain.Tests.Exhaustive;

/// <summary>Everything that may happen next in a state: one transition for each possibility, faults included.</summary>
internal sealed class Transitions(Scenario scenario, CheckedDecisions decisions, EffectRuns effects, Webhooks webhooks)
{
    private readonly List<(World World, string Label)> next = [];

    /// <summary>The states that may follow. A transition that changes nothing leads to the same object. The list is reused.</summary>
    public List<(World World, string Label)> From(World w)
    {
        next.Clear();
        foreach (var leg in w.Legs)
            LegMoves(w, leg);
        foreach (var (message, label) in webhooks.Of(w))
        {
            if (w.Session is not null || !w.HasForgotten)
                WebhookArrives(w, w, message, label);
            else if (message is not SessionEvent.StartCall)
                WebhookOfForgottenArrives(w, message, label);
        }

        foreach (var reply in w.Replies)
            next.Add((effects.Settle(w, reply), "reply is saved"));
        foreach (var request in w.Requests)
            DialIsSent(w, request);
        foreach (var change in w.HoldRequests)
            HoldArrives(w, change);
        Holds(w);
        Returns(w);
        foreach (var request in ClientRequests(w))
            next.Add((decisions.Apply(w, request), request.GetType().Name));
        if (w.Session is null)
        {
            if (w is { HasForgotten: true, RoomIsOpen: true })
                foreach (var isOld in Ages(w))
                    foreach (var missing in Missing(w, null))
                        next.Add((decisions.Rebuild(w, null, isOld, missing), "the open conferences are swept" + Late(missing)));
            return next;
        }

        if (w.ForgetsLeft > 0)
            next.Add((w.Forget(), "the store forgets the session"));
        foreach (var effect in w.Session.Effects)
            EffectIsRun(w, effect);
        // Two replicas may ask, and the answer to one of them may come at any later time.
        if (scenario.Answer is { } members)
        {
            next.Add((decisions.Apply(w, new SessionEvent.GroupResolved(A.Nonce, members)), "the group resolver answers"));
            next.Add((decisions.Apply(w, new SessionEvent.GroupResolved(A.Nonce, null)), "the group resolver gives no answer"));
            next.Add((decisions.Apply(w, new SessionEvent.GroupResolved(A.Nonce, null), CheckedDecisions.MuchLater),
                "the group resolver is not asked in time"));
        }

        if (w.BeforeClaim is not null)
        {
            var rewound = w with { Stored = w.BeforeClaim, BeforeClaim = null, FailoversLeft = w.FailoversLeft - 1 };
            next.Add((rewound, "the store loses the claim and all later writes"));
        }

        if (scenario.MayBeEnded)
            next.Add((decisions.Apply(w, new SessionEvent.MaxDurationPassed(), CheckedDecisions.MuchLater), "max duration passes"));
        if (scenario.RejoinGrace > TimeSpan.Zero)
        {
            next.Add((decisions.Apply(w, new SessionEvent.RejoinGracePassed()), "the grace is said to have passed"));
            next.Add((decisions.Apply(w, new SessionEvent.RejoinGracePassed(), CheckedDecisions.MuchLater), "the grace has passed"));
        }

        if (w.Session.Participants.Any(w.Session.IsWaiting))
            next.Add((decisions.Apply(w, new SessionEvent.RingTimePassed(), CheckedDecisions.MuchLater), "the ring time passes"));
        next.Add((decisions.Apply(w, new SessionEvent.ReviewFailed(w.Session.Room, 0.5), CheckedDecisions.MuchLater), "review fails"));
        // A leg that was told to enter the room is in it before the review that follows a rebuild.
        if (w.Session.RebuiltAt is not null && w.Legs.Any(l => l.State == LegState.Entering && w.Session.Find(l.Sid) is null))
            return next;
        next.Add((decisions.Review(w, CheckedDecisions.Now), "review"));
        next.Add((decisions.Review(w, CheckedDecisions.MuchLater), "late review"));
        return next;
    }

    /// <summary>What people and Twilio do without a request of ours.</summary>
    private void LegMoves(World w, Leg leg)
    {
        switch (leg.State)
        {
            case LegState.Queued:
                next.Add((w.With(leg, leg with { State = LegState.Dialing, Dialed = true }), "leaves the queue"));
                break;
            case LegState.Dialing:
                next.Add((w.With(leg, leg with { State = LegState.Ringing, Rang = true }), "rings"));
                next.Add((w.End(leg, LeaveReason.Unreachable), "unreachable"));
                break;
            case LegState.Ringing:
                var answered = World.IsCalled(leg.Owner) ? LegState.AwaitingTwiML : LegState.Entering;
                foreach (var by in scenario.Screens && leg.Owner == ParticipantId.Callee ? Enum.GetValues<AnsweredBy>() : [default])
                    next.Add((w.With(leg, leg with { State = answered, Answered = true, By = by }),
                        by == AnsweredBy.Unknown ? "answers" : $"a {by} answers"));
                next.Add((w.End(leg, LeaveReason.NoAnswer), "does not answer"));
                break;
            case LegState.AwaitingTwiML:
                next.Add((w.End(leg, LeaveReason.HungUp), "hangs up, or gets no TwiML"));
                break;
            case LegState.Asked:
                var asking = leg with { State = LegState.AwaitingTwiML };
                next.Add((w.With(leg, asking with { Keys = leg.Keys + "y" }), "presses 1"));
                next.Add((w.With(leg, asking with { Keys = leg.Keys + "n" }), "presses no key"));
                next.Add((w.End(leg, LeaveReason.HungUp), "hangs up when asked"));
                break;
            case LegState.Entering:
                next.Add((w.With(leg, leg with { State = LegState.InRoom }), leg.Owner + " enters"));
                next.Add((w.End(leg, LeaveReason.HungUp), leg.Owner + " hangs up entering"));
                break;
            case LegState.InRoom:
                next.Add((w.End(leg, LeaveReason.HungUp), leg.Owner + " hangs up"));
                break;
            case LegState.HearsTone:
                next.Add((w.End(leg, LeaveReason.HungUp), "tone ends"));
                break;
        }
    }

    /// <summary>A call that may ring now is not old. In a young call without a room the webhook is held, which changes nothing.</summary>
    private static bool[] Ages(World w) => w.CalleeMayRing ? [false] : [false, true];

    /// <summary>A webhook arrives, and the session is forgotten. It is built again, and the webhook is applied to it.</summary>
    private void WebhookOfForgottenArrives(World w, SessionEvent message, string label)
    {
        // The service waits while a call has just begun and Twilio lists no room: the caller may be about to enter it.
        if (!w.RoomIsOpen
            && w.Legs.Any(l => l.Owner == ParticipantId.Caller && l.State is LegState.AwaitingTwiML or LegState.Entering))
            return;
        var of = Webhooks.LegOf(message);
        foreach (var isOld in Ages(w))
            foreach (var missing in Missing(w, of))
                WebhookArrives(w, decisions.Rebuild(w, of, isOld, missing), message, label + ", after a rebuild" + Late(missing));
    }

    /// <summary>Who has just entered the room, so that Twilio's list does not have the person yet: no person, or one of several.</summary>
    private IEnumerable<Leg?> Missing(World w, CallSid? of)
    {
        yield return null;
        var present = w.Legs.Where(l => l.State == LegState.InRoom).ToList();
        foreach (var leg in scenario.LateLists && present.Count > 1 ? present.Where(l => l.Sid != of) : [])
            yield return leg;
    }

    private static string Late(Leg? missing) => missing is null ? "" : $", without {missing.Owner}";

    /// <summary>A webhook arrives. If it asks for TwiML, Twilio may receive the answer or lose it.</summary>
    private void WebhookArrives(World w, World loaded, SessionEvent message, string label)
    {
        var applied = decisions.Apply(loaded, message, out var reply);
        next.Add((applied, label));
        var asking = message switch
        {
            SessionEvent.StartCall e => w.Legs.FirstOrDefault(l => l.Sid == e.CallerLeg),
            SessionEvent.JoinCall e => w.Legs.FirstOrDefault(l => l.Sid == e.Leg && l.LastKey == e.Key),
            _ => null,
        };
        if (asking is not { State: LegState.AwaitingTwiML })
            return;
        Violation.Unless(reply is not CallReply.JoinRoom || !w.IsTaken(asking.Owner), "S: two candidates get the call", w, message);
        var answered = reply switch
        {
            CallReply.JoinRoom => applied.With(asking, asking with { State = LegState.Entering }),
            CallReply.Ask ask when ask.Question == asking.Keys.Length + 1 => applied.With(asking, asking with { State = LegState.Asked }),
            CallReply.Ask => throw new Violation("S: a question is repeated more than once", label),
            _ => applied.End(asking, LeaveReason.HungUp),
        };
        next.Add((answered, label + ", and gets " + reply.GetType().Name));
    }

    /// <summary>A granted dial is sent or not, takes effect or not, and is answered or not.</summary>
    private void DialIsSent(World w, DialRequest request)
    {
        var sent = w with { Requests = w.Requests.Remove(request) };
        next.Add((sent, "sender is killed"));
        if (EffectRuns.CanCreateCall(w, request))
        {
            var accepted = new DialOutcome.Accepted(EffectRuns.NextSid(w, request.Participant));
            next.Add((effects.CreateCall(sent, request, accepted), "dial is created"));
            next.Add((effects.CreateCall(sent, request, new DialOutcome.Unknown()), "dial is created, reply lost"));
        }

        next.Add((EffectRuns.Reply(sent, request, new DialOutcome.Unknown()), "dial is lost"));
        next.Add((EffectRuns.Reply(sent, request, new DialOutcome.Refused(21211)), "dial is refused"));
        if (scenario.MayBeEnded)
            next.Add((EffectRuns.Reply(sent, request, new DialOutcome.Stopped()), "dial is stopped"));
        if (request.Attempt >= scenario.Attempts)
            return;
        next.Add((EffectRuns.Reply(sent, request, new DialOutcome.NotSent(null)), "dial is postponed"));
        if (w.Session?.OnTheLine is { } present && w.Legs.Any(l => l.Sid == present.Leg && !l.IsAlive))
            next.Add((EffectRuns.Reply(sent, request, new DialOutcome.CallIsGone()), "dial is withheld"));
    }

    private void EffectIsRun(World w, Effect effect)
    {
        switch (effect)
        {
            case Effect.Dial { State: DialState.Planned } dial:
                next.Add((effects.Claim(w, dial, CheckedDecisions.Now), "claim"));
                next.Add((effects.Claim(w, dial, CheckedDecisions.MuchLater), "late claim"));
                break;
            case Effect.Dial dial when w.Session!.Find(dial.Participant)!.Party is Party.Unknown:
                next.Add((effects.Settle(w, dial, new DialOutcome.LookUpFailed()), "look-up without an address"));
                if (!w.CalleeMayRing)
                    next.Add((effects.Settle(w, dial, new DialOutcome.LookUpFailed(), CheckedDecisions.MuchLater),
                        "late look-up without an address"));
                break;
            case Effect.Dial dial:
                if (EffectRuns.LookUp(w, dial) is { } leg)
                {
                    next.Add((effects.Settle(w, dial, new DialOutcome.Accepted(leg.Sid)), "look-up finds it"));
                    // Twilio's answers may be older than the truth, but not by as much as the look-ups last.
                    next.Add((effects.Settle(w, dial, new DialOutcome.NotFound()), "look-up does not find it yet"));
                }
                else
                {
                    var notFound = new DialOutcome.NotFound();
                    next.Add((effects.Settle(w, dial, notFound), "look-up finds nothing"));
                    if (scenario.Orphans || w.Requests.All(r => r.Participant != dial.Participant))
                        next.Add((effects.Settle(w, dial, notFound, CheckedDecisions.MuchLater), "late look-up finds nothing"));
                }

                next.Add((effects.Settle(w, dial, new DialOutcome.LookUpFailed()), "look-up fails"));
                break;
            case Effect.SetFlags { Hold: not null } flags when w.SendsLeft > 0 && Deadlines.CanRun(w.Session!, flags):
                next.Add((EffectRuns.Send(w, flags) with { SendsLeft = w.SendsLeft - 1 }, "hold change is sent"));
                break;
            case Effect.HangUp hangUp:
                next.Add((w.HangUp(hangUp.Leg), "hang-up, reply lost"));
                next.Add((effects.HangUp(w, hangUp), "hang-up"));
                if (hangUp.Because is not null)
                    ToneIsSent(w, hangUp);
                break;
        }
    }

    /// <summary>A leg is redirected to a tone or not, and Twilio answers or not. Twilio refuses it for a leg that is not connected yet, and
    /// for a leg that has ended. A version that knows no tones hangs the leg up instead.</summary>
    private void ToneIsSent(World w, Effect.HangUp tone)
    {
        next.Add((effects.Settle(w, tone, EffectOutcome.TryLater), "tone is lost"));
        if (EffectRuns.PlayTone(w, tone) is { } played)
        {
            next.Add((played, "tone is played, reply lost"));
            next.Add((effects.Settle(played, tone, EffectOutcome.Done), "tone is played"));
        }

        if (w.Legs.All(l => l.Sid != tone.Leg || l.State is not (LegState.InRoom or LegState.HearsTone)))
            next.Add((effects.Settle(w, tone, EffectOutcome.AlreadyOver), "tone is refused"));
    }

    /// <summary>A person calls again. Twilio may still hold the earlier leg.</summary>
    private void Returns(World w)
    {
        foreach (var person in w is { ReturnsLeft: > 0, Session.IsEnded: false } ? scenario.Returns : [])
        {
            var leg = new Leg(person, EffectRuns.NextSid(w, person), LegState.AwaitingTwiML)
            {
                Rang = true,
                Answered = true,
                IsReturn = true,
            };
            var legs = w.Legs.Add(leg).OrderBy(l => l.Sid.Value, StringComparer.Ordinal);
            next.Add((w with { Legs = [.. legs], ReturnsLeft = w.ReturnsLeft - 1 }, person + " calls again"));
        }
    }

    /// <summary>A person on the call, or on the way to it, asks for a hold or for its end.</summary>
    private void Holds(World w)
    {
        foreach (var (by, whom) in w.HoldsLeft > 0 ? scenario.Holds : [])
        {
            if (w.Session?.Find(by) is not { IsPresent: true } || w.Session.Find(whom) is null)
                continue;
            foreach (var hold in new[] { true, false })
            {
                var identity = A.Identity(by == ParticipantId.Caller ? "alice" : "bob");
                var asked = decisions.Apply(w, new SessionEvent.SetParticipantFlags(whom, null, hold, identity));
                next.Add((asked with { HoldsLeft = w.HoldsLeft - 1 }, hold ? "hold" : "end of a hold"));
            }
        }
    }

    /// <summary>A change of hold reaches Twilio or not, takes effect or not, and is answered or not.</summary>
    private void HoldArrives(World w, HoldRequest change)
    {
        var sent = w with { HoldRequests = w.HoldRequests.Remove(change) };
        next.Add((sent, "hold change is lost"));
        next.Add((effects.Settle(sent, change, EffectOutcome.TryLater), "hold change is postponed"));
        if (w.InRoom(change.Leg) is null)
        {
            next.Add((effects.Settle(sent, change, EffectOutcome.AlreadyOver), "hold change finds no leg"));
            return;
        }

        next.Add((w.Arrive(change), "hold change is made, reply lost"));
        next.Add((effects.Settle(w.Arrive(change), change, EffectOutcome.Done), "hold change is made"));
        next.Add((effects.Settle(sent, change, EffectOutcome.Refused), "hold change is refused"));
    }

    private IEnumerable<SessionEvent> ClientRequests(World w)
    {
        if (w.Session is null)
            yield break;
        // A request after the store has forgotten the session is a new one, and has another guest.
        foreach (var guest in scenario.Guests.Where(id => !w.HasForgotten || !w.Knows(id)))
            yield return new SessionEvent.AddPhoneParticipant(guest, A.PartyOf(guest), null) { Screen = Screening.None };
        foreach (var participant in scenario.Removals)
            yield return new SessionEvent.RemoveParticipant(participant);
        if (scenario.MayBeEnded)
            yield return new SessionEvent.EndCall();
    }
}
