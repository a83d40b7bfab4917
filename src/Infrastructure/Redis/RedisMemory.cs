using StackExchange.Redis;

namespace Calls.Infrastructure.Redis;

/// <summary>Redis replicates after it acknowledges. A broken or restored connection, or a changed primary, may mean a failover that lost
/// writes. For a minute afterwards Redis is suspect. The first connection of this process is neither.</summary>
internal sealed class RedisMemory : IStoreMemory, IDisposable
{
    /// <summary>Longer than a lost dial can still be sent: a dial is given up after the ring time-out.</summary>
    private static readonly TimeSpan Epoch = TimeSpan.FromSeconds(60);
    /// <summary>The first connection reports a changed configuration too, within this time.</summary>
    private static readonly TimeSpan Settling = TimeSpan.FromSeconds(1);

    private readonly IConnectionMultiplexer redis;
    private readonly TimeProvider clock;
    private long suspectSince;
    private long connectedAt;

    public RedisMemory(IConnectionMultiplexer redis, TimeProvider clock)
    {
        (this.redis, this.clock) = (redis, clock);
        redis.ConnectionFailed += Broke;
        redis.ConnectionRestored += CameBack;
        redis.ConfigurationChanged += Changed;
        if (redis.IsConnected)
            Connected();
    }

    /// <remarks>A connection reports a break once, however long it lasts.</remarks>
    public TimeSpan? SuspectFor => !redis.IsConnected ? TimeSpan.Zero
        : Interlocked.Read(ref suspectSince) is not 0 and var since && clock.GetElapsedTime(since) is var passed && passed < Epoch ? passed
        : null;

    public void Dispose()
    {
        redis.ConnectionFailed -= Broke;
        redis.ConnectionRestored -= CameBack;
        redis.ConfigurationChanged -= Changed;
    }

    private void Broke(object? sender, ConnectionFailedEventArgs e)
    {
        if (e.ConnectionType == ConnectionType.Interactive)
            Suspect();
    }

    private void CameBack(object? sender, ConnectionFailedEventArgs e)
    {
        if (e.ConnectionType == ConnectionType.Interactive && (!Connected() || Interlocked.Read(ref suspectSince) != 0))
            Suspect();
    }

    private void Changed(object? sender, EndPointEventArgs e)
    {
        if (Interlocked.Read(ref connectedAt) is not 0 and var at && clock.GetElapsedTime(at) >= Settling)
            Suspect();
    }

    /// <summary>Whether this is the first connection.</summary>
    private bool Connected() => Interlocked.CompareExchange(ref connectedAt, clock.GetTimestamp(), 0) == 0;

    private void Suspect() => Interlocked.Exchange(ref suspectSince, clock.GetTimestamp());
}
