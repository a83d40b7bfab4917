namespace Calls.Domain.Tests.Exhaustive;

/// <summary>Carries out what is certain to happen from a state, and checks the end that this reaches (Q).</summary>
/// <remarks>
/// Effects, look-ups and reviews are certain. Webhooks are not: the end must be good although no webhook arrives. Only where there may be
/// legs that no look-up finds (<see cref="Scenario.Orphans"/>) the webhooks arrive too.
/// </remarks>
internal sealed class Recovery(Scenario scenario, CheckedDecisions decisions, EffectRuns effects, Webhooks webhooks)
{
    private readonly HashSet<string> good = new(StringComparer.Ordinal);

    public int Quiescent { get; private set; }

    public int Live { get; private set; }

    public void Check(World w)
    {
        List<string> passed = [];
        for (var steps = 0; ; steps++)
        {
            var key = w.Key();
            if (good.Contains(key))
                break;
            passed.Add(key);
            if (steps > 200)
                throw new Violation("Q: recovery does not end", key);
            var step = scenario.Orphans ? NextWebhook(w, key) ?? NextCertainStep(w, key) : NextCertainStep(w, key);
            if (step is null)
            {
                CheckAtRest(w);
                // No leg rings without end. Each leg that still rings is not answered, and the rules must hold after that too.
                if (w.Legs.FirstOrDefault(l => l.IsUnanswered) is not { } unanswered)
                    break;
                step = w.End(unanswered, LeaveReason.NoAnswer);
            }

            w = step;
        }

        good.UnionWith(passed);
    }

    /// <summary>
    /// The next webhook that changes the session. Of an ended leg only the end arrives: Twilio does not repeat its start without end.
    /// </summary>
    private World? NextWebhook(World w, string key)
    {
        foreach (var (message, _) in webhooks.Of(w))
            if (!IsOutdated(w, message)
                && decisions.Apply(w, message) is var applied && !ReferenceEquals(applied, w) && applied.Key() != key)
                return applied;
        return null;
    }

    private static bool IsOutdated(World w, SessionEvent message) =>
        Webhooks.LegOf(message) is { } sid
        && message is not SessionEvent.ParticipantLeft and not SessionEvent.LegProgressed { To: Progress.Gone }
        && w.Legs.Any(l => l.Sid == sid && !l.IsAlive);

    private World? NextCertainStep(World w, string key)
    {
        if (w.Requests is [var request, ..])
        {
            var sent = w with { Requests = w.Requests.Remove(request) };
            return EffectRuns.CanCreateCall(w, request)
                ? effects.CreateCall(sent, request, new DialOutcome.Unknown())
                : EffectRuns.Reply(sent, request, new DialOutcome.Unknown());
        }

        if (w.HoldRequests is [var change, ..])
            return w.Arrive(change);
        if (scenario.RejoinGrace > TimeSpan.Zero && w.Session is not null
            && decisions.Apply(w, new SessionEvent.RejoinGracePassed(), CheckedDecisions.MuchLater) is var waited && waited.Key() != key)
            return waited;
        if (w.Legs.FirstOrDefault(l => l.State is LegState.AwaitingTwiML or LegState.Asked) is { } asking)
            return w.End(asking, LeaveReason.HungUp);
        if (w.Legs.FirstOrDefault(l => l.State == LegState.Entering) is { } entering)
            return w.With(entering, entering with { State = LegState.InRoom });
        // No call waits in Twilio's queue without end. Then its webhooks report a call that no look-up finds.
        if (scenario.Orphans && w.Legs.FirstOrDefault(l => l.State == LegState.Queued && w.Session?.Find(l.Sid) is null) is { } queued)
            return w.With(queued, queued with { State = LegState.Dialing, Dialed = true });
        if (w.Legs.FirstOrDefault(l => l.State == LegState.HearsTone) is { } hearing)
            return w.End(hearing, LeaveReason.HungUp);
        // A phone that no look-up finds rings out, long before the sweep of the open conferences. Its webhooks can be lost.
        if (w.HasForgotten && w.Legs.FirstOrDefault(l => l.IsUnanswered && IsNotFound(w, l)) is { } ringing)
            return w.End(ringing, LeaveReason.NoAnswer);
        if (w.Session is null)
            return w is { HasForgotten: true, RoomIsOpen: true }
                && decisions.Rebuild(w, null, isOld: true) is var rebuilt && !ReferenceEquals(rebuilt, w) ? rebuilt : null;
        if (w.Session.Effects.OfType<Effect.HangUp>().FirstOrDefault() is { } hangUp)
            return hangUp.Because is null ? effects.HangUp(w, hangUp)
                : EffectRuns.PlayTone(w, hangUp) is { } played ? effects.Settle(played, hangUp, EffectOutcome.Done)
                : effects.Settle(w, hangUp, EffectOutcome.AlreadyOver);
        if (w.Session.FindEffect<Effect.ResolveGroup>(_ => true) is not null)
            return decisions.Apply(w, new SessionEvent.GroupResolved(A.Nonce, scenario.Answer));
        if (w.Session.Effects.OfType<Effect.SetFlags>()
            .FirstOrDefault(f => Deadlines.CanRun(w.Session, f) && w.InRoom(w.Session.Find(f.Participant)!.Leg!) is not null) is { } flags)
        {
            var wanted = EffectRuns.Send(w, flags).HoldRequests.Single();
            return effects.Settle(w.Arrive(wanted), wanted, EffectOutcome.Done);
        }

        if (w.Session.Effects.OfType<Effect.Dial>().FirstOrDefault(d => d.State != DialState.Planned) is { } inFlight)
        {
            DialOutcome outcome = EffectRuns.LookUp(w, inFlight) is { } leg ? new DialOutcome.Accepted(leg.Sid)
                : w.Session.Find(inFlight.Participant)!.Party is Party.Unknown ? new DialOutcome.LookUpFailed()
                : new DialOutcome.NotFound();
            return effects.Settle(w, inFlight, outcome, CheckedDecisions.MuchLater);
        }

        // No replica reviews a session that is never due.
        if (Deadlines.Next(w.Session, CheckedDecisions.Policy) is not null
            && decisions.Review(w, CheckedDecisions.MuchLater) is var reviewed && !ReferenceEquals(reviewed, w) && reviewed.Key() != key)
            return reviewed;
        foreach (var planned in w.Session.Effects.OfType<Effect.Dial>())
            if (effects.Claim(w, planned, CheckedDecisions.Now) is var claimed && !ReferenceEquals(claimed, w) && claimed.Key() != key)
                return claimed;
        // The sweep of the open conferences finds a person who entered the room after the end of the call.
        return w is { HasForgotten: true, RoomIsOpen: true, Session.IsEnded: true }
            && decisions.Rebuild(w, null, isOld: true) is var swept && !ReferenceEquals(swept, w) && swept.Key() != key ? swept : null;
    }

    /// <summary>A call to the callee is found by its addresses, if they are known.</summary>
    private static bool IsNotFound(World w, Leg leg) => w.Session?.Find(leg.Sid) is null
        && (leg.Owner != ParticipantId.Callee || w.Session?.Find(leg.Owner)?.Party is null or Party.Unknown);

    /// <summary>No participant is alone, or on hold for a person who has left. No leg rings for an ended call, and no work is left.
    /// </summary>
    private void CheckAtRest(World w)
    {
        Quiescent++;
        var alive = w.Legs.Count(l => l.IsAlive);
        if (w.Session is not { } session)
        {
            Violation.Unless(alive == 0, "Q: a leg is alive and there is no session", w);
            return;
        }

        Violation.Unless(session.Effects.All(e => e is Effect.SetFlags && !Deadlines.CanRun(session, e)), "Q: an effect is left", w);
        if (session.IsEnded)
        {
            Violation.Unless(alive == 0, "Q: a leg is alive after the end of the call", w);
            Violation.Unless(session.Participants.All(p => p.Progress == Progress.Gone), "Q: a participant of an ended call is not Gone",
                w);
            Violation.Unless(Deadlines.Next(session, CheckedDecisions.Policy) is null, "Q: a settled session has a deadline", w);
            return;
        }

        Live++;
        var present = w.Legs.Where(l => l.State == LegState.InRoom).ToList();
        var people = present.Count(l => l.By != AnsweredBy.Machine);
        var inCompany = people >= 2 || (people == 1 && w.Legs.Any(l => l.IsUnanswered));
        Violation.Unless(inCompany, "Q: the call goes on with one participant alone, or with none", w);
        foreach (var held in present.Where(l => l.IsOnHold))
            Violation.Unless(
                scenario.Holds.Any(h => h.Whom == held.Owner && w.Legs.Any(l => l.Owner == h.By && l.IsAlive)),
                "Q: a participant stays on hold for a person who has left", w);
        Violation.Unless(present.All(l => session.Find(l.Sid) is not { } known || known.Hold == l.IsOnHold),
            "Q: the session is wrong about a hold", w);
        Violation.Unless(present.Select(l => l.Owner).Distinct().Count() == present.Count, "Q: a participant is in the room twice", w);
        foreach (var leg in w.Legs.Where(l => l.IsAlive))
            Violation.Unless(session.Find(leg.Sid) is { Progress: not Progress.Gone }, "Q: the session does not know a leg that is alive",
                w);
        Violation.Unless(w.Legs.All(l => !l.IsUnanswered || !w.IsTaken(l.Owner)),
            "Q: the phone of a candidate rings, and another one has the call", w);
        Violation.Unless(w.Legs.All(l => l.State != LegState.Queued), "Q: a call waits in Twilio's queue without end", w);
        foreach (var participant in session.Participants.Where(p => p.Progress != Progress.Gone && !session.IsWaiting(p)))
            Violation.Unless(w.Legs.Any(l => l.Sid == participant.Leg && l.IsAlive), "Q: the session counts a leg that has ended", w);
    }
}
