namespace Calls.Domain;

/// <summary>Compares a due session with Twilio. A missed change has the same result as the lost webhook.</summary>
internal static class ReviewDecisions
{
    public static Step Observe(CallSession session, Observation seen, CallPolicy policy, DateTimeOffset now)
    {
        if (seen.InTheRoom.Any(leg => RebuildDecisions.MayBelong(session, leg)))
            return Step.Ignore(CallReply.Nothing, IgnoreReason.NotListedYet);
        var reviewed = session with
        {
            ReviewedAt = now,
            ReviewNow = false,
            ReviewFailures = 0,
            ReviewNotBefore = null,
            RebuiltAt = null,
        };
        if (seen.Conference is not null)
            reviewed = LegDecisions.Open(reviewed, seen.Conference);
        foreach (var leg in seen.Legs)
            if (reviewed.Find(leg.Leg) is { Progress: not Progress.Gone } participant)
                reviewed = Compare(reviewed, participant, leg, seen.InTheRoom.Contains(leg.Leg), policy, now);
        foreach (var flags in seen.Flags)
            reviewed = Correct(reviewed, flags, now);
        return Step.Do(HangUpUnknownLegs(reviewed, seen.InTheRoom, policy, now));
    }

    /// <summary>Twilio did not answer. The call goes on as it is, and the next review waits longer.</summary>
    public static Step Fail(CallSession session, SessionEvent.ReviewFailed e, CallPolicy policy, DateTimeOffset now)
    {
        if (!Deadlines.ReviewIsDue(session, policy, now))
            return Step.Ignore(CallReply.Nothing, IgnoreReason.NotPending);
        var failures = session.ReviewFailures + 1;
        return Step.Do(session with { ReviewFailures = failures, ReviewNotBefore = now + policy.ReviewBackoff(failures, e.Jitter) });
    }

    /// <summary>The webhook of a mute or a hold was lost. A pending request wins, and so does each newer change.</summary>
    private static CallSession Correct(CallSession session, ObservedFlags seen, DateTimeOffset now) =>
        session.Find(seen.Leg) is { Progress: Progress.Joined } participant && participant.FlagsMark == seen.Asked
            && (participant.Muted, participant.Hold) != (seen.Muted, seen.Hold)
            && session.FindEffect<Effect.SetFlags>(f => f.Participant == participant.Id) is null
            ? session.With(participant, participant with
            {
                Muted = seen.Muted,
                Hold = seen.Hold,
                FlagsVersion = participant.FlagsVersion + 1,
                FlagsAt = now,
            })
            : session;

    /// <summary>Twilio still says <c>queued</c>. It says so of an initiated call too, so a call of which Twilio has reported that it dials
    /// may ring out first. That report alone proves nothing: Twilio may send it while the call waits.</summary>
    private static bool IsQueuedTooLong(Participant participant, ObservedLeg seen, CallPolicy policy, DateTimeOffset now) =>
        seen.Progress == Progress.Dialing && participant.Progress == Progress.Dialing
        && now >= participant.Since + (participant.DialedAt is null ? policy.QueueTimeout : policy.LongestWaitOf(participant));

    /// <summary>Hangs up each leg in the room that has no participant or counts as gone. Otherwise its person could stay alone.</summary>
    /// <remarks>Redis lost the participant in a failover, or Twilio reported the end of the leg by mistake. During a dial, a leg without a
    /// participant can belong to the dial and stays.</remarks>
    public static CallSession HangUpUnknownLegs(CallSession session, ImmutableArray<CallSid> room, CallPolicy policy, DateTimeOffset now)
    {
        var dialUnderWay = session.FindEffect<Effect.Dial>(d => d.State != DialState.Planned) is not null;
        foreach (var leg in room.Where(leg => session.Find(leg) is { } known ? known.Progress == Progress.Gone
            : !dialUnderWay || session.FindEarlier(leg) is not null))
            session = session.HangUp(leg, policy, now);
        return session;
    }

    private static CallSession Compare(
        CallSession session, Participant participant, ObservedLeg seen, bool inTheRoom, CallPolicy policy, DateTimeOffset now)
    {
        session = session.Name(participant.Id, seen.Party);
        if (seen.Gone is { } gone)
            return session.MarkGone(participant.Id, gone, now);
        session = session.Raise(participant.Id, inTheRoom ? Progress.Joined : seen.Progress, now);
        if (seen.Progress == Progress.Ringing)
            session = session.Dialed(participant.Id, now);
        if (participant.Leaving != Leaving.No)
            return session.HangUp(seen.Leg, policy, now);
        if (IsQueuedTooLong(session.Find(participant.Id)!, seen, policy, now))
            return session.MarkGone(participant.Id, LeaveReason.Unreachable, now).HangUp(seen.Leg, policy, now);
        if (session.Find(participant.Id) is { IsScreened: true, Progress: Progress.Answered } answered)
            return now < answered.Since + policy.ScreeningTimeOf(answered) ? session
                : session.MarkGone(participant.Id, LeaveReason.NotAccepted, now).HangUp(seen.Leg, policy, now);
        var waitsForRoom = !inTheRoom && seen.Progress == Progress.Answered && participant.Progress >= Progress.Answered;
        // The list of the room may be older than the truth.
        if (!waitsForRoom || now < participant.Since + policy.JoinGrace + policy.ReadLag)
            return session;
        var reason = participant.EverJoined ? LeaveReason.HungUp : LeaveReason.NeverJoined;
        return session.MarkGone(participant.Id, reason, now).HangUp(seen.Leg, policy, now);
    }
}
