using Calls.Infrastructure.Webhooks;
using StackExchange.Redis;

namespace Calls.Infrastructure.Redis;

/// <summary>Deletes what Redis has about an ended call.</summary>
internal sealed class RedisRecords(IConnectionMultiplexer redis, EventReceivers receivers) : IRecords
{
    /// <summary>Compares the etag. Deletes the session, its deadline and its entries for receivers of events.</summary>
    internal const string ForgetScript = """
        local session, due = KEYS[1], KEYS[2]
        local etag, id = ARGV[1], ARGV[2]
        if redis.call('HGET', session, 'etag') ~= etag then return 0 end
        redis.call('DEL', session)
        redis.call('ZREM', due, id)
        for i = 3, #KEYS do redis.call('ZREM', KEYS[i], id) end
        return 1
        """;

    public async Task<bool> ForgetAsync(StoredSession loaded, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var (id, partition, database) = (loaded.Id.Value, RedisKeys.PartitionOf(loaded.Id), redis.GetDatabase());
        // The lists and the ends of earlier calls come first: if this request is cut, it can be sent again.
        foreach (var participant in loaded.Session?.Participants ?? [])
            if (participant.Party is Party.Client { Identity: var person })
                await RedisCommands.RunAsync(
                    redis, "ZREM", () => database.SortedSetRemoveAsync(RedisKeys.Own(RedisKeys.HashOf(person.Value)), id));
        foreach (var receiver in receivers.Names)
            await ForgetEndsAsync(RedisKeys.Events(partition, receiver), id, partition);
        RedisKey[] keys =
        [
            RedisKeys.Session(loaded.Id, partition), RedisKeys.Due(partition),
            .. receivers.Names.Select(receiver => RedisKeys.Events(partition, receiver)),
        ];
        return (int)await RedisCommands.RunAsync(redis, "forget", () => database.ScriptEvaluateAsync(
            ForgetScript, keys, [loaded.ETag, id], CommandFlags.DemandMaster)) == 1;
    }

    /// <summary>The ends of earlier calls with the same session id that the receiver does not know.</summary>
    private async Task ForgetEndsAsync(RedisKey events, string id, int partition)
    {
        var database = redis.GetDatabase();
        List<RedisValue> ends = [];
        await foreach (var entry in database.SortedSetScanAsync(events, id + " *"))
            ends.Add(entry.Element);
        foreach (var end in ends)
        {
            await RedisCommands.RunAsync(redis, "DEL", () => database.KeyDeleteAsync(RedisKeys.Ended(end.ToString(), partition)));
            await RedisCommands.RunAsync(redis, "ZREM", () => database.SortedSetRemoveAsync(events, end));
        }
    }
}
