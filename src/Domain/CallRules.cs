namespace Calls.Domain;

/// <summary>The rules of a call. They read the state, not the event: which participants are on the line or on the way.</summary>
internal static class CallRules
{
    /// <summary>Applies the rules. It runs after every event.</summary>
    public static CallSession Settle(CallSession session, Evidence evidence, CallPolicy policy, DateTimeOffset now)
    {
        var settled = DropOverdueDials(session, policy, now);
        if (settled.RangAt is null && settled.CalleeHasRung)
            settled = settled with { RangAt = now };
        if (settled.AnsweredAt is null && settled.Participants.Any(p => p.Role != Role.Caller && p.Answered))
            settled = settled with { AnsweredAt = now };
        settled = Candidates.Settle(KeepEachOnce(Returns.Await(settled, policy, now), policy, now), policy, now);
        if (!settled.IsEnded && MustEnd(settled) && !RebuildDecisions.MayHaveCompany(settled))
            settled = Returns.Await(settled with { EndedAt = now, EndEvidence = evidence }, policy, now);
        return settled.IsEnded ? TearDown(settled, policy, now) : Holds.Release(Returns.Ring(settled, policy, now), policy, now);
    }

    /// <summary>A person is on the call once: the participant in the room stays, or else the one on the line, or else the first one. The
    /// others may have added the person while the person came back, or while a session that was built again did not know the
    /// address.</summary>
    private static CallSession KeepEachOnce(CallSession session, CallPolicy policy, DateTimeOffset now)
    {
        if (session.IsEnded)
            return session;
        for (var i = 1; i < session.Participants.Length; i++)
            for (var j = 0; j < i; j++)
            {
                var (first, second) = (session.Participants[j], session.Participants[i]);
                if (first.Party == second.Party && first.IsPresent && second.IsPresent && first.Party is not Party.Unknown)
                    session = session.Remove((Closeness(second) > Closeness(first) ? first : second).Id, Leaving.WithTheCall, policy, now);
            }

        return Returns.Await(session, policy, now);

        static int Closeness(Participant person) => person.Progress == Progress.Joined ? 2 : person.IsOnTheLine ? 1 : 0;
    }

    /// <summary>No participant is on the line (G2: all ringing stops), or one is and none is on the way or reconnecting (G1, G4).</summary>
    /// <remarks>A participant on hold counts, because the hold ends: its holder is there and can end it, or has left. In the second case
    /// the end of the hold is planned, like a phone that rings. If Twilio refuses it, the leg is hung up and does not count.</remarks>
    private static bool MustEnd(CallSession session)
    {
        var onTheLine = session.Participants.Count(p => p.IsOnTheLine);
        return onTheLine == 0 || (onTheLine == 1 && !session.Participants.Any(p => p.IsOnTheWay || p.Reconnecting));
    }

    /// <summary>Drops the dials that were not sent within the queue time-out, and the question to the group resolver that was not answered
    /// within it. The person who wanted them no longer waits.</summary>
    private static CallSession DropOverdueDials(CallSession session, CallPolicy policy, DateTimeOffset now)
    {
        foreach (var effect in session.Effects)
            if (effect is Effect.Dial { State: DialState.Planned, Participant: var id }
                && session.Find(id)?.Since + policy.QueueTimeout <= now)
                session = session.MarkGone(id, LeaveReason.NeverDialed, now);
            else if (effect is Effect.ResolveGroup && session.Find(ParticipantId.Callee)?.Since + policy.QueueTimeout <= now)
                session = session.MarkGone(ParticipantId.Callee, LeaveReason.NoCandidates, now);
        return session;
    }

    private static CallSession TearDown(CallSession session, CallPolicy policy, DateTimeOffset now)
    {
        session = session.HangUpCaller(ReasonFor(session), policy, now);
        foreach (var participant in session.Participants.Where(p => p.Progress != Progress.Gone && p.Leaving == Leaving.No))
            session = session.Remove(participant.Id, Leaving.WithTheCall, policy, now);
        if (session.AllHaveLeft && (session.ReviewNow || session.Conference is not null || !session.ClosedConferences.IsEmpty))
            session = session with { ReviewNow = false, Conference = null, ClosedConferences = [] };
        var reason = ReasonFor(session);
        return reason == session.EndReason ? session : session with { EndReason = reason };
    }

    /// <summary>Hangs up the leg, or drops a dial that was not sent. If the dial was sent, its outcome names the leg to hang up.</summary>
    public static CallSession Remove(this CallSession session, ParticipantId id, Leaving leaving, CallPolicy policy, DateTimeOffset now)
    {
        var participant = session.Find(id)!;
        session = session.With(participant, participant with { Leaving = leaving });
        if (participant.Leg is not null)
            return session.HangUp(participant.Leg, policy, now);
        return session.FindDial(id) is null or { State: DialState.Planned } ? session.MarkGone(id, LeaveReason.Canceled, now) : session;
    }

    /// <summary>Whether only a newer version knows the reason or a fact that it rests on. Such a reason is kept.</summary>
    private static bool IsOfNewerVersion(CallSession session, EndReason stored) => !Enum.IsDefined(stored)
        || (session.EndEvidence is { } evidence && !Enum.IsDefined(evidence))
        || session.Participants.Any(p => p.Gone is { } gone && !Enum.IsDefined(gone));

    /// <summary>The reason depends on all known facts, not on the order in which they became known.</summary>
    private static EndReason ReasonFor(CallSession session)
    {
        if (session.EndReason is { } stored
            && (stored is EndReason.EndedByPerson or EndReason.MaxDuration || IsOfNewerVersion(session, stored)))
            return stored;
        var (caller, callee) = (session.Caller, session.Participants[1]);
        var why = callee.Id.Group is { } group ? session.ReasonOf(group) : callee.Reason;
        var neverJoined = !caller.EverJoined && (caller.Gone is LeaveReason.NeverJoined || session.EndEvidence is Evidence.Review);
        if (session.Participants.Any(p => p.Role != Role.Caller && p.Answered))
            return neverJoined ? EndReason.CallerNeverJoined : EndReason.OnePersonLeft;
        return why switch
        {
            LeaveReason.Busy => EndReason.CalleeBusy,
            LeaveReason.Declined => EndReason.CalleeDeclined,
            LeaveReason.NoAnswer => EndReason.CalleeNoAnswer,
            LeaveReason.Unreachable or LeaveReason.NeverDialed or LeaveReason.NoCandidates => EndReason.CalleeUnreachable,
            LeaveReason.RefusedByTwilio => EndReason.CalleeRefusedByTwilio,
            LeaveReason.Voicemail => EndReason.CalleeVoicemail,
            LeaveReason.NotAccepted => EndReason.CalleeNotAccepted,
            LeaveReason.NobodyAccepted => EndReason.NobodyAccepted,
            _ when caller.Leaving == Leaving.Removed || session.Callees.Any(c => c.Leaving == Leaving.Removed) => EndReason.EndedByPerson,
            _ => neverJoined ? EndReason.CallerNeverJoined : EndReason.CallerHungUpBeforeAnswer,
        };
    }
}
