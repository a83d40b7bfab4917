namespace Calls.Domain.Tests.Exhaustive;

/// <summary>The execution of effects: our worker, and Twilio's reaction to its requests.</summary>
internal sealed class EffectRuns(Scenario scenario, CheckedDecisions decisions)
{
    /// <summary>Twilio adds a guest only to an open conference. The callee and candidates are called directly.</summary>
    public static bool CanCreateCall(World w, DialRequest request) =>
        World.IsCalled(request.Participant) || (w.RoomIsOpen && request.Conference == w.Conferences);

    public static CallSid NextSid(World w, ParticipantId participant) =>
        World.SidOf(participant, w.Legs.Count(l => l.Owner == participant) + 1);

    public World CreateCall(World w, DialRequest request, DialOutcome outcome)
    {
        var legs = w.Legs.Add(new Leg(request.Participant, NextSid(w, request.Participant), LegState.Queued));
        var ringsOnce = scenario.Start.FailoversLeft > 0 || legs.Count(l => l.Owner == request.Participant) == 1;
        Violation.Unless(ringsOnce, "S: a phone rings twice for one request", w);
        return Reply(w with { Legs = [.. legs.OrderBy(l => l.Sid.Value, StringComparer.Ordinal)] }, request, outcome);
    }

    public static World Reply(World w, DialRequest request, DialOutcome outcome)
    {
        var replies = w.Replies.Add(new DialReply(request.Participant, request.Attempt, outcome));
        return w with { Replies = [.. replies.OrderBy(r => r.Participant.Value, StringComparer.Ordinal).ThenBy(r => r.Attempt)] };
    }

    /// <summary>
    /// A look-up finds the callee's call by its addresses, even if it has ended. It finds a guest's call by its label while the call is
    /// active.
    /// </summary>
    public static Leg? LookUp(World w, Effect.Dial dial) => w.Session!.Find(dial.Participant)!.Party is Party.Unknown
        ? null
        : w.Legs.LastOrDefault(l => l.Owner == dial.Participant && !l.IsReturn && (l.IsAlive || World.IsCalled(l.Owner)));

    public World Claim(World w, Effect.Dial dial, DateTimeOffset now)
    {
        var claimed = decisions.Apply(w, new SessionEvent.ClaimDial(dial.Participant, w.Session!.Nonce), out var reply, now);
        if (reply is not CallReply.DialGranted granted)
            return claimed;
        var conference = granted.Session.Conference is { } sid && !World.IsCalled(dial.Participant) ? sid.Value[^1] - '0' : 0;
        if (w is { FailoversLeft: > 0, BeforeClaim: null })
            claimed = claimed with { BeforeClaim = w.Stored };
        return claimed with { Requests = claimed.Requests.Add(new DialRequest(dial.Participant, granted.Attempt, conference)) };
    }

    /// <summary>
    /// A hang-up of a participant's leg is not saved. The leg's own webhook reports it, or the next hang-up finds that the leg has ended.
    /// </summary>
    public World HangUp(World w, Effect.HangUp hangUp)
    {
        var hasEnded = w.Legs.All(l => l.Sid != hangUp.Leg || !l.IsAlive);
        if (!hasEnded && w.Session!.Find(hangUp.Leg) is { Progress: not Progress.Gone })
            return w.HangUp(hangUp.Leg);
        var outcome = hasEnded ? EffectOutcome.AlreadyOver : EffectOutcome.Done;
        return decisions.Apply(w.HangUp(hangUp.Leg), new SessionEvent.HangUpSettled(hangUp.Leg, outcome));
    }

    /// <summary>A connected leg leaves the room, if it is there, and hears the tone. Null: Twilio refuses the request.</summary>
    public static World? PlayTone(World w, Effect.HangUp tone)
    {
        Violation.Unless(w.Session!.Find(tone.Leg) is { Role: Role.Caller, Progress: not Progress.Gone },
            "S: a tone is sent to a person who has left", w);
        return w.Legs.FirstOrDefault(l => l.Sid == tone.Leg) switch
        {
            { State: LegState.Entering or LegState.InRoom } leg => w.With(leg, leg with { State = LegState.HearsTone }),
            { State: LegState.HearsTone } => w,
            _ => null,
        };
    }

    public World Settle(World w, Effect.HangUp tone, EffectOutcome outcome) =>
        decisions.Apply(w, new SessionEvent.ToneSettled(tone.Leg, outcome));

    /// <summary>The same change is under way once.</summary>
    public static World Send(World w, Effect.SetFlags flags)
    {
        var participant = w.Session!.Find(flags.Participant)!;
        var change = new HoldRequest(flags.Participant, participant.Leg!, participant.FlagsMark, flags.Hold!.Value);
        return w.HoldRequests.Contains(change) ? w : w with
        {
            HoldRequests = [.. w.HoldRequests.Add(change).OrderBy(c => c.Participant.Value, StringComparer.Ordinal)
                .ThenBy(c => c.Asked.Version).ThenBy(c => c.Asked.Sequence)],
        };
    }

    public World Settle(World w, HoldRequest change, EffectOutcome outcome) => w.Session is null ? w
        : decisions.Apply(w, new SessionEvent.FlagsSettled(
        w.Session!.Room, change.Participant, change.Asked, outcome,
        outcome == EffectOutcome.Done ? new SeenFlags(false, change.Hold) : null));

    public World Settle(World w, Effect.Dial dial, DialOutcome outcome, DateTimeOffset? now = null) =>
        decisions.Apply(w, new SessionEvent.DialSettled(dial.Participant, w.Session!.Nonce, dial.Attempt, outcome), now);

    /// <summary>A reply about a session that is forgotten changes nothing.</summary>
    public World Settle(World w, DialReply reply) => w.Session is null ? w
        : decisions.Apply(w, new SessionEvent.DialSettled(reply.Participant, w.Session!.Nonce, reply.Attempt, reply.Outcome));
}
