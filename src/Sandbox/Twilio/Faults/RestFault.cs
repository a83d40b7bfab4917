namespace Calls.Sandbox.Twilio;

/// <summary>The operations of Twilio's REST API that the emulator knows.</summary>
public enum RestOperation
{
    Unknown,
    CreateCall,
    UpdateCall,
    FetchCall,
    ListCalls,
    UpdateConference,
    FetchConference,
    ListConferences,
    CreateParticipant,
    UpdateParticipant,
    FetchParticipant,
    DeleteParticipant,
    ListParticipants,
}

/// <summary>The fault of a REST request.</summary>
/// <remarks>With "AfterActing" the request takes effect at Twilio, although the client gets no success.</remarks>
public enum RestFaultKind
{
    /// <summary>No fault except the latency.</summary>
    None,

    /// <summary>429 with code 20429 and Retry-After. The request has no effect.</summary>
    TooManyRequests,

    /// <summary>500 with code 20500. The request has no effect.</summary>
    ServerError,

    /// <summary>503 with code 20503. The request has no effect.</summary>
    Unavailable,

    /// <summary>500 with code 20500, but the request takes effect.</summary>
    ServerErrorAfterActing,

    /// <summary>No answer. The request has no effect.</summary>
    TimeOut,

    /// <summary>No answer, but the request takes effect.</summary>
    TimeOutAfterActing,

    /// <summary>The connection is cut. The request has no effect.</summary>
    Cut,

    /// <summary>The connection is cut, but the request takes effect.</summary>
    CutAfterActing,
}

/// <summary>A fault of Twilio or of the network for REST requests that match. Only the first rule that matches applies.</summary>
public sealed record RestFault
{
    /// <summary>The operation that matches; null: every operation.</summary>
    public RestOperation? Operation { get; init; }

    /// <summary>A text that the path or the parameters must contain; null: every request matches.</summary>
    public string? Contains { get; init; }

    public RestFaultKind Kind { get; init; }

    /// <summary>The lower bound of a random delay of the answer. The effect of the request is not delayed.</summary>
    public TimeSpan MinLatency { get; init; }

    /// <summary>The upper bound of that delay.</summary>
    public TimeSpan MaxLatency { get; init; }

    /// <summary>The Retry-After of a 429, in seconds.</summary>
    public int RetryAfter { get; init; } = 1;

    /// <summary>The share of matching requests to which the fault applies, from 0 to 1.</summary>
    public double Probability { get; init; } = 1;

    /// <summary>How many times the rule applies; null: no limit.</summary>
    public int? Times { get; init; }

    /// <summary>The fault applies only to requests beyond this many in a second; null: to every request. It is Twilio's limit of
    /// requests.</summary>
    public int? BeyondPerSecond { get; init; }

    internal bool Matches(RestOperation operation, string pathAndParameters) =>
        (Operation is null || Operation == operation)
        && (Contains is null || pathAndParameters.Contains(Contains, StringComparison.Ordinal));
}
