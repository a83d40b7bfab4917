namespace Calls.Infrastructure.Webhooks;

/// <summary>The times of the delivery of events.</summary>
internal sealed record EventSettings
{
    /// <summary>The requests to one receiver that a replica has under way at most.</summary>
    public const int Concurrency = 16;
    /// <summary>How long a receiver may take to answer.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(10);
    /// <summary>How long an event belongs to the replica that has claimed it. It is longer than <see cref="Timeout"/>, so that two replicas
    /// do not send events of one call at once.</summary>
    public TimeSpan Lease { get; init; } = TimeSpan.FromSeconds(30);
    /// <summary>The wait after the first failure. It doubles with each further one.</summary>
    public TimeSpan FirstRetry { get; init; } = TimeSpan.FromSeconds(1);
    public TimeSpan LongestRetry { get; init; } = TimeSpan.FromMinutes(30);
    /// <summary>How long an event is tried, from its first failure and from the end of the call.</summary>
    public TimeSpan GiveUpAfter { get; init; } = TimeSpan.FromHours(24);
    /// <summary>The interval at which a replica looks for events that no other replica has delivered.</summary>
    public TimeSpan Sweep { get; init; } = TimeSpan.FromSeconds(2);
    /// <summary>How long the end of a call waits for the reports of the legs that the service hangs up.</summary>
    public TimeSpan LegsAfterEnd { get; init; } = TimeSpan.FromSeconds(5);
    /// <summary>How long a session is kept at least whose events are not delivered. Each attempt begins it again.</summary>
    public static readonly TimeSpan Kept = TimeSpan.FromHours(48);

    /// <summary>The wait before the next attempt. Up to a fifth of it is random, so that the events of an outage are not all sent at one
    /// time.</summary>
    public TimeSpan Backoff(int failures, double jitter)
    {
        var wait = FirstRetry * Math.Pow(2, Math.Clamp(failures - 1, 0, 20));
        return (wait < LongestRetry ? wait : LongestRetry) * (1 - (jitter / 5));
    }
}
