using StackExchange.Redis;

namespace Calls.Infrastructure.Redis;

/// <summary>Redis replicates after it acknowledges. A broken or restored connection, or a changed primary, may mean a failover that lost
/// writes. For a minute afterwards Redis is suspect.</summary>
internal sealed class RedisMemory : IStoreMemory, IDisposable
{
    /// <summary>Longer than a lost dial can still be sent: a dial is given up after the ring time-out.</summary>
    private static readonly TimeSpan Epoch = TimeSpan.FromSeconds(60);

    private readonly IConnectionMultiplexer redis;
    private readonly TimeProvider clock;
    private long suspectSince;

    public RedisMemory(IConnectionMultiplexer redis, TimeProvider clock)
    {
        (this.redis, this.clock) = (redis, clock);
        redis.ConnectionFailed += BrokeOrCameBack;
        redis.ConnectionRestored += BrokeOrCameBack;
        redis.ConfigurationChanged += Changed;
    }

    /// <remarks>A connection reports a break once, however long it lasts.</remarks>
    public TimeSpan? SuspectFor => !redis.IsConnected ? TimeSpan.Zero
        : Interlocked.Read(ref suspectSince) is not 0 and var since && clock.GetElapsedTime(since) is var passed && passed < Epoch ? passed
        : null;

    public void Dispose()
    {
        redis.ConnectionFailed -= BrokeOrCameBack;
        redis.ConnectionRestored -= BrokeOrCameBack;
        redis.ConfigurationChanged -= Changed;
    }

    private void BrokeOrCameBack(object? sender, ConnectionFailedEventArgs e)
    {
        if (e.ConnectionType == ConnectionType.Interactive)
            Suspect();
    }

    private void Changed(object? sender, EndPointEventArgs e) => Suspect();

    private void Suspect() => Interlocked.Exchange(ref suspectSince, clock.GetTimestamp());
}
