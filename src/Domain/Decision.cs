namespace Calls.Domain;

/// <summary>The result of one event: the session after it, the reply, and the reason if the event changed nothing.</summary>
public sealed record Decision(SessionEvent Happened, CallSession? Session, CallReply Reply)
{
    /// <summary>Whether the session must be stored.</summary>
    public bool Changed { get; init; }
    /// <summary>Why the event made no difference. Null if it made a difference.</summary>
    public IgnoreReason? Ignored { get; init; }
    /// <summary>Why the request of a person was refused. Null if the request was not refused.</summary>
    public RefusalReason? Refused => (Reply as CallReply.Refused)?.Reason;

    /// <summary>A refusal for a reason outside of the session, such as a quota or the rights of the bearer. Nothing is stored.</summary>
    public static Decision Refuse(SessionEvent asked, CallSession? session, RefusalReason reason, TimeSpan? retryAfter = null) =>
        new(asked, session, new CallReply.Refused(reason) { RetryAfter = retryAfter });
}

/// <summary>The answer to the sender of the event. A webhook that needs no TwiML gets <see cref="Acknowledged"/>.</summary>
public abstract record CallReply
{
    private CallReply() { }
    public static CallReply Nothing { get; } = new Acknowledged();
    public static CallReply End { get; } = new HangUp();
    /// <summary>The event was received. There is no other answer.</summary>
    public sealed record Acknowledged : CallReply;
    /// <summary>The participant's leg enters the session's room.</summary>
    public sealed record JoinRoom(Participant Participant) : CallReply;
    /// <summary>The person is asked to press 1. The questions are numbered from 1.</summary>
    public sealed record Ask(Participant Participant, int Question) : CallReply;
    /// <summary>A machine has answered. It hears the configured message, if there is one, and Twilio hangs up this leg.</summary>
    public sealed record LeaveMessage : CallReply;
    /// <summary>Another candidate got the call. The person hears so, and Twilio hangs up this leg.</summary>
    public sealed record AnsweredElsewhere : CallReply;
    /// <summary>Twilio hangs up this leg.</summary>
    public sealed record HangUp : CallReply;
    /// <summary>The request is refused. <c>RetryAfter</c> is the wait before a new attempt, if it is known.</summary>
    public sealed record Refused(RefusalReason Reason) : CallReply
    {
        public TimeSpan? RetryAfter { get; init; }
        /// <summary>The candidates that cannot be rung, by their place in the request, and why. The reason of all is that of the first.
        /// </summary>
        public ImmutableArray<(int Index, RefusalReason Reason)> Candidates { get; init; } = [];
    }

    /// <summary>The participant was added or changed, or was there. <c>IsRepeat</c>: the same request had added the participant.</summary>
    public sealed record Added(Participant Participant) : CallReply { public bool IsRepeat { get; init; } }
    /// <summary>This replica must send the dial now, once. It reports the outcome with <paramref name="Attempt"/>.</summary>
    public sealed record DialGranted(CallSession Session, Participant Participant, int Attempt) : CallReply;
}

/// <summary>Why an event made no difference. Each reason completes "ignored because".</summary>
public enum IgnoreReason
{
    NoSuchSession,
    /// <summary>…the event belongs to an earlier call with this session id.</summary>
    OfAnEarlierCall,
    /// <summary>…no participant of the call has this id. A live leg of this call is hung up.</summary>
    UnknownParticipant,
    /// <summary>…the leg belongs to no participant of this call. In the call's room it is hung up.</summary>
    UnknownLeg,
    /// <summary>…the participant has another leg. This leg is hung up.</summary>
    SecondLeg,
    NothingNew,
    LegAlreadyGone,
    CallIsOver,
    /// <summary>…the session has seen a later event.</summary>
    Overtaken,
    /// <summary>…another replica runs the effect, or the effect is done.</summary>
    NotPending,
    RoomNotOpen,
    /// <summary>…the participant has come back with another leg since.</summary>
    EarlierLeg,
    /// <summary>…the session was just built again, and Twilio's lists may not have had this leg yet. The call is read again.</summary>
    NotListedYet,
}

/// <summary>Why a request was refused. Each reason completes "refused because".</summary>
public enum RefusalReason
{
    /// <summary>…a live call has this session id.</summary>
    SessionInUse,
    /// <summary>…the session id belongs to an ended call of another caller.</summary>
    SessionOfAnotherCaller,
    /// <summary>…the caller's leg has placed a call before. The webhook is a replay.</summary>
    LegHasPlacedCall,
    CallingOneself,
    /// <summary>…there is no such call, or the bearer may not see it.</summary>
    NoSuchSession,
    CallIsOver,
    /// <summary>…the call has the maximum number of participants.</summary>
    CallIsFull,
    /// <summary>…the maximum number of guests has been added to this call.</summary>
    TooManyGuests,
    /// <summary>…this phone or app user is on the line or on the way.</summary>
    AlreadyOnTheCall,
    /// <summary>…a person cannot add themselves.</summary>
    AddingOneself,
    /// <summary>…the service does not ring numbers of that country.</summary>
    CountryNotAllowed,
    /// <summary>…the service never rings this number: premium rate, an emergency number, or a blocked prefix.</summary>
    NumberBlocked,
    /// <summary>…the number does not exist.</summary>
    InvalidNumber,
    /// <summary>…the operators have stopped the dialling of phones.</summary>
    DialingStopped,
    /// <summary>…the person has reached the hourly limit of phones that were called, and of guests that were added.</summary>
    TooManyAdds,
    /// <summary>…the caller has reached the hourly limit of calls.</summary>
    TooManyStarts,
    /// <summary>…the service has reached the hourly limit of phones of this region.</summary>
    TooManyPhonesOfRegion,
    /// <summary>…the service has reached the hourly limit of phones.</summary>
    TooManyPhones,
    /// <summary>…the caller has reached the limit of calls at one time.</summary>
    TooManyCalls,
    /// <summary>…the call has changed since the version that the request names.</summary>
    OtherVersion,
    NoSuchParticipant,
    ParticipantHasLeft,
    /// <summary>…the bearer has left the call. The bearer may see it, and may not change it.</summary>
    NotOnTheCall,
}
