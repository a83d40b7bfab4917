namespace Calls.Infrastructure.Twilio;

/// <summary>The time-outs, the retries and the concurrency of each kind of request, for one replica.</summary>
/// <remarks>There are three pipelines, so that creates that fail, or a review that lists conferences, never stop a call from being
/// ended.</remarks>
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

    /// <summary>There is no breaker: ending a call is always worth an attempt, and an effect waits longer after each failure.</summary>
    public PipelineSettings IdempotentWrites { get; init; } = new()
    {
        Permits = 32,
        Queue = 64,
        Total = TimeSpan.FromSeconds(10),
        Attempt = TimeSpan.FromSeconds(3),
        Retries = 4,
        Backoff = TimeSpan.FromMilliseconds(150),
    };

    /// <summary>If Twilio takes 100 ms, 32 permits are about 300 calls a second.</summary>
    /// <remarks>There is no queue, because the wait in it would use up the effect's lease. Effects that get no permit are run again half
    /// a second later.</remarks>
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

/// <summary>The settings of one pipeline.</summary>
internal sealed record PipelineSettings
{
    /// <summary>Concurrent requests of this replica.</summary>
    public required int Permits { get; init; }
    /// <summary>Requests that may wait for a permit.</summary>
    public required int Queue { get; init; }
    /// <summary>The time for all attempts and the waits between them.</summary>
    public required TimeSpan Total { get; init; }
    /// <summary>The time for one attempt.</summary>
    public required TimeSpan Attempt { get; init; }
    public required int Retries { get; init; }
    /// <summary>The wait before the first retry. It doubles with each retry, with jitter.</summary>
    public required TimeSpan Backoff { get; init; }
    public BreakerSettings? Breaker { get; init; }
}

/// <summary>The breaker opens when half of at least ten requests within ten seconds have failed.</summary>
/// <remarks>A service with little traffic reaches ten requests too, and one bad answer does not open the breaker.</remarks>
internal sealed record BreakerSettings
{
    public double FailureRatio { get; init; } = 0.5;
    public int MinimumThroughput { get; init; } = 10;
    public TimeSpan Sampling { get; init; } = TimeSpan.FromSeconds(10);
    public TimeSpan Break { get; init; } = TimeSpan.FromSeconds(5);
}
