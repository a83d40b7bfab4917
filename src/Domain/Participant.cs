namespace Calls.Domain;

/// <summary>One person of a call, and how far their leg has come.</summary>
/// <remarks>
/// <see cref="Progress"/> only rises and <see cref="Domain.Progress.Gone"/> is final, so duplicated and reordered webhooks change nothing.
/// A person has one leg at most; a second one that announces itself is hung up.
/// </remarks>
public sealed record Participant
{
    public required ParticipantId Id { get; init; }
    public required Role Role { get; init; }
    public required Party Party { get; init; }
    /// <summary>What the people on the call named this person ("doctor"); shown, never interpreted.</summary>
    public string? Label { get; init; }
    public required Progress Progress { get; init; }
    /// <summary>When <see cref="Progress"/> last rose, by our clock: what a deadline counts from.</summary>
    public required DateTimeOffset Since { get; init; }
    /// <summary>The leg's SID; null until Twilio has told us of it.</summary>
    public CallSid? Leg { get; init; }
    /// <summary>Whether the leg was ever answered. A fact that only rises, and may rise after the leg has gone.</summary>
    public bool Answered { get; init; }
    /// <summary>Whether the leg was ever in the room. A fact that only rises.</summary>
    public bool EverJoined { get; init; }
    /// <summary>Why the leg has gone; set with <see cref="Progress.Gone"/>.</summary>
    public LeaveReason? Gone { get; init; }
    /// <summary>Twilio's error code where <see cref="Gone"/> is <see cref="LeaveReason.RefusedByTwilio"/>.</summary>
    public int? RefusalCode { get; init; }
    /// <summary>Set when this leg is to end: by a person's wish, or with the call.</summary>
    public Leaving Leaving { get; init; }
    public bool Muted { get; init; }
    public bool Hold { get; init; }
    /// <summary>Twilio's SequenceNumber of the event that <see cref="Muted"/> and <see cref="Hold"/> were taken from.</summary>
    public int FlagsSequence { get; init; } = -1;
    /// <summary>The stored members that only a newer version knows, as a JSON object. They are stored again as they are.</summary>
    public string? Unknown { get; init; }

    /// <summary>A person at the line: answered, perhaps still entering the room, and not being taken off.</summary>
    public bool IsOnTheLine => Progress is Progress.Answered or Progress.Joined && Leaving == Leaving.No;

    /// <summary>A phone that rings or is about to, and is not being stopped.</summary>
    public bool IsOnTheWay => Progress is Progress.Invited or Progress.Dialing or Progress.Ringing && Leaving == Leaving.No;
}

/// <summary>What someone is to a call: who placed it, who was rung first, or a phone that was added.</summary>
public enum Role
{
    Caller = 0,
    Callee = 1,
    Guest = 2,
}

/// <summary>How far a leg has come. The order is the rank: it only rises.</summary>
public enum Progress
{
    /// <summary>To be dialled; Twilio has not been asked, or has not acted.</summary>
    Invited = 0,
    /// <summary>Twilio has the call: queued or initiated.</summary>
    Dialing = 1,
    /// <summary>The phone rings.</summary>
    Ringing = 2,
    /// <summary>Picked up; on the way into the room.</summary>
    Answered = 3,
    /// <summary>In the room.</summary>
    Joined = 4,
    /// <summary>The leg is over, or never came to be. Final.</summary>
    Gone = 5,
}

/// <summary>Who wants a leg to end.</summary>
public enum Leaving
{
    No = 0,
    /// <summary>The call is over, so every leg of it ends.</summary>
    WithTheCall = 1,
    /// <summary>Somebody on the call, or an operator, took this person off the line.</summary>
    Removed = 2,
}

/// <summary>Why a leg has gone.</summary>
public enum LeaveReason
{
    /// <summary>It was answered, and ended: hung up, dropped, or ended by us after the answer.</summary>
    HungUp = 0,
    /// <summary>The phone was engaged.</summary>
    Busy = 1,
    /// <summary>The person declined.</summary>
    Declined = 2,
    /// <summary>It rang until the time-out.</summary>
    NoAnswer = 3,
    /// <summary>No route to it, or Twilio never said what became of it.</summary>
    Unreachable = 4,
    /// <summary>It stopped ringing because the call was over.</summary>
    Canceled = 5,
    /// <summary>Taken off the line by a person.</summary>
    Removed = 6,
    /// <summary>Twilio would not dial it; see <see cref="Participant.RefusalCode"/>.</summary>
    RefusedByTwilio = 7,
    /// <summary>It could not be dialled before its time was out.</summary>
    NeverDialed = 8,
    /// <summary>It was answered, but never entered the room.</summary>
    NeverJoined = 9,
}
