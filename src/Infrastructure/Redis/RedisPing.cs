using StackExchange.Redis;

namespace Calls.Infrastructure.Redis;

/// <summary>Sends PING (redis.io/docs/latest/commands/ping).</summary>
internal sealed class RedisPing(IConnectionMultiplexer redis) : IStorePing
{
    public async Task<TimeSpan?> PingAsync(CancellationToken cancellationToken)
    {
        try
        {
            return await redis.GetDatabase().PingAsync().WaitAsync(cancellationToken);
        }
        catch (Exception e) when (e is RedisException or TimeoutException)
        {
            return null;
        }
    }
}
