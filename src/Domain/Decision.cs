namespace Calls.Domain;

/// <summary>What came of one event: the session after it, what to answer, and, where nothing was done, why.</summary>
public sealed record Decision(SessionEvent Happened, CallSession? Session, CallReply Reply)
{
    /// <summary>Whether there is anything to store.</summary>
    public bool Changed { get; init; }
    /// <summary>Why the event made no difference; null where it did.</summary>
    public IgnoreReason? Ignored { get; init; }

    /// <summary>Why a person's request was turned down; null where it was not.</summary>
    public RefusalReason? Refused => (Reply as CallReply.Refused)?.Reason;

    /// <summary>A refusal for a reason outside of the session, such as a quota or the rights of the bearer. Nothing is stored.</summary>
    public static Decision Refuse(SessionEvent asked, CallSession? session, RefusalReason reason, TimeSpan? retryAfter = null) =>
        new(asked, session, new CallReply.Refused(reason) { RetryAfter = retryAfter });
}

/// <summary>What whoever asked is told. Webhooks that want no TwiML are told nothing.</summary>
public abstract record CallReply
{
    private CallReply()
    {
    }

    public static CallReply Nothing { get; } = new Acknowledged();

    public static CallReply End { get; } = new HangUp();

    /// <summary>Noted; there is nothing to say.</summary>
    public sealed record Acknowledged : CallReply;
    /// <summary>The participant's leg enters the session's room.</summary>
    public sealed record JoinRoom(Participant Participant) : CallReply;
    /// <summary>This leg ends here.</summary>
    public sealed record HangUp : CallReply;
    /// <summary>No, and why.</summary>
    public sealed record Refused(RefusalReason Reason) : CallReply
    {
        /// <summary>When it may be asked again, where that is known.</summary>
        public TimeSpan? RetryAfter { get; init; }
    }

    /// <summary>A participant was added, or was there already.</summary>
    public sealed record Added(Participant Participant) : CallReply
    {
        /// <summary>Whether the same request had added them before.</summary>
        public bool IsRepeat { get; init; }
    }

    /// <summary>This dial is yours to send, now and once; its outcome is to be told with <paramref name="Attempt"/>.</summary>
    public sealed record DialGranted(CallSession Session, Participant Participant, int Attempt) : CallReply;
}

/// <summary>Why an event made no difference. Each completes "ignored because".</summary>
public enum IgnoreReason
{
    /// <summary>…no such session is stored.</summary>
    NoSuchSession,
    /// <summary>…it belongs to an earlier call with this session id.</summary>
    OfAnEarlierCall,
    /// <summary>…nobody of that id is on the call; a leg of this very call is hung up.</summary>
    UnknownParticipant,
    /// <summary>…that leg is nobody's on this call; in the call's room it is hung up.</summary>
    UnknownLeg,
    /// <summary>…the participant has another leg; this one is hung up.</summary>
    SecondLeg,
    /// <summary>…it says what is known already.</summary>
    NothingNew,
    /// <summary>…that leg has gone, which is final.</summary>
    LegAlreadyGone,
    /// <summary>…the call is over.</summary>
    CallIsOver,
    /// <summary>…a later event has been seen.</summary>
    Overtaken,
    /// <summary>…somebody else has it, or it is done.</summary>
    NotPending,
    /// <summary>…the room is not open yet.</summary>
    RoomNotOpen,
}

/// <summary>Why a person's request was turned down. Each completes "refused because".</summary>
public enum RefusalReason
{
    /// <summary>…the session id is held by a call that is still going on.</summary>
    SessionInUse,
    /// <summary>…the callee is the caller.</summary>
    CallingOneself,
    /// <summary>…there is no such call, or it is not the asker's.</summary>
    NoSuchSession,
    /// <summary>…the call is over.</summary>
    CallIsOver,
    /// <summary>…as many people as allowed are on the call.</summary>
    CallIsFull,
    /// <summary>…as many phones as allowed have been added to this call.</summary>
    TooManyGuests,
    /// <summary>…this phone is on the call, or is ringing for it.</summary>
    AlreadyOnTheCall,
    /// <summary>…numbers of that country are not rung.</summary>
    CountryNotAllowed,
    /// <summary>…that number, or its kind, is never rung: premium rate, an emergency number, a blocked prefix.</summary>
    NumberBlocked,
    /// <summary>…the number cannot exist.</summary>
    InvalidNumber,
    /// <summary>…as many phones as one person may within an hour, the asker has added.</summary>
    TooManyAdds,
    /// <summary>…as many calls as one person may have at once, the caller has.</summary>
    TooManyCalls,
    /// <summary>…the call has changed since the version that the asker means.</summary>
    OtherVersion,
    /// <summary>…no participant of that id is on the call.</summary>
    NoSuchParticipant,
    /// <summary>…the participant has left.</summary>
    ParticipantHasLeft,
}
