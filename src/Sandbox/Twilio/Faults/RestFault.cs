namespace Calls.Sandbox.Twilio;

/// <summary>The operations of Twilio's REST API that the cloud knows.</summary>
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

/// <summary>What becomes of a REST request. Those that say "after acting" took effect at Twilio, and the client is not told.</summary>
public enum RestFaultKind
{
    /// <summary>Only latency.</summary>
    None,

    /// <summary>429 with code 20429 and Retry-After; never acted on.</summary>
    TooManyRequests,

    /// <summary>500 with code 20500, not acted on.</summary>
    ServerError,

    /// <summary>503 with code 20503, not acted on.</summary>
    Unavailable,

    /// <summary>500 with code 20500, although it was done.</summary>
    ServerErrorAfterActing,

    /// <summary>No answer ever, not acted on.</summary>
    TimeOut,

    /// <summary>No answer ever, although it was done.</summary>
    TimeOutAfterActing,

    /// <summary>The connection is cut, not acted on.</summary>
    Cut,

    /// <summary>The connection is cut, although it was done.</summary>
    CutAfterActing,
}

/// <summary>What Twilio, or the way to it, does to REST requests that match. The first rule that applies is used.</summary>
public sealed record RestFault
{
    /// <summary>Only this operation; null: every one.</summary>
    public RestOperation? Operation { get; init; }

    /// <summary>Only requests whose path or parameters contain this; null: every one.</summary>
    public string? Contains { get; init; }

    public RestFaultKind Kind { get; init; }

    /// <summary>The answer (or its absence) comes late by a random time within these bounds; the effect, where there is one, does not.</summary>
    public TimeSpan MinLatency { get; init; }

    public TimeSpan MaxLatency { get; init; }

    /// <summary>429's Retry-After in seconds.</summary>
    public int RetryAfter { get; init; } = 1;

    public double Probability { get; init; } = 1;

    /// <summary>How many times it is done, then never again; null: as long as the rule is there.</summary>
    public int? Times { get; init; }

    internal bool Matches(RestOperation operation, string pathAndParameters) =>
        (Operation is null || Operation == operation)
        && (Contains is null || pathAndParameters.Contains(Contains, StringComparison.Ordinal));
}
