using Calls.Application.Ports;
using StackExchange.Redis;

namespace Calls.Infrastructure.Redis;

/// <summary>Redis replicates after it has acknowledged. A connection that broke or came back, or a primary that changed, may mean a failover: for a while its word is not taken.</summary>
internal sealed class RedisMemory : IStoreMemory, IDisposable
{
    /// <summary>Longer than anything that was lost can still be waiting to be sent: a dial is given up when its ring time-out is over.</summary>
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

    /// <remarks>A connection tells once that it broke, however long it stays away.</remarks>
    public bool IsSuspect => !redis.IsConnected || (Interlocked.Read(ref suspectSince) is not 0 and var since && clock.GetElapsedTime(since) < Epoch);

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
