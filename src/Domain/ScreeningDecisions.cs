namespace Calls.Domain;

/// <summary>Whether a screened phone or a candidate enters the room. This depends on who answered, on the key that the person pressed, and
/// on whether another candidate got the call.</summary>
/// <remarks>The number of a question comes with its answer, so a repeated request gets the same reply.</remarks>
internal static class ScreeningDecisions
{
    /// <summary>The question is repeated once.</summary>
    private const int Questions = 2;

    /// <summary>The participant's own leg was answered, or the person has answered a question.</summary>
    public static Step Answered(CallSession session, SessionEvent.JoinCall e, DateTimeOffset now)
    {
        var participant = session.Find(e.Participant)!;
        var hasLost = Candidates.HasLost(session, participant);
        var isOver = hasLost || session.IsEnded || participant.Leaving != Leaving.No || participant.Progress == Progress.Gone;
        var accepts = (e.Key is null ? IsEnough(e, participant) : e.Key.IsOne) && !(isOver && participant.Id.Group is not null);
        if (accepts)
            session = session.Accept(participant.Id, now);
        var end = hasLost ? new CallReply.AnsweredElsewhere() : CallReply.End;
        if (participant.Progress == Progress.Gone)
            return Step.Note(
                session, participant.Gone is LeaveReason.Voicemail ? new CallReply.LeaveMessage() : end, IgnoreReason.LegAlreadyGone);
        if (isOver)
            return Step.Note(session, end, IgnoreReason.CallIsOver);
        return e switch
        {
            _ when accepts => Step.Do(session, new CallReply.JoinRoom(session.Find(participant.Id)!)),
            { Key.Question: >= Questions } =>
                Step.Do(session.MarkGone(participant.Id, LeaveReason.NotAccepted, now), CallReply.End),
            { Key: null, AnsweredBy: AnsweredBy.Machine } =>
                Step.Do(session.MarkGone(participant.Id, LeaveReason.Voicemail, now), new CallReply.LeaveMessage()),
            _ => Step.Do(session, new CallReply.Ask(participant, (e.Key?.Question ?? 0) + 1)),
        };
    }

    /// <summary>A person was recognised, or the phone is not screened and belongs to a candidate: the first answer gets the call.</summary>
    private static bool IsEnough(SessionEvent.JoinCall e, Participant participant) => participant.Screen == Screening.None
        || (participant.Screen == Screening.Machine && e.AnsweredBy == AnsweredBy.Human);
}
