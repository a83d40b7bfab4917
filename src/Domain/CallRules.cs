namespace Calls.Domain;

/// <summary>The rules of a call. They read the state, never the event: who is on the line, who is still on the way?</summary>
internal static class CallRules
{
    /// <summary>Applied after every event, whatever it was.</summary>
    public static CallSession Settle(CallSession session, Evidence evidence, CallPolicy policy, DateTimeOffset now)
    {
        var settled = DropOverdueDials(session, policy, now);
        if (settled.AnsweredAt is null && settled.Participants.Any(p => p.Role != Role.Caller && p.Answered))
            settled = settled with { AnsweredAt = now };
        if (!settled.IsEnded && MustEnd(settled))
            settled = settled with { EndedAt = now, EndEvidence = evidence };
        return settled.IsEnded ? TearDown(settled, policy, now) : settled;
    }

    /// <summary>Nobody on the line: whatever rings must stop (G2). One person, and nobody on the way: nobody stays alone (G1, G4).</summary>
    private static bool MustEnd(CallSession session)
    {
        var onTheLine = session.Participants.Count(p => p.IsOnTheLine);
        return onTheLine == 0 || (onTheLine == 1 && !session.Participants.Any(p => p.IsOnTheWay));
    }

    /// <summary>Nothing older than its deadline is dialled, after whatever pause: the person who wanted it has given up by then.</summary>
    private static CallSession DropOverdueDials(CallSession session, CallPolicy policy, DateTimeOffset now)
    {
        foreach (var effect in session.Effects)
        {
            if (effect is Effect.Dial { State: DialState.Planned } dial && session.Find(dial.Participant) is { } participant && now >= participant.Since + policy.RingTimeout)
                session = session.Lose(participant.Id, LeaveReason.NeverDialed, now);
        }

        return session;
    }

    private static CallSession TearDown(CallSession session, CallPolicy policy, DateTimeOffset now)
    {
        foreach (var participant in session.Participants.Where(p => p.Progress != Progress.Gone && p.Leaving == Leaving.No))
            session = session.Remove(participant.Id, Leaving.WithTheCall, policy, now);
        if (session.EverybodyHasGone && (session.ReviewNow || session.Conference is not null || !session.ClosedConferences.IsEmpty))
            session = session with { ReviewNow = false, Conference = null, ClosedConferences = [] };
        var reason = ReasonFor(session);
        return reason == session.EndReason ? session : session with { EndReason = reason };
    }

    /// <summary>Takes a participant off the line, or stops their phone: by a hang-up where there is a leg, by not dialling where nothing was sent yet.
    /// Where a dial is under way, its outcome brings the leg, and the hang-up with it.</summary>
    public static CallSession Remove(this CallSession session, ParticipantId id, Leaving leaving, CallPolicy policy, DateTimeOffset now)
    {
        var participant = session.Find(id)!;
        session = session.With(participant, participant with { Leaving = leaving });
        if (participant.Leg is not null)
            return session.HangUp(participant.Leg, policy, now);
        return session.FindEffect<Effect.Dial>(d => d.Participant == id) is null or { State: DialState.Planned }
            ? session.Lose(id, LeaveReason.Canceled, now)
            : session;
    }

    /// <summary>Whether the reason, or a fact that it rests on, is one that only a newer version knows. Such a reason stands.</summary>
    private static bool IsOfANewerVersion(CallSession session, EndReason stored) => !Enum.IsDefined(stored)
        || (session.EndEvidence is { } evidence && !Enum.IsDefined(evidence))
        || session.Participants.Any(p => p.Gone is { } gone && !Enum.IsDefined(gone));

    /// <summary>Read from all that is known, so that it says the same in whatever order it became known.</summary>
    private static EndReason ReasonFor(CallSession session)
    {
        if (session.EndReason is { } stored && (stored is EndReason.EndedByPerson || IsOfANewerVersion(session, stored)))
            return stored;
        var caller = session.Caller;
        var neverJoined = !caller.EverJoined && (caller.Gone is LeaveReason.NeverJoined || session.EndEvidence is Evidence.Review);
        if (session.Participants.Any(p => p.Role != Role.Caller && p.Answered))
            return neverJoined ? EndReason.CallerNeverJoined : EndReason.OnePersonLeft;
        return session.Participants[1].Gone switch
        {
            LeaveReason.Busy => EndReason.CalleeBusy,
            LeaveReason.Declined => EndReason.CalleeDeclined,
            LeaveReason.NoAnswer => EndReason.CalleeNoAnswer,
            LeaveReason.Unreachable or LeaveReason.NeverDialed => EndReason.CalleeUnreachable,
            LeaveReason.RefusedByTwilio => EndReason.CalleeRefusedByTwilio,
            _ when session.Caller.Leaving == Leaving.Removed || session.Participants[1].Leaving == Leaving.Removed => EndReason.EndedByPerson,
            _ => neverJoined ? EndReason.CallerNeverJoined : EndReason.CallerHungUpBeforeAnswer,
        };
    }
}
