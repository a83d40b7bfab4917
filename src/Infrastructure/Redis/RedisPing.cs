using StackExchange.Redis;

namespace Calls.Infrastructure.Redis;

/// <summary>Writes a small key that expires, in a script, as a save does. PING is not enough: a Redis that refuses to write answers
/// it.</summary>
internal sealed class RedisPing(IConnectionMultiplexer redis, TimeProvider clock) : IStorePing
{
    private const string Script = "return redis.call('SET', KEYS[1], '1', 'EX', 60)";

    public async Task<TimeSpan?> PingAsync(CancellationToken cancellationToken)
    {
        try
        {
            var began = clock.GetTimestamp();
            await redis.GetDatabase().ScriptEvaluateAsync(Script, [RedisKeys.Probe], flags: CommandFlags.DemandMaster)
                .WaitAsync(cancellationToken);
            return clock.GetElapsedTime(began);
        }
        catch (Exception e) when (e is RedisException or TimeoutException)
        {
            return null;
        }
    }
}
