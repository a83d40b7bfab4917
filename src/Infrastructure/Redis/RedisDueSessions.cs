using System.Globalization;
using Calls.Application.Ports;
using Calls.Domain;
using StackExchange.Redis;

namespace Calls.Infrastructure.Redis;

/// <summary>The index of deadlines. Claims move a deadline forward and never remove it; leases are reckoned by Redis's own clock.</summary>
internal sealed class RedisDueSessions(IConnectionMultiplexer redis, CallPolicy policy, RedisTelemetry? telemetry = null) : IDueSessions
{
    /// <summary>KEYS: due index. ARGV: lease in ms, most. Answers the ids, how many sessions the index has, and for how many ms the first of the ids has been due.</summary>
    private const string ClaimScript = """
        local time = redis.call('TIME')
        local now = time[1] * 1000 + math.floor(time[2] / 1000)
        local ids = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', string.format('%d', now), 'LIMIT', 0, ARGV[2])
        local overdue = 0
        if ids[1] then overdue = now - tonumber(redis.call('ZSCORE', KEYS[1], ids[1])) end
        for _, id in ipairs(ids) do redis.call('ZADD', KEYS[1], string.format('%d', now + ARGV[1]), id) end
        return {ids, redis.call('ZCARD', KEYS[1]), overdue}
        """;

    /// <summary>KEYS: session, due index. ARGV: etag that the deadline was derived from, deadline in ms or '', session id.</summary>
    private const string RescheduleScript = """
        if (redis.call('HGET', KEYS[1], 'etag') or '') ~= ARGV[1] then return 0 end
        if ARGV[2] == '' then return redis.call('ZREM', KEYS[2], ARGV[3]) end
        redis.call('ZADD', KEYS[2], ARGV[2], ARGV[3])
        return 1
        """;

    public int Partitions => RedisKeys.Partitions;

    public async Task<IReadOnlyList<SessionId>> ClaimAsync(int partition, int max, TimeSpan lease, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var answer = (RedisResult[])(await redis.RunAsync("claim", () => redis.GetDatabase().ScriptEvaluateAsync(
            ClaimScript, [RedisKeys.Due(partition)], [(long)lease.TotalMilliseconds, max], CommandFlags.DemandMaster)))!;
        var ids = (string?[]?)answer[0] ?? [];
        telemetry?.Swept(partition, ids.Length, (long)answer[1], (long)answer[2]);
        return [.. ids.Select(text => SessionId.TryParse(text, out var id) ? id : null).OfType<SessionId>()];
    }

    public async Task RescheduleAsync(StoredSession session, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var next = session.Session is { } stored ? Deadlines.Next(stored, policy) : null;
        var deadline = next is { } at ? at.ToUnixTimeMilliseconds().ToString(CultureInfo.InvariantCulture) : "";
        await redis.RunAsync("reschedule", () => redis.GetDatabase().ScriptEvaluateAsync(
            RescheduleScript, [RedisKeys.Session(session.Id), RedisKeys.Due(RedisKeys.PartitionOf(session.Id))], [session.ETag, deadline, session.Id.Value], CommandFlags.DemandMaster));
    }
}
