using System.Net;
using StackExchange.Redis;

namespace Calls.Infrastructure.Redis;

/// <summary>Redis replicates after it acknowledges. A broken or restored connection, or another primary, may mean a failover that lost
/// writes. For a minute afterwards Redis is suspect. The first connection of this process is neither.</summary>
/// <remarks>The client also reports a changed configuration when its connection for subscriptions comes, breaks or returns. This
/// connection carries no writes.</remarks>
internal sealed class RedisMemory : IStoreMemory, IDisposable
{
    /// <summary>Longer than a lost dial can still be sent: a dial is given up after the ring time-out.</summary>
    private static readonly TimeSpan Epoch = TimeSpan.FromSeconds(60);

    private readonly IConnectionMultiplexer redis;
    private readonly TimeProvider clock;
    private long suspectSince;
    private int hasConnected;
    private HashSet<EndPoint> primaries = [];

    public RedisMemory(IConnectionMultiplexer redis, TimeProvider clock)
    {
        (this.redis, this.clock) = (redis, clock);
        redis.ConnectionFailed += Broke;
        redis.ConnectionRestored += CameBack;
        redis.ConfigurationChanged += Changed;
        if (!redis.IsConnected)
            return;
        IsFirstConnection();
        HasAnotherPrimary();
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
        if (e.ConnectionType == ConnectionType.Interactive && (!IsFirstConnection() || Interlocked.Read(ref suspectSince) != 0))
            Suspect();
    }

    private void Changed(object? sender, EndPointEventArgs e)
    {
        if (HasAnotherPrimary())
            Suspect();
    }

    private bool IsFirstConnection() => Interlocked.Exchange(ref hasConnected, 1) == 0;

    /// <summary>Whether a server is primary now that was not before. The first primaries do not count.</summary>
    private bool HasAnotherPrimary()
    {
        HashSet<EndPoint> now = [.. redis.GetServers().Where(its => its.IsConnected && !its.IsReplica).Select(its => its.EndPoint)];
        if (now.Count == 0)
            return false;
        var before = Interlocked.Exchange(ref primaries, now);
        return before.Count > 0 && !now.IsSubsetOf(before);
    }

    private void Suspect() => Interlocked.Exchange(ref suspectSince, clock.GetTimestamp());
}
