namespace Calls.Domain;

/// <summary>Whether a screened phone enters the room. This depends on who answered, and on the key that the person pressed.</summary>
/// <remarks>The number of a question comes with its answer, so a repeated request gets the same reply.</remarks>
internal static class ScreeningDecisions
{
    /// <summary>The question is repeated once.</summary>
    private const int Questions = 2;

    /// <summary>The participant's own leg was answered, or the person has answered a question.</summary>
    public static Step Answered(CallSession session, SessionEvent.JoinCall e, DateTimeOffset now)
    {
        var participant = session.Find(e.Participant)!;
        var isRecognised = e is { AnsweredBy: AnsweredBy.Human, Key: null } && participant.Screen == Screening.Machine;
        var accepts = isRecognised || e.Key is { IsOne: true };
        if (accepts)
            session = session.Accept(participant.Id, now);
        if (participant.Progress == Progress.Gone)
        {
            var reply = participant.Gone is LeaveReason.Voicemail ? new CallReply.LeaveMessage() : CallReply.End;
            return Step.Note(session, reply, IgnoreReason.LegAlreadyGone);
        }

        if (session.IsEnded || participant.Leaving != Leaving.No)
            return Step.Note(session, CallReply.End, IgnoreReason.CallIsOver);
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
}
