namespace Calls.Domain;

/// <summary>What Twilio's webhooks say of legs and of the room.</summary>
internal static class LegDecisions
{
    /// <summary>The answer gate: only a participant's own leg, in a call that goes on, enters the room. Anything else ends here.</summary>
    public static Step Answered(CallSession session, SessionEvent.JoinCall e, CallPolicy policy, DateTimeOffset now)
    {
        if (e.Nonce is not null && e.Nonce != session.Nonce)
            return Step.Ignore(CallReply.End, IgnoreReason.OfAnEarlierCall);
        if (session.Find(e.Participant) is not { } participant)
            return Step.Ignore(CallReply.End, IgnoreReason.UnknownParticipant);
        if (e.Nonce is null && participant.Leg is null)
            return Step.Ignore(CallReply.End, IgnoreReason.UnknownLeg);
        if (participant.Leg is not null && participant.Leg != e.Leg)
            return Step.Ignore(CallReply.End, IgnoreReason.SecondLeg);
        var raised = session.Announce(participant, e.Leg, live: true, policy, now).Raise(participant.Id, Progress.Answered, now);
        var answered = raised.Find(participant.Id)!;
        return answered.Progress == Progress.Gone ? Step.Note(raised, CallReply.End, IgnoreReason.LegAlreadyGone)
            : session.IsEnded || answered.Leaving != Leaving.No ? Step.Note(raised, CallReply.End, IgnoreReason.CallIsOver)
            : Step.Do(raised, new CallReply.JoinRoom(answered));
    }

    /// <remarks>A participant is stored before they are dialled, so a leg of this very call that is nobody's is one that the store has lost in a failover: it is hung up.</remarks>
    public static Step Progressed(CallSession session, SessionEvent.LegProgressed e, CallPolicy policy, DateTimeOffset now)
    {
        var live = e.To != Progress.Gone;
        if (e.Nonce is not null && e.Nonce != session.Nonce)
            return Step.Note(live ? session.HangUp(e.Leg, policy, now) : session, CallReply.Nothing, IgnoreReason.OfAnEarlierCall);
        if (session.Find(e.Participant) is not { } participant)
            return Step.Note(live && e.Nonce is not null ? session.HangUp(e.Leg, policy, now) : session, CallReply.Nothing, IgnoreReason.UnknownParticipant);
        if (e.Nonce is null && participant.Leg is null)
            return Step.Ignore(CallReply.Nothing, IgnoreReason.UnknownLeg);
        if (participant.Leg is not null && participant.Leg != e.Leg)
            return Step.Note(live ? session.HangUp(e.Leg, policy, now) : session, CallReply.Nothing, IgnoreReason.SecondLeg);
        var announced = session.Announce(participant, e.Leg, live, policy, now);
        var moved = live ? announced.Raise(participant.Id, e.To, now) : announced.Lose(participant.Id, e.Reason ?? LeaveReason.HungUp, now);
        return participant.Progress == Progress.Gone ? Step.Note(moved, CallReply.Nothing, IgnoreReason.LegAlreadyGone) : Step.Do(moved);
    }

    public static Step Joined(CallSession session, SessionEvent.ParticipantJoined e, CallPolicy policy, DateTimeOffset now)
    {
        if (e.Room is not null && e.Room != session.Room)
            return Step.Ignore(CallReply.Nothing, IgnoreReason.OfAnEarlierCall);
        if (Whose(session, e.Leg, e.Label) is not { } participant)
            return Step.Note(e.Room is not null ? session.HangUp(e.Leg, policy, now) : session, CallReply.Nothing, IgnoreReason.UnknownLeg);
        if (participant.Leg is not null && participant.Leg != e.Leg)
            return Step.Note(session.HangUp(e.Leg, policy, now), CallReply.Nothing, IgnoreReason.SecondLeg);
        var late = session.ClosedConferences.Contains(e.Conference);
        var joined = Open(session, e.Conference).Announce(participant, e.Leg, live: true, policy, now)
            .Raise(participant.Id, late ? Progress.Answered : Progress.Joined, now);
        joined = Note(joined, participant.Id, e.Flags);
        if (late && joined.Find(participant.Id) is { EverJoined: false } known)
            joined = joined.With(known, known with { EverJoined = true });
        return participant.Progress == Progress.Gone ? Step.Note(joined, CallReply.Nothing, IgnoreReason.LegAlreadyGone) : Step.Do(joined);
    }

    public static Step Left(CallSession session, SessionEvent.ParticipantLeft e, DateTimeOffset now)
    {
        if (e.Room is not null && e.Room != session.Room)
            return Step.Ignore(CallReply.Nothing, IgnoreReason.OfAnEarlierCall);
        if (Whose(session, e.Leg, e.Label) is not { } participant)
            return Step.Ignore(CallReply.Nothing, IgnoreReason.UnknownLeg);
        if (participant.Leg is not null && participant.Leg != e.Leg)
            return Step.Ignore(CallReply.Nothing, IgnoreReason.SecondLeg);
        var lost = session.Adopt(participant, e.Leg).Lose(participant.Id, e.Reason, now);
        return participant.Progress == Progress.Gone ? Step.Note(lost, CallReply.Nothing, IgnoreReason.LegAlreadyGone) : Step.Do(lost);
    }

    public static Step FlagsChanged(CallSession session, SessionEvent.ParticipantFlagsChanged e)
    {
        if (e.Room is not null && e.Room != session.Room)
            return Step.Ignore(CallReply.Nothing, IgnoreReason.OfAnEarlierCall);
        if (Whose(session, e.Leg, e.Label) is not { } participant)
            return Step.Ignore(CallReply.Nothing, IgnoreReason.UnknownLeg);
        if (participant.Leg is not null && participant.Leg != e.Leg)
            return Step.Ignore(CallReply.Nothing, IgnoreReason.SecondLeg);
        return e.Flags.Sequence <= participant.FlagsSequence
            ? Step.Ignore(CallReply.Nothing, IgnoreReason.Overtaken)
            : Step.Do(Note(Open(session, e.Conference), participant.Id, e.Flags));
    }

    /// <summary>A conference under the room's name is open. One that is known to be over opens nothing again.</summary>
    public static CallSession Open(CallSession session, ConferenceSid conference) =>
        session.IsEnded || conference == session.Conference || session.ClosedConferences.Contains(conference) ? session : session with { Conference = conference };

    /// <summary>The conference is over. Its legs need not be, and their own webhooks may be lost: Twilio is asked at once.</summary>
    public static CallSession Close(CallSession session, ConferenceSid conference) => session.EverybodyHasGone || session.ClosedConferences.Contains(conference) ? session : session with
    {
        ClosedConferences = session.ClosedConferences.Add(conference),
        Conference = session.Conference == conference ? null : session.Conference,
        ReviewNow = true,
    };

    /// <summary>A leg says whose it is. The first to do so is adopted; one that nobody waits for any more, or whose person is to leave, is hung up.</summary>
    public static CallSession Announce(this CallSession session, Participant participant, CallSid leg, bool live, CallPolicy policy, DateTimeOffset now)
    {
        if (participant.Leg is not null)
            return session;
        var adopted = session.Adopt(participant, leg);
        var unwanted = participant.Progress == Progress.Gone || participant.Leaving != Leaving.No;
        return live && unwanted ? adopted.HangUp(leg, policy, now) : adopted;
    }

    private static Participant? Whose(CallSession session, CallSid leg, ParticipantId? label) => session.Find(leg) ?? session.Find(label);

    private static CallSession Note(CallSession session, ParticipantId id, Flags? flags)
    {
        var participant = session.Find(id)!;
        return flags is null || flags.Sequence <= participant.FlagsSequence
            ? session
            : session.With(participant, participant with { Muted = flags.Muted, Hold = flags.Hold, FlagsSequence = flags.Sequence });
    }
}
