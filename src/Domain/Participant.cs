namespace Calls.Domain;

/// <summary>One person of a call, and the progress of the person's leg.</summary>
/// <remarks>For one leg <see cref="Progress"/> only rises, and <see cref="Domain.Progress.Gone"/> is final, so duplicated and reordered
/// webhooks change nothing. A participant has at most one leg. A second leg that reports itself is hung up. A person who comes back
/// (<see cref="Returns"/>) has a new leg, and the webhooks of the earlier legs change nothing.</remarks>
public sealed record Participant
{
    public required ParticipantId Id { get; init; }
    public required Role Role { get; init; }
    public required Party Party { get; init; }
    /// <summary>The name that a person on the call gave to this participant ("doctor"). It is shown, but never interpreted.</summary>
    public string? Label { get; init; }
    /// <summary>Who added this guest, and who removed this participant: a participant, or <see cref="ParticipantId.Operator"/>. Null also
    /// if a replica of an older version did it.</summary>
    public ParticipantId? AddedBy { get; init; }
    public ParticipantId? RemovedBy { get; init; }
    /// <summary>How the phone is screened before it enters the room.</summary>
    public Screening Screen { get; init; }
    /// <summary>Whether a person was recognised or has pressed 1, so that a screened phone may enter the room, or whether the candidate got
    /// the call. It is never reset.</summary>
    public bool Accepted { get; init; }
    /// <summary>Another candidate got the call (<see cref="Candidates"/>). It is never reset.</summary>
    public bool Lost { get; init; }
    /// <summary>How long this candidate's phone rings. Null: <see cref="CallPolicy.RingTimeout"/>.</summary>
    public TimeSpan? RingTime { get; init; }
    public required Progress Progress { get; init; }
    /// <summary>When <see cref="Progress"/> last rose, by the clock of the service. Deadlines count from here.</summary>
    public required DateTimeOffset Since { get; init; }
    /// <summary>When the call began to wait, in the pacing of the service or in Twilio's queue. Null if it never waited.</summary>
    public DateTimeOffset? QueuedAt { get; init; }
    /// <summary>When Twilio first reported that it dials (<c>initiated</c>, or <c>ringing</c>). The ring time counts from here.</summary>
    public DateTimeOffset? DialedAt { get; init; }
    /// <summary>The SID of the leg. Null until Twilio has named it.</summary>
    public CallSid? Leg { get; init; }
    /// <summary>The legs that the participant had before coming back, oldest first. None of them counts any more.</summary>
    public ImmutableArray<CallSid> EarlierLegs { get; init; } = [];
    /// <summary>The line of this app user has dropped, and the call waits for the person (<see cref="CallPolicy.RejoinGrace"/>). The time
    /// counts from <see cref="Since"/>.</summary>
    public bool Reconnecting { get; init; }
    /// <summary>Whether the service lets this person hear ringback, by a hold of its own, while another participant reconnects.</summary>
    public RingbackState Ringback { get; init; }
    /// <summary>Whether the leg was ever answered, and accepted if it is screened. It is never reset, and can be set after the leg has
    /// gone.</summary>
    public bool Answered { get; init; }
    /// <summary>Whether the leg was ever in the room. It is never reset.</summary>
    public bool EverJoined { get; init; }
    /// <summary>When the service first knew that the person was in the room. Null also if a replica of an older version knew it, or if the
    /// session was built again.</summary>
    public DateTimeOffset? JoinedAt { get; init; }
    /// <summary>Why the leg has gone. Set with <see cref="Progress.Gone"/>.</summary>
    public LeaveReason? Gone { get; init; }
    /// <summary><see cref="Gone"/> for people. Twilio reports only that the leg has ended. If the service ended the leg, the reason says
    /// why. A screened phone that hung up before it was accepted was not accepted.</summary>
    public LeaveReason? Reason => (Gone, Leaving) switch
    {
        (LeaveReason.HungUp, Leaving.Removed) => LeaveReason.Removed,
        (LeaveReason.HungUp, Leaving.WithTheCall) => Answered ? LeaveReason.CallEnded : LeaveReason.Canceled,
        (LeaveReason.HungUp, _) when IsScreened => LeaveReason.NotAccepted,
        _ => Gone,
    };
    /// <summary>Twilio's error code if <see cref="Gone"/> is <see cref="LeaveReason.RefusedByTwilio"/>.</summary>
    public int? RefusalCode { get; init; }
    /// <summary>Whether and why the service is ending this leg.</summary>
    public Leaving Leaving { get; init; }
    public bool Muted { get; init; }
    public bool Hold { get; init; }
    /// <summary>Who last put this participant on hold: a participant, or <see cref="ParticipantId.Operator"/>. It is kept after the hold,
    /// because a late request can reach Twilio again. Null if no hold was requested, or by a replica of an older version.</summary>
    public ParticipantId? HeldBy { get; init; }
    /// <summary>Twilio's SequenceNumber of the event that set <see cref="Muted"/> and <see cref="Hold"/>.</summary>
    public int FlagsSequence { get; init; } = -1;
    /// <summary>Counts the requests, confirmations and corrections of mute and hold. None of them has a number of Twilio.</summary>
    public int FlagsVersion { get; init; }
    /// <summary>When <see cref="Muted"/> and <see cref="Hold"/> were last learned from Twilio. An older list says nothing about them.
    /// </summary>
    public DateTimeOffset? FlagsAt { get; init; }
    /// <summary>The stored members that only a newer version knows, as a JSON object. They are stored again as they are.</summary>
    public string? Unknown { get; init; }
    /// <summary>The leg is answered or in the room, is not being screened, and is not being ended.</summary>
    public bool IsOnTheLine => Progress is Progress.Answered or Progress.Joined && !IsScreened && Leaving == Leaving.No;
    /// <summary>The phone must still be accepted: a machine can answer a screened phone, and another candidate can have the call. So an
    /// answer alone is no company.</summary>
    public bool IsScreened => (Screen != Screening.None || Id.Group is not null) && !Accepted && !EverJoined;
    /// <summary>The leg is a call with an answer URL, the gate to the room: the callee's, a candidate's, and that of a screened phone. Any
    /// other phone and any other app user is added to the open room.</summary>
    public bool HasAnswerUrl => Role != Role.Guest || Screen != Screening.None || Id.Group is not null;
    /// <summary>The call waits to be dialled, in the pacing of the service or in Twilio's queue.</summary>
    public bool IsQueued => QueuedAt is not null && DialedAt is null && Progress is (Progress.Invited or Progress.Dialing);
    /// <summary>How new the known mute and hold are. After a change of the mark, an earlier answer of Twilio is old.</summary>
    public FlagsMark FlagsMark => new(FlagsVersion, FlagsSequence);
    /// <summary>The phone rings or will ring, or it was answered and is being screened. It is not being stopped.</summary>
    public bool IsOnTheWay => Progress is not Progress.Gone && (Progress < Progress.Answered || IsScreened) && Leaving == Leaving.No;
    /// <summary>The participant is on the line, on the way or reconnecting. Otherwise the participant has left, or is leaving.</summary>
    public bool IsPresent => IsOnTheLine || IsOnTheWay || Reconnecting;
    /// <summary>The participant's <c>Label</c> in the room. Each leg has a label of its own, because Twilio may still hold the earlier leg,
    /// and a label that is in use keeps a leg out of the room (twilio.com/docs/api/errors/16025).</summary>
    public string RoomLabel => EarlierLegs.IsEmpty ? Id.Value : $"{Id.Value}{ParticipantId.LegSeparator}{Leg!.Value[^8..]}";
    internal bool HasOtherLeg(CallSid leg) => Leg is not null && Leg != leg;
    internal bool HadLeg(CallSid leg) => EarlierLegs.Contains(leg);

    internal static Participant Invite(ParticipantId id, Role role, Party party, DateTimeOffset now) =>
        new() { Id = id, Role = role, Party = party, Progress = Progress.Invited, Since = now };
}

/// <summary>The caller placed the call, the callee was rung first, and a guest was added during the call.</summary>
public enum Role
{
    Caller = 0,
    Callee = 1,
    Guest = 2,
}

/// <summary>What happens between the answer of a phone and its entry into the room.</summary>
public enum Screening
{
    /// <summary>The phone enters at once.</summary>
    None = 0,
    /// <summary>Twilio detects machines. A person enters, a machine is hung up, and an unknown answer is asked to press 1.</summary>
    Machine = 1,
    /// <summary>The person is asked to press 1.</summary>
    PressOne = 2,
}

/// <summary>The ringback of a person who is left alone while another participant reconnects. It is a hold at Twilio.</summary>
public enum RingbackState
{
    None = 0,
    /// <summary>The hold is requested or made.</summary>
    Plays = 1,
    /// <summary>The hold has ended or must end. A late request can reach Twilio again, so this is kept.</summary>
    Over = 2,
}

/// <summary>See <see cref="Participant.FlagsVersion"/> and <see cref="Participant.FlagsSequence"/>.</summary>
public sealed record FlagsMark(int Version, int Sequence);

/// <summary>The progress of a leg. The order is the rank: it only rises.</summary>
public enum Progress
{
    /// <summary>The participant is to be dialled. Twilio has not acted yet.</summary>
    Invited = 0,
    /// <summary>Twilio has the call: it is queued, or initiated (<see cref="Participant.DialedAt"/>).</summary>
    Dialing = 1,
    Ringing = 2,
    /// <summary>The person has answered and is not in the room yet.</summary>
    Answered = 3,
    Joined = 4,
    /// <summary>The leg is over or never existed. This state is final.</summary>
    Gone = 5,
}

/// <summary>Why the service ends a leg.</summary>
public enum Leaving
{
    No = 0,
    /// <summary>The call is over, so all its legs end. It is also over for a participant whom Twilio does not take off hold, for a
    /// candidate if another one got the call, and for the ring of an app user who has come back in the meantime.</summary>
    WithTheCall = 1,
    /// <summary>A person on the call or an operator removed this participant.</summary>
    Removed = 2,
}

/// <summary>Why a leg has gone.</summary>
public enum LeaveReason
{
    /// <summary>The leg was answered. Then the person hung up, the connection dropped, or the service ended it.</summary>
    HungUp = 0,
    Busy = 1,
    Declined = 2,
    /// <summary>The phone rang until the time-out.</summary>
    NoAnswer = 3,
    /// <summary>Twilio has no route to the phone, never reported the outcome of the dial, or kept the call in its queue.</summary>
    Unreachable = 4,
    /// <summary>The phone stopped ringing because the call was over.</summary>
    Canceled = 5,
    Removed = 6,
    /// <summary>Twilio refused the dial. See <see cref="Participant.RefusalCode"/>.</summary>
    RefusedByTwilio = 7,
    /// <summary>The dial could not be sent in time, or the operators had stopped the dialling of phones.</summary>
    NeverDialed = 8,
    /// <summary>The leg was answered but never entered the room.</summary>
    NeverJoined = 9,
    /// <summary>A machine answered: voicemail or fax.</summary>
    Voicemail = 10,
    /// <summary>The person answered and did not press 1.</summary>
    NotAccepted = 11,
    /// <summary>Another candidate got the call.</summary>
    AnsweredElsewhere = 12,
    /// <summary>None of the candidates got the call. It is never a leg's own reason.</summary>
    NobodyAccepted = 13,
    /// <summary>The callee was a group, and the group resolver named no candidate that can be rung.</summary>
    NoCandidates = 14,
    /// <summary>The service ended the line because the call ended. It is only a <see cref="Participant.Reason"/> and is not stored.
    /// </summary>
    CallEnded = 20,
}
