using StackExchange.Redis;

namespace Calls.Infrastructure.Redis;

/// <summary>The index of deadlines. A claim moves a deadline forward and never removes it. Leases use the clock of Redis.</summary>
internal sealed class RedisDueSessions(IConnectionMultiplexer redis, CallPolicy policy) : IDueSessions
{
    /// <summary><c>lease</c> is in milliseconds. Answers the ids of the claimed sessions.</summary>
    internal const string ClaimScript = """
        local due = KEYS[1]
        local lease, most = ARGV[1], ARGV[2]
        local time = redis.call('TIME')
        local now = time[1] * 1000 + math.floor(time[2] / 1000)
        local ids = redis.call('ZRANGEBYSCORE', due, '-inf', string.format('%d', now), 'LIMIT', 0, most)
        for _, id in ipairs(ids) do redis.call('ZADD', due, string.format('%d', now + lease), id) end
        return ids
        """;

    /// <summary>Changes nothing where the etag is not the one that the deadline was derived from. An empty <c>deadline</c> removes the
    /// entry.</summary>
    internal const string RescheduleScript = """
        local session, due = KEYS[1], KEYS[2]
        local etag, deadline, id = ARGV[1], ARGV[2], ARGV[3]
        if (redis.call('HGET', session, 'etag') or '') ~= etag then return 0 end
        if deadline == '' then return redis.call('ZREM', due, id) end
        redis.call('ZADD', due, deadline, id)
        return 1
        """;

    public int Partitions => RedisKeys.Partitions;

    public async Task<IReadOnlyList<SessionId>> ClaimAsync(int partition, int max, TimeSpan lease, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var answer = await RedisCommands.RunAsync(redis, "claim", () => redis.GetDatabase().ScriptEvaluateAsync(
            ClaimScript, [RedisKeys.Due(partition)], [(long)lease.TotalMilliseconds, max], CommandFlags.DemandMaster));
        string?[] ids = (string?[]?)answer ?? [];
        RedisCommands.Claimed(ids.Length);
        return [.. ids.Select(text => SessionId.TryParse(text, out var id) ? id : null).OfType<SessionId>()];
    }

    public async Task RescheduleAsync(StoredSession session, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var next = session.Session is { } stored ? Deadlines.Next(stored, policy) : null;
        var deadline = next is { } at ? at.ToUnixTimeMilliseconds().ToString(CultureInfo.InvariantCulture) : "";
        RedisKey[] keys = [RedisKeys.Session(session.Id), RedisKeys.Due(RedisKeys.PartitionOf(session.Id))];
        RedisValue[] values = [session.ETag, deadline, session.Id.Value];
        await RedisCommands.RunAsync(
            redis, "reschedule", () => redis.GetDatabase().ScriptEvaluateAsync(RescheduleScript, keys, values, CommandFlags.DemandMaster));
    }
}
