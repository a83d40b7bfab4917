namespace Calls.Sandbox.Twilio;

/// <summary>Where a leg stands (twilio.com/docs/voice/api/call-resource#call-status-values). From <see cref="Completed"/> on it is over.</summary>
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

/// <summary>One call leg: between Twilio and one phone. Twilio's Call resource.</summary>
/// <remarks>Live: read it on the emulator's loop (inside a predicate or <c>Read</c>), since it moves under you elsewhere.</remarks>
public sealed class Leg
{
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

    /// <summary>Whether the phone called Twilio; otherwise REST made Twilio call the phone.</summary>
    public bool Inbound { get; }

    /// <summary>As Twilio says it: <c>inbound</c> or <c>outbound-api</c>.</summary>
    public string Direction => Inbound ? "inbound" : "outbound-api";

    public required string From { get; init; }

    /// <summary>As the webhooks give it: for a client's call, the custom parameter To, or empty.</summary>
    public required string To { get; init; }

    public LegState State { get; internal set; }

    public bool Ended => State >= LegState.Completed;

    public bool IsLive => !Ended;

    public DateTimeOffset Created { get; }

    public DateTimeOffset Updated { get; internal set; }

    public DateTimeOffset? StartedAt { get; internal set; }

    public DateTimeOffset? AnsweredAt { get; internal set; }

    public DateTimeOffset? EndedAt { get; internal set; }

    /// <summary>Whether the phone itself was made to ring.</summary>
    public bool HasRung { get; internal set; }

    /// <summary>The leg's part in a conference: connecting to it, or in it; null where it has none or has left.</summary>
    public Participant? Participant { get; internal set; }

    /// <summary>The conference that the leg is in, not one that it is still ringing towards.</summary>
    public Conference? Conference => Participant is { IsIn: true } part ? part.Conference : null;

    /// <summary>What was said or played to it: texts, and the URLs of sounds.</summary>
    public IReadOnlyList<string> Heard => Sounds;

    /// <summary>Path and query that it reports its progress to: two legs with one such path were made for one request.</summary>
    public string? CallbackPath => Inbound || StatusCallback is not { } target ? null : new Uri(target.Url).PathAndQuery;

    internal List<string> Sounds { get; } = [];

    /// <summary>Custom parameters: of the SDK's connect, or of <c>client:name?key=value</c>.</summary>
    public Parameters Custom { get; init; } = Parameters.None;

    /// <summary>The phone is gone and Twilio has not noticed yet.</summary>
    internal bool Vanished { get; set; }

    internal string? ApplicationSid { get; init; }

    internal CallbackTarget? StatusCallback { get; set; }

    internal CallbackTarget? Fallback { get; set; }

    /// <summary>What to run on the answer; null for legs that the Participants resource added.</summary>
    internal TwimlSource? OnAnswer { get; init; }

    internal TimeSpan RingTimeout { get; init; } = TimeSpan.FromSeconds(60);

    internal TimeSpan? TimeLimit { get; set; }

    internal TimeSpan QueueTime { get; set; }

    internal int NextSequence { get; set; }

    internal int SipResponseCode { get; set; }

    /// <summary>The TwiML being run; a leg that ends or is redirected abandons it.</summary>
    internal TwimlScript? Script { get; set; }

    /// <summary>The name of <see cref="State"/> in REST answers, which know no <c>initiated</c>.</summary>
    public string Status => State == LegState.Initiated ? "queued" : CallStatus;

    /// <summary>The name of <see cref="State"/> in webhooks.</summary>
    internal string CallStatus => State switch
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

/// <summary>A URL that Twilio was told to ask, how, and for which events.</summary>
internal sealed record CallbackTarget(string Url, string Method, IReadOnlyList<string> Events)
{
    public CallbackTarget(string url, string method) : this(url, method, [])
    {
    }
}

/// <summary>TwiML by URL, or inline.</summary>
internal sealed record TwimlSource(CallbackTarget? Url, string? Inline);
