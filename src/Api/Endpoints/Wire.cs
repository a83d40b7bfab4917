namespace Calls.Api.Endpoints;

// The enumerations of the session document. docs/api.md says what each value means. Clients rely on the names: a name is added, and never
// renamed. In JSON a name has lower case and hyphens between its words.

public enum SessionState
{
    Ringing,
    Live,
    Ended,
}

public enum SessionEndReason
{
    CallerHungUpBeforeAnswer,
    CallerNeverJoined,
    CalleeBusy,
    CalleeDeclined,
    CalleeNoAnswer,
    CalleeUnreachable,
    CalleeRefusedByTwilio,
    CalleeVoicemail,
    CalleeNotAccepted,
    NobodyAccepted,
    OnePersonLeft,
    EndedByPerson,
    MaxDuration,
}

public enum ParticipantRole
{
    Caller,
    Callee,
    Guest,
}

public enum ParticipantState
{
    Queued,
    Dialing,
    Ringing,
    Connected,
    Reconnecting,
    Left,
    NotReached,
}

public enum ParticipantReason
{
    HungUp,
    CallEnded,
    Removed,
    Declined,
    Busy,
    NoAnswer,
    Unreachable,
    Canceled,
    Voicemail,
    NotAccepted,
    AnsweredElsewhere,
    NobodyAccepted,
    RefusedByTwilio,
}

internal static class Wire
{
    /// <summary>The value of the document with the same name. Null if there is none: only a newer version knows the stored value.</summary>
    public static T? Named<T>(Enum? stored)
        where T : struct, Enum => stored is not null && Enum.TryParse<T>(stored.ToString(), out var named) && Enum.IsDefined(named)
            && Enum.IsDefined(stored.GetType(), stored) ? named : null;
}
