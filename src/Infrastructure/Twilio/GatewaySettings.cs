namespace Calls.Infrastructure.Twilio;

/// <summary>The time-outs, the retries and the concurrency of each kind of request, for one replica.</summary>
/// <remarks>Each kind has its own pipeline, so that failing creates, long reviews and slow mutes never stop a call from being
/// ended.</remarks>
internal sealed record GatewaySettings
{
    /// <summary>The permits are <c>Twilio:Client:ReadPermits</c>. The sweeper makes as many reviews at once, and a review sends one read
    /// after another.</summary>
    public PipelineSettings Reads { get; init; } =
        new()
        {
            Permits = TwilioClientOptions.DefaultReadPermits,
            Queue = 32,
            Total = Seconds(6),
            Attempt = Seconds(2),
            Retries = 3,
            Backoff = Seconds(0.1),
            Breaker = new(),
        };

    /// <summary>There is no breaker: ending a call is always worth an attempt, and an effect waits longer after each failure.</summary>
    public PipelineSettings Endings { get; init; } =
        new() { Permits = 32, Queue = 64, Total = Seconds(10), Attempt = Seconds(3), Retries = 4, Backoff = Seconds(0.15) };

    /// <summary>Mute and hold. An update that finds no place runs again 0.5 s later.</summary>
    public PipelineSettings Updates { get; init; } =
        new() { Permits = 16, Queue = 64, Total = Seconds(10), Attempt = Seconds(3), Retries = 4, Backoff = Seconds(0.15) };

    /// <summary>If Twilio takes 100 ms, 32 permits are about 300 calls a second.</summary>
    /// <remarks>There is no queue: its wait would use up the effect's lease. An effect without a permit runs again 0.5 s later.</remarks>
    public PipelineSettings Creates { get; init; } =
        new() { Permits = 32, Queue = 0, Total = Seconds(8), Attempt = Seconds(6), Retries = 2, Backoff = Seconds(0.2), Breaker = new() };

    public TimeSpan ConnectTimeout { get; init; } = Seconds(2);

    /// <summary>The settings as they are configured.</summary>
    public static GatewaySettings Of(TwilioClientOptions client)
    {
        var defaults = new GatewaySettings();
        return defaults with { Reads = defaults.Reads with { Permits = client.ReadPermits } };
    }

    public PipelineSettings For(RequestKind kind) => kind switch
    {
        RequestKind.Read => Reads,
        RequestKind.Ending => Endings,
        RequestKind.Update => Updates,
        _ => Creates,
    };

    private static TimeSpan Seconds(double seconds) => TimeSpan.FromSeconds(seconds);
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
