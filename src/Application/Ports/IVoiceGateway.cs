namespace Calls.Application.Ports;

/// <summary>Twilio's REST API, as far as a call needs it. Method and field names are Twilio's (twilio.com/docs/voice/api).</summary>
/// <remarks>Nothing is thrown for what Twilio or the network did: every outcome is accepted, refused, unknown or not sent.
/// Short retries are inside, and creates are repeated only where Twilio cannot have acted.</remarks>
public interface IVoiceGateway
{
    /// <summary>The <c>To</c> and <c>From</c> under which a phone or app user is rung: what a look-up in the call list goes by. A phone
    /// does not see the caller. An app learns the session and the caller from the parameters of <c>To</c>.</summary>
    (string To, string From) AddressesOf(Party callee, SessionId session, Party? caller);

    /// <summary>Creates a call to a callee or a screened phone: its answer URL is the gate into the room (<c>POST Calls</c>).</summary>
    Task<GatewayOutcome<CallSid>> CreateCallAsync(OutboundCall call, CancellationToken cancellationToken);

    /// <summary>Adds a phone or an app user to an open conference, labelled with its participant id (<c>POST
    /// Conferences/{sid}/Participants</c>).</summary>
    Task<GatewayOutcome<CallSid>> CreateParticipantAsync(OutboundParticipant participant, CancellationToken cancellationToken);

    /// <summary>Ends a leg whatever its state (<c>POST Calls/{sid}</c>, <c>Status=completed</c>).</summary>
    Task<GatewayOutcome<CallView>> CompleteCallAsync(CallSid leg, CancellationToken cancellationToken);

    /// <summary>Takes a leg in progress out of its conference and lets it run a document (<c>POST Calls/{sid}</c>, <c>Twiml</c>).</summary>
    /// <remarks>A refusal is no proof that the leg has ended: Twilio also refuses this for a leg that is not connected yet.</remarks>
    Task<GatewayOutcome<CallView>> RedirectCallAsync(CallSid leg, string twiml, CancellationToken cancellationToken);

    /// <summary>Sets mute and hold; null leaves one as it is (<c>POST Conferences/{sid}/Participants/{leg}</c>). A person on hold hears
    /// music, or <paramref name="ringback"/>.</summary>
    Task<GatewayOutcome<ParticipantView>> UpdateParticipantAsync(
        ConferenceSid conference, CallSid leg, bool? muted, bool? hold, bool ringback, CancellationToken cancellationToken);

    Task<GatewayOutcome<CallView>> FetchCallAsync(CallSid leg, CancellationToken cancellationToken);

    /// <summary>Calls from the given day on, newest first. Twilio filters by day; the exact time is the reader's to compare. The
    /// <paramref name="to"/> of an app user is the one of <see cref="AddressesOf"/>, also if Twilio stores it without parameters.</summary>
    Task<GatewayOutcome<IReadOnlyList<CallView>>> ListCallsAsync(
        string to, string from, DateTimeOffset since, CancellationToken cancellationToken);

    Task<GatewayOutcome<ConferenceView>> FetchConferenceAsync(ConferenceSid conference, CancellationToken cancellationToken);

    /// <summary>The conferences that ever had this name and are not completed; at most one is.</summary>
    Task<GatewayOutcome<IReadOnlyList<ConferenceView>>> ListConferencesAsync(string room, CancellationToken cancellationToken);

    /// <summary>All conferences of the account that are not completed: all pages.</summary>
    Task<GatewayOutcome<IReadOnlyList<ConferenceView>>> ListOpenConferencesAsync(CancellationToken cancellationToken);

    /// <summary>One participant by its label, also while it is still being rung.</summary>
    Task<GatewayOutcome<ParticipantView>> FetchParticipantAsync(
        ConferenceSid conference, ParticipantId label, CancellationToken cancellationToken);

    /// <summary>Everybody in the conference, those still connecting included: all pages.</summary>
    Task<GatewayOutcome<IReadOnlyList<ParticipantView>>> ListParticipantsAsync(
        ConferenceSid conference, CancellationToken cancellationToken);
}

/// <summary>A callee or a screened phone to ring. <paramref name="Nonce"/> is in the callback URLs and ties them to this call.</summary>
public sealed record OutboundCall(
    SessionId Session, string Nonce, ParticipantId Participant, Party To, Party? Caller, TimeSpan RingTimeout)
{
    /// <summary>The time after which Twilio ends the leg by itself (<c>TimeLimit</c>). The default is Twilio's own.</summary>
    public TimeSpan MaxDuration { get; init; } = TimeSpan.FromHours(4);
    /// <summary>The trace context of the call, for the callback URLs.</summary>
    public string? TraceParent { get; init; }
    /// <summary>Whether Twilio detects machines before it requests the answer URL.</summary>
    public MachineDetection MachineDetection { get; init; }
}

/// <summary>The detection of machines (twilio.com/docs/voice/answering-machine-detection). It is never asynchronous.</summary>
public enum MachineDetection
{
    Off,
    /// <summary>Twilio requests the answer URL as soon as it knows who has answered.</summary>
    Enable,
    /// <summary>If a machine has answered, Twilio requests the answer URL after the end of its greeting.</summary>
    DetectMessageEnd,
}

/// <summary>A phone or an app user to add to an open conference.</summary>
public sealed record OutboundParticipant(
    SessionId Session, string Nonce, ParticipantId Participant, Party To, Party? Caller, ConferenceSid Conference, TimeSpan RingTimeout)
{
    /// <summary>The time after which Twilio ends the leg by itself (<c>TimeLimit</c>). The default is Twilio's own.</summary>
    public TimeSpan MaxDuration { get; init; } = TimeSpan.FromHours(4);
    /// <summary>Whether the person enters the room muted.</summary>
    public bool Muted { get; init; }

    /// <summary>The trace context of the call, for the callback URLs.</summary>
    public string? TraceParent { get; init; }
}

/// <summary>A call as Twilio describes it. <paramref name="To"/> and <paramref name="From"/> are addresses: never log them.</summary>
public sealed record CallView(CallSid Sid, LegStatus Status, string To, string From, DateTimeOffset? DateCreated)
{
    /// <summary>The call came to Twilio. The service has not dialled it.</summary>
    public bool IsInbound { get; init; }
}

/// <summary>A conference as Twilio describes it.</summary>
public sealed record ConferenceView(ConferenceSid Sid, string FriendlyName, bool Completed);

/// <summary>A participant as Twilio describes it; only a <paramref name="Connected"/> one hears the others.</summary>
public sealed record ParticipantView(CallSid CallSid, string? Label, bool Connected, bool Muted, bool Hold);

/// <summary>A call's status in Twilio's words (twilio.com/docs/voice/api/call-resource).</summary>
public enum LegStatus
{
    Queued,
    Initiated,
    Ringing,
    InProgress,
    Completed,
    Busy,
    NoAnswer,
    Failed,
    Canceled,
}

/// <summary>What became of a request to Twilio.</summary>
public abstract record GatewayOutcome<T>
{
    private GatewayOutcome()
    {
    }

    /// <summary>Twilio has done it, and says this.</summary>
    public sealed record Accepted(T Value) : GatewayOutcome<T>;

    /// <summary>Twilio has not done it.</summary>
    /// <param name="Meaning">What that means for us.</param>
    /// <param name="Code">Twilio's error code (twilio.com/docs/api/errors), where it gave one.</param>
    /// <param name="RetryAfter">How long to wait, where it said so.</param>
    public sealed record Refused(Refusal Meaning, int? Code, TimeSpan? RetryAfter = null) : GatewayOutcome<T>;

    /// <summary>It is unknown whether Twilio has done it: a time-out, a cut connection, a 5xx.</summary>
    public sealed record Unknown(string Why) : GatewayOutcome<T>;

    /// <summary>Nothing reached Twilio, so it has neither acted nor refused. The request may be sent again, later.</summary>
    /// <param name="Cause">What stopped the request.</param>
    /// <param name="RetryAfter">How long to wait, where that is known.</param>
    public sealed record NotSent(NotSentCause Cause, TimeSpan? RetryAfter = null) : GatewayOutcome<T>;
}

/// <summary>What stopped a request before it reached Twilio.</summary>
public enum NotSentCause
{
    /// <summary>The service's own limit of requests at once, or its pace after a 429.</summary>
    Limiter,
    /// <summary>The service's own circuit breaker is open, because Twilio fails.</summary>
    Breaker,
    /// <summary>No connection to Twilio was made.</summary>
    Connection,
}

/// <summary>What a refusal means for us.</summary>
public enum Refusal
{
    /// <summary>Twilio says that it has not acted now, such as with a 429: it may be sent again, later.</summary>
    NotProcessed,
    /// <summary>No such call, conference or participant.</summary>
    NotFound,
    /// <summary>The call or conference is over.</summary>
    AlreadyOver,
    /// <summary>The conference is full.</summary>
    RoomFull,
    /// <summary>An active participant of the conference has this label: the request was acted upon before.</summary>
    LabelInUse,
    /// <summary>That number cannot be rung, or not from this account.</summary>
    NumberRefused,
    /// <summary>The account, its credentials or its settings do not allow it: somebody must look.</summary>
    NotPermitted,
    /// <summary>Twilio does not understand the request: a defect of ours, or a code that we do not know.</summary>
    BadRequest,
}
