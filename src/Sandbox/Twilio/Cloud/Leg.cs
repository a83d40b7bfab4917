namespace Calls.Sandbox.Twilio;

/// <summary>The state of a leg (twilio.com/docs/voice/api/call-resource#call-status-values).</summary>
/// <remarks><see cref="Completed"/> and all later states are final.</remarks>
public enum LegState
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

/// <summary>A call leg between Twilio and one phone: Twilio's Call resource.</summary>
/// <remarks>The object changes while calls go on. Read it on the emulator's loop, in a condition or in <c>Read</c>.</remarks>
public sealed class Leg
{
    private readonly List<(DateTimeOffset At, LegState State)> _states = [];

    internal Leg(string sid, Phone phone, bool inbound, DateTimeOffset created)
    {
        Sid = sid;
        Phone = phone;
        Inbound = inbound;
        Created = created;
        Updated = created;
    }

    /// <summary>The CallSid.</summary>
    public string Sid { get; }

    /// <summary>The phone at the other end.</summary>
    public Phone Phone { get; }

    /// <summary>Whether the phone called Twilio. If not, a REST request made Twilio call the phone.</summary>
    public bool Inbound { get; }

    /// <summary>The direction in webhooks and REST answers: <c>inbound</c> or <c>outbound-api</c>.</summary>
    public string Direction => Inbound ? "inbound" : "outbound-api";

    public required string From { get; init; }

    /// <summary>The parameter To of the webhooks. For a client's call it is the custom parameter To, which may be empty.</summary>
    public required string To { get; init; }

    public LegState State { get; private set; }

    public bool Ended => State >= LegState.Completed;

    public bool IsLive => !Ended;

    public DateTimeOffset Created { get; }

    public DateTimeOffset Updated { get; private set; }

    public DateTimeOffset? StartedAt { get; internal set; }

    public DateTimeOffset? AnsweredAt { get; internal set; }

    public DateTimeOffset? EndedAt { get; internal set; }

    /// <summary>Whether the phone has rung for this leg.</summary>
    public bool HasRung { get; internal set; }

    /// <summary>The participant of this leg; null if it has not joined a conference or has left it.</summary>
    public Participant? Participant { get; internal set; }

    /// <summary>The conference that the leg is in; null while it still rings.</summary>
    public Conference? Conference => Participant is { IsIn: true } part ? part.Conference : null;

    /// <summary>The texts (in quotation marks) and the URLs of sounds that were played to the leg.</summary>
    public IReadOnlyList<string> Heard => Sounds;

    /// <summary>The path and query of its status callback. Two legs with the same value were created for the same request.</summary>
    public string? CallbackPath => Inbound || StatusCallback is not { } target ? null : new Uri(target.Url).PathAndQuery;

    /// <summary>Who has answered, as the parameter AnsweredBy says it; null if Twilio does not detect machines or does not know it yet.
    /// </summary>
    public string? AnsweredBy { get; internal set; }

    /// <summary>Whether Twilio has recognised a machine.</summary>
    public bool IsMachine => AnsweredBy is not (null or "human" or "unknown");

    /// <summary>Whether the answered leg can still enter a conference: Twilio detects machines on it, or asks for a key.</summary>
    public bool IsBeingScreened =>
        State == LegState.InProgress && (Question is not null || (MachineDetection is not null && AnsweredBy is null));

    /// <summary>The <c>&lt;Gather&gt;</c> that waits for a key; null if none waits.</summary>
    internal TaskCompletionSource<string>? Question { get; set; }

    /// <summary>The parameter MachineDetection of the request: <c>Enable</c> or <c>DetectMessageEnd</c>; null: no detection.</summary>
    internal string? MachineDetection { get; init; }

    internal List<string> Sounds { get; } = [];

    /// <summary>The custom parameters: of the Voice SDK's connect, or of <c>client:name?key=value</c>.</summary>
    public Parameters Custom { get; init; } = Parameters.None;

    /// <summary>Whether the phone has lost its connection. Twilio notices it only later.</summary>
    internal bool Vanished { get; set; }

    internal string? ApplicationSid { get; init; }

    internal CallbackTarget? StatusCallback { get; set; }

    internal CallbackTarget? Fallback { get; set; }

    /// <summary>The TwiML to run after the answer; null for a leg that the Participants resource added.</summary>
    internal TwimlSource? OnAnswer { get; init; }

    internal TimeSpan RingTimeout { get; init; } = TimeSpan.FromSeconds(60);

    internal TimeSpan? TimeLimit { get; set; }

    internal TimeSpan QueueTime { get; set; }

    internal int NextSequence { get; set; }

    internal int SipResponseCode { get; set; }

    /// <summary>The run of TwiML on this leg. It is abandoned when the leg ends or is redirected.</summary>
    internal TwimlScript? Script { get; set; }

    /// <summary>The status in REST answers, which do not have <c>initiated</c>.</summary>
    public string Status => StatusOf(State);

    /// <summary>The status in webhooks.</summary>
    internal string CallStatus => TextOf(State);

    /// <summary>The status in REST answers at an earlier time; null if the leg did not exist then.</summary>
    internal string? StatusAt(DateTimeOffset at)
    {
        var known = _states.FindLastIndex(entered => entered.At <= at);
        return known < 0 ? null : StatusOf(_states[known].State);
    }

    internal void Enter(LegState state, DateTimeOffset now)
    {
        (State, Updated) = (state, now);
        _states.Add((now, state));
    }

    private static string StatusOf(LegState state) => TextOf(state == LegState.Initiated ? LegState.Queued : state);

    private static string TextOf(LegState state) => state switch
    {
        LegState.Queued => "queued",
        LegState.Initiated => "initiated",
        LegState.Ringing => "ringing",
        LegState.InProgress => "in-progress",
        LegState.Completed => "completed",
        LegState.Busy => "busy",
        LegState.NoAnswer => "no-answer",
        LegState.Failed => "failed",
        _ => "canceled",
    };

    public override string ToString() => $"{Sid} {Phone.Address} {CallStatus}";
}

/// <summary>The URL of a webhook, its HTTP method, and for status callbacks the events.</summary>
internal sealed record CallbackTarget(string Url, string Method, IReadOnlyList<string> Events)
{
    public CallbackTarget(string url, string method) : this(url, method, [])
    {
    }
}

/// <summary>TwiML from a URL, or inline TwiML.</summary>
internal sealed record TwimlSource(CallbackTarget? Url, string? Inline);
