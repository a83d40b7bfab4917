namespace Calls.Infrastructure.Twilio;

/// <summary>How patient each kind of request is, and how many of them this replica sends at once.</summary>
/// <remarks>Three of everything: creates that fail must never stop a call from being ended, nor may a review that lists conferences.</remarks>
internal sealed record GatewaySettings
{
    public PipelineSettings Reads { get; init; } = new()
    {
        Permits = 8,
        Queue = 32,
        Total = TimeSpan.FromSeconds(6),
        Attempt = TimeSpan.FromSeconds(2),
        Retries = 3,
        Backoff = TimeSpan.FromMilliseconds(100),
        Breaker = new(),
    };

    /// <summary>No breaker: ending is always worth a try, and whoever wants it waits longer each time.</summary>
    public PipelineSettings IdempotentWrites { get; init; } = new()
    {
        Permits = 32,
        Queue = 64,
        Total = TimeSpan.FromSeconds(10),
        Attempt = TimeSpan.FromSeconds(3),
        Retries = 4,
        Backoff = TimeSpan.FromMilliseconds(150),
    };

    /// <summary>Where Twilio takes 100 ms, 300 calls a second. No queue: the wait in it would count against the lease of the one who dials. Too many at once are sent again by their effects, half a second later.</summary>
    public PipelineSettings Creates { get; init; } = new()
    {
        Permits = 32,
        Queue = 0,
        Total = TimeSpan.FromSeconds(8),
        Attempt = TimeSpan.FromSeconds(6),
        Retries = 2,
        Backoff = TimeSpan.FromMilliseconds(200),
        Breaker = new(),
    };

    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(2);

    public PipelineSettings For(RequestKind kind) => kind switch
    {
        RequestKind.Read => Reads,
        RequestKind.IdempotentWrite => IdempotentWrites,
        _ => Creates,
    };
}

/// <summary>One pipeline's numbers.</summary>
internal sealed record PipelineSettings
{
    /// <summary>Requests at once, of this replica.</summary>
    public required int Permits { get; init; }

    /// <summary>Requests that may wait for a permit.</summary>
    public required int Queue { get; init; }

    /// <summary>For all attempts, with the waits between them.</summary>
    public required TimeSpan Total { get; init; }

    public required TimeSpan Attempt { get; init; }

    public required int Retries { get; init; }

    /// <summary>The first wait; it doubles, with jitter.</summary>
    public required TimeSpan Backoff { get; init; }

    public BreakerSettings? Breaker { get; init; }
}

/// <summary>Half of at least ten requests within ten seconds: a service with little traffic notices too, and one bad answer opens nothing.</summary>
internal sealed record BreakerSettings
{
    public double FailureRatio { get; init; } = 0.5;

    public int MinimumThroughput { get; init; } = 10;

    public TimeSpan Sampling { get; init; } = TimeSpan.FromSeconds(10);

    public TimeSpan Break { get; init; } = TimeSpan.FromSeconds(5);
}
