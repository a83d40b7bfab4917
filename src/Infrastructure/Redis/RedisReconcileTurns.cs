using StackExchange.Redis;

namespace Calls.Infrastructure.Redis;

/// <summary>One key that expires: the replica that sets it has the turn.</summary>
internal sealed class RedisReconcileTurns(IConnectionMultiplexer redis) : IReconcileTurns
{
    public Task<bool> TryTakeAsync(TimeSpan interval, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        return RedisCommands.RunAsync(redis, "SET", () => redis.GetDatabase().StringSetAsync(
            RedisKeys.Reconcile, RedisValue.EmptyString, interval, When.NotExists, CommandFlags.DemandMaster));
    }

    public Task GiveBackAsync() =>
        RedisCommands.RunAsync(redis, "DEL", () => redis.GetDatabase().KeyDeleteAsync(RedisKeys.Reconcile, CommandFlags.DemandMaster));
}
