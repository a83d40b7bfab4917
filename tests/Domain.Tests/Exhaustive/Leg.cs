namespace Calls.Domain.Tests.Exhaustive;

/// <summary>The true state of a leg at Twilio. The service may know an older one.</summary>
internal enum LegState
{
    /// <summary>The call waits in Twilio's queue.</summary>
    Queued,

    /// <summary>Twilio dials. No phone rings yet. REST answers still say <c>queued</c>.</summary>
    Dialing,
    Ringing,

    /// <summary>The leg is connected and waits for TwiML.</summary>
    AwaitingTwiML,

    /// <summary>The leg is asked to press 1.</summary>
    Asked,

    /// <summary>The leg was told to enter the room and is not in it yet.</summary>
    Entering,
    InRoom,

    /// <summary>The leg was redirected: it hears a tone outside the room, and then hangs up.</summary>
    HearsTone,
    Ended,
}

/// <summary>A leg at Twilio and its history. The history determines which webhooks there are of the leg.</summary>
internal sealed record Leg(ParticipantId Owner, CallSid Sid, LegState State)
{
    /// <summary>The call has left the queue. A call that is hung up in the queue has no webhook at all.</summary>
    public bool Dialed { get; init; }

    public bool Rang { get; init; }

    public bool Answered { get; init; }

    /// <summary>The number of the conference that the leg entered. 0 means none.</summary>
    public int Conference { get; init; }

    /// <summary>The person has placed this call to come back.</summary>
    public bool IsReturn { get; init; }

    /// <summary>Who has answered, as Twilio says it. Unknown too if Twilio does not detect machines.</summary>
    public AnsweredBy By { get; init; }

    /// <summary>The answers to the questions so far: <c>y</c> for the key 1, <c>n</c> for another key or none.</summary>
    public string Keys { get; init; } = "";

    /// <summary>The request for TwiML that the leg waits for.</summary>
    public KeyPress? LastKey => Keys.Length == 0 ? null : new KeyPress(Keys.Length, Keys[^1] == 'y');

    /// <summary>How often Twilio has put the leg on hold or taken it off hold. Each change has a webhook with this number.</summary>
    public int HoldChanges { get; init; }

    public bool IsOnHold => HoldChanges % 2 == 1;

    public LeaveReason? EndedBecause { get; init; }

    public bool IsAlive => State != LegState.Ended;

    public bool IsUnanswered => State is LegState.Queued or LegState.Dialing or LegState.Ringing;
}

/// <summary>A dial that was granted to a replica, which has not sent it yet.</summary>
internal sealed record DialRequest(ParticipantId Participant, int Attempt, int Conference);

/// <summary>A change of hold that was sent and has not reached Twilio. A later one may overtake it.</summary>
internal sealed record HoldRequest(ParticipantId Participant, CallSid Leg, FlagsMark Asked, bool Hold);

/// <summary>Twilio's answer to a dial. The replica may save it late, more than once, or never (the replica was killed).</summary>
internal sealed record DialReply(ParticipantId Participant, int Attempt, DialOutcome Outcome);
