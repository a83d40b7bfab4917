namespace Calls.Domain;

/// <summary>The decisions about Twilio's webhooks of legs and of the room.</summary>
internal static class LegDecisions
{
    /// <summary>Only a participant's own leg enters the room, and only while the call is live. Any other leg is hung up. A screened phone
    /// is screened first.</summary>
    public static Step Answered(CallSession session, SessionEvent.JoinCall e, CallPolicy policy, DateTimeOffset now)
    {
        if (e.Nonce is not null && e.Nonce != session.Nonce)
            return Step.Ignore(CallReply.End, IgnoreReason.OfAnEarlierCall);
        var known = session.Find(e.Participant);
        if (e.Nonce is not null && RebuildDecisions.IsMissing(known) && RebuildDecisions.MayBelong(session, e.Leg))
            return Step.Ignore(CallReply.End, IgnoreReason.NotListedYet);
        if (known is not { } participant)
            return Step.Ignore(CallReply.End, IgnoreReason.UnknownParticipant);
        if (e.Nonce is null && participant.Leg is null)
            return Step.Ignore(CallReply.End, IgnoreReason.UnknownLeg);
        if (participant.HadLeg(e.Leg))
            return Step.Ignore(CallReply.End, IgnoreReason.EarlierLeg);
        if (participant.HasOtherLeg(e.Leg))
            return Step.Ignore(CallReply.End, IgnoreReason.SecondLeg);
        var raised = session.Announce(participant, e.Leg, live: true, policy, now).Raise(participant.Id, Progress.Answered, now);
        if (participant.IsScreened)
            return ScreeningDecisions.Answered(raised, e, now);
        var answered = raised.Find(participant.Id)!;
        var end = answered.Lost ? new CallReply.AnsweredElsewhere() : CallReply.End;
        return answered.Progress == Progress.Gone ? Step.Note(raised, end, IgnoreReason.LegAlreadyGone)
            : session.IsEnded || answered.Leaving != Leaving.No ? Step.Note(raised, end, IgnoreReason.CallIsOver)
            : Step.Do(raised, new CallReply.JoinRoom(answered));
    }

    /// <remarks>The participant is stored before the dial. If a leg has none, Redis lost it in a failover: the leg is hung up.</remarks>
    public static Step Progressed(CallSession session, SessionEvent.LegProgressed e, CallPolicy policy, DateTimeOffset now)
    {
        var live = e.To != Progress.Gone;
        if (e.Nonce is not null && e.Nonce != session.Nonce)
            return Reject(session, e.Leg, live, IgnoreReason.OfAnEarlierCall, policy, now);
        var known = session.Find(e.Participant);
        if (live && e.Nonce is not null && RebuildDecisions.IsMissing(known) && RebuildDecisions.MayBelong(session, e.Leg))
            return Step.Ignore(CallReply.Nothing, IgnoreReason.NotListedYet);
        if (known is not { } participant)
            return Reject(session, e.Leg, live && e.Nonce is not null, IgnoreReason.UnknownParticipant, policy, now);
        if (e.Nonce is null && participant.Leg is null)
            return Step.Ignore(CallReply.Nothing, IgnoreReason.UnknownLeg);
        if (participant.HadLeg(e.Leg))
            return Step.Ignore(CallReply.Nothing, IgnoreReason.EarlierLeg);
        if (participant.HasOtherLeg(e.Leg))
            return Reject(session, e.Leg, live, IgnoreReason.SecondLeg, policy, now);
        var announced = session.Announce(participant, e.Leg, live, policy, now);
        return Finish(participant, live
            ? announced.Raise(participant.Id, e.To, now).Dialed(participant.Id, now)
            : announced.MarkGone(participant.Id, e.Reason ?? LeaveReason.HungUp, now));
    }

    public static Step Joined(CallSession session, SessionEvent.ParticipantJoined e, CallPolicy policy, DateTimeOffset now)
    {
        var known = session.Find(e.Leg, e.Label);
        // The nonce is in the name of the room.
        if (e.Room is not null && (RebuildDecisions.IsMissing(known) || known.Leg is not null)
            && RebuildDecisions.MayBelong(session, e.Leg))
            return Step.Ignore(CallReply.Nothing, IgnoreReason.NotListedYet);
        if (known is not { } participant)
            return Reject(session, e.Leg, hangUp: e.Room is not null, IgnoreReason.UnknownLeg, policy, now);
        if (participant.HadLeg(e.Leg))
            return Step.Ignore(CallReply.Nothing, IgnoreReason.EarlierLeg);
        if (participant.HasOtherLeg(e.Leg))
            return Reject(session, e.Leg, hangUp: true, IgnoreReason.SecondLeg, policy, now);
        var late = session.ClosedConferences.Contains(e.Conference);
        var joined = Open(session, e.Conference).Announce(participant, e.Leg, live: true, policy, now)
            .Raise(participant.Id, late ? Progress.Answered : Progress.Joined, now);
        joined = SetFlags(joined, participant.Id, e.Flags, now);
        if (participant.Progress < Progress.Joined)
            joined = DropIfAsWanted(joined, participant.Id, e.Flags);
        if (late && joined.Find(participant.Id) is { EverJoined: false } entered)
            joined = joined.With(entered, entered.Enter(now) with { Answered = true });
        return Finish(participant, joined);
    }

    public static Step Left(CallSession session, SessionEvent.ParticipantLeft e, DateTimeOffset now) => session.Find(e.Leg, e.Label) switch
    {
        null => Step.Ignore(CallReply.Nothing, IgnoreReason.UnknownLeg),
        var participant when participant.HadLeg(e.Leg) => Step.Ignore(CallReply.Nothing, IgnoreReason.EarlierLeg),
        var participant when participant.HasOtherLeg(e.Leg) => Step.Ignore(CallReply.Nothing, IgnoreReason.SecondLeg),
        var participant => Finish(participant, session.Adopt(participant, e.Leg).MarkGone(participant.Id, ReasonOf(participant, e), now)),
    };

    /// <summary>An app is never busy by itself: its person declines. The report of a leave does not say whether the leg was an app's.
    /// </summary>
    private static LeaveReason ReasonOf(Participant participant, SessionEvent.ParticipantLeft e) =>
        e.Reason is LeaveReason.Busy && participant.Party is Party.Client ? LeaveReason.Declined : e.Reason;

    public static Step FlagsChanged(CallSession session, SessionEvent.ParticipantFlagsChanged e, DateTimeOffset now) =>
        session.Find(e.Leg, e.Label) switch
        {
            null => Step.Ignore(CallReply.Nothing, IgnoreReason.UnknownLeg),
            var participant when participant.HadLeg(e.Leg) => Step.Ignore(CallReply.Nothing, IgnoreReason.EarlierLeg),
            var participant when participant.HasOtherLeg(e.Leg) => Step.Ignore(CallReply.Nothing, IgnoreReason.SecondLeg),
            var participant when e.Flags.Sequence <= participant.FlagsSequence => Step.Ignore(CallReply.Nothing, IgnoreReason.Overtaken),
            var participant => Step.Do(SetFlags(Open(session, e.Conference), participant.Id, e.Flags, now)),
        };

    /// <summary>The room's conference is open. An event of an ended conference does not open the room again.</summary>
    public static CallSession Open(CallSession session, ConferenceSid conference) =>
        session.IsEnded || conference == session.Conference || session.ClosedConferences.Contains(conference)
            ? session
            : session with { Conference = conference, LastConference = conference };

    /// <summary>The conference is over. Its legs can be live, and their own webhooks can be lost: a review is due at once. A phone that was
    /// called into this conference can enter no other one, so it stops (G2).</summary>
    public static CallSession Close(CallSession session, ConferenceSid conference, CallPolicy policy, DateTimeOffset now)
    {
        if (session.AllHaveLeft || session.ClosedConferences.Contains(conference))
            return session;
        var isCurrent = session.Conference == conference;
        var closed = session with
        {
            ClosedConferences = session.ClosedConferences.Add(conference),
            Conference = isCurrent ? null : session.Conference,
            ReviewNow = true,
        };
        foreach (var guest in session.Participants.Where(p => isCurrent && !p.HasAnswerUrl && p.Leaving == Leaving.No
            && p.Progress < Progress.Answered && session.FindDial(p.Id) is not { State: DialState.Planned }))
            closed = closed.Remove(guest.Id, Leaving.WithTheCall, policy, now);
        return closed;
    }

    /// <summary>A leg reports itself. The first leg is adopted. It is hung up if the participant has left or must leave.</summary>
    public static CallSession Announce(
        this CallSession session, Participant participant, CallSid leg, bool live, CallPolicy policy, DateTimeOffset now)
    {
        if (participant.Leg is not null)
            return session;
        var adopted = session.Adopt(participant, leg);
        var unwanted = participant.Progress == Progress.Gone || participant.Leaving != Leaving.No;
        return live && unwanted ? adopted.HangUp(leg, policy, now) : adopted;
    }

    private static Step Finish(Participant before, CallSession after) => before.Progress == Progress.Gone
        ? Step.Note(after, CallReply.Nothing, IgnoreReason.LegAlreadyGone)
        : Step.Do(after);

    private static Step Reject(CallSession session, CallSid leg, bool hangUp, IgnoreReason reason, CallPolicy policy, DateTimeOffset now) =>
        Step.Note(hangUp ? session.HangUp(leg, policy, now) : session, CallReply.Nothing, reason);

    /// <summary>A person who enters as it was requested needs no request. No request has been made: the service did not know of the entry.
    /// </summary>
    private static CallSession DropIfAsWanted(CallSession session, ParticipantId id, Flags? flags) =>
        flags is not null && session.Find(id)!.FlagsSequence == flags.Sequence
            && session.FindEffect<Effect.SetFlags>(f => f.Participant == id) is { } wanted
            && (wanted.Muted ?? flags.Muted) == flags.Muted && (wanted.Hold ?? flags.Hold) == flags.Hold
            ? session.Without(wanted)
            : session;

    private static CallSession SetFlags(CallSession session, ParticipantId id, Flags? flags, DateTimeOffset now)
    {
        var participant = session.Find(id)!;
        return flags is null || flags.Sequence <= participant.FlagsSequence
            ? session
            : session.With(participant, participant with
            {
                Muted = flags.Muted,
                Hold = flags.Hold,
                FlagsSequence = flags.Sequence,
                FlagsAt = now,
            });
    }
}
