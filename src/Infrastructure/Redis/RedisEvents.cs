using Calls.Infrastructure.Webhooks;
using StackExchange.Redis;

namespace Calls.Infrastructure.Redis;

/// <summary>Which calls have news for which receiver: a sorted set for each partition and receiver, by the next attempt. What the receiver
/// was told is in the hash of the session (<see cref="Told"/>).</summary>
/// <remarks>The save of a session writes the entry (<see cref="RedisSessionStore.SaveScript"/>), so an entry is never lost alone. A member
/// is a session id; or a session id, a space and a version: the end of a call whose session id a new call has taken. Attempts use the clock
/// of Redis.</remarks>
internal sealed class RedisEvents(
    IConnectionMultiplexer redis, EventReceivers receivers, SessionStoreSettings settings, ILogger<RedisSessionStore> logger,
    StoredEncryption? encryption = null)
{
    /// <summary>Answers the number of members, and the due ones.</summary>
    internal const string DueScript = """
        local events = KEYS[1]
        local most = ARGV[1]
        local time = redis.call('TIME')
        local now = string.format('%d', time[1] * 1000 + math.floor(time[2] / 1000))
        return {redis.call('ZCARD', events), redis.call('ZRANGEBYSCORE', events, '-inf', now, 'LIMIT', 0, most)}
        """;

    /// <summary>Takes one member for a lease, if it is due. Answers the version, the etag, the data and what the receiver was told, or
    /// nothing. The session is kept for <c>kept</c> (ms) at least.</summary>
    internal const string ClaimScript = """
        local session, events = KEYS[1], KEYS[2]
        local member, field, lease, kept = unpack(ARGV)
        local time = redis.call('TIME')
        local now = time[1] * 1000 + math.floor(time[2] / 1000)
        local at = redis.call('ZSCORE', events, member)
        if not at or tonumber(at) > now then return {} end
        local stored = redis.call('HMGET', session, 'ver', 'etag', 'data', field)
        if not stored[3] then
          redis.call('ZREM', events, member)
          return {}
        end
        redis.call('ZADD', events, string.format('%d', now + lease), member)
        if redis.call('PTTL', session) < tonumber(kept) then redis.call('PEXPIRE', session, kept) end
        return {stored[1], stored[2], stored[3], stored[4] or ''}
        """;

    /// <summary>The outcome of an attempt: writes what the receiver was told. <c>wait</c> (ms) is empty if nothing of this state is left to
    /// send; then the entry goes, unless the session has changed since. <c>ttl</c> (ms) is the rest of the life of a session at rest that
    /// no receiver waits for.</summary>
    /// <remarks>Changes nothing if another replica has written an outcome since the claim. Answers 1 if the session has news.</remarks>
    internal const string SettleScript = """
        local session, events = KEYS[1], KEYS[2]
        local member, field, before, told, etag, wait, ttl = unpack(ARGV)
        local stored = redis.call('HMGET', session, 'etag', field)
        if not stored[1] then
          redis.call('ZREM', events, member)
          return 0
        end
        if (stored[2] or '') ~= before then return 0 end
        redis.call('HSET', session, field, told)
        local time = redis.call('TIME')
        local now = time[1] * 1000 + math.floor(time[2] / 1000)
        if wait ~= '' then
          redis.call('ZADD', events, string.format('%d', now + wait), member)
          return 0
        end
        if stored[1] ~= etag then
          redis.call('ZADD', events, string.format('%d', now), member)
          return 1
        end
        redis.call('ZREM', events, member)
        if ttl == '' then return 0 end
        for i = 3, #KEYS do
          if redis.call('ZSCORE', KEYS[i], member) then return 0 end
        end
        redis.call('PEXPIRE', session, ttl)
        return 0
        """;

    /// <summary>The most members of one partition that one look reads.</summary>
    private const int Most = 200;

    /// <summary>The members whose time has come, and how many calls have news for the receiver.</summary>
    public async Task<(long Pending, IReadOnlyList<string> Due)> FindAsync(string receiver)
    {
        var partitions = await Task.WhenAll(Enumerable.Range(0, RedisKeys.Partitions).Select(async partition =>
        {
            var answer = (RedisResult[])(await RunAsync("due", DueScript, [RedisKeys.Events(partition, receiver)], [Most]))!;
            return (Pending: (long)answer[0], Due: (string[])answer[1]!);
        }));
        return (partitions.Sum(partition => partition.Pending), [.. partitions.SelectMany(partition => partition.Due)]);
    }

    /// <summary>Claims the news of a call. Null: another replica has them, their time has not come, or there are none.</summary>
    /// <exception cref="UnreadableSessionException">This version cannot read the session. It stays claimed for the lease.</exception>
    public async Task<ClaimedNews?> ClaimAsync(string receiver, string member, TimeSpan lease)
    {
        if (Place.Of(member) is not { } place)
            return null;
        RedisValue[] values = [member, RedisKeys.Told(receiver), (long)lease.TotalMilliseconds, settings.KeptForEvents];
        var answer = (RedisResult[])(await RunAsync(
            "claim", ClaimScript, [place.Key, RedisKeys.Events(place.Partition, receiver)], values))!;
        return answer is [var version, var etag, var data, var told]
            && RedisSessionStore.Read(
                logger, encryption, place.Session, (RedisValue)version, (RedisValue)etag, (RedisValue)data) is { } stored
                ? new ClaimedNews(member, stored, told.ToString())
                : null;
    }

    /// <summary>Stores the outcome of an attempt. <paramref name="wait"/>: the time until the next one; null if none is needed.</summary>
    /// <returns>Whether the call has news again.</returns>
    public async Task<bool> SettleAsync(string receiver, ClaimedNews news, Told told, TimeSpan? wait, TimeSpan? life)
    {
        if (Place.Of(news.Member) is not { } place)
            return false;
        RedisKey[] keys =
        [
            place.Key, RedisKeys.Events(place.Partition, receiver),
            .. receivers.Names.Where(other => other != receiver).Select(other => RedisKeys.Events(place.Partition, other)),
        ];
        RedisValue[] values =
        [
            news.Member, RedisKeys.Told(receiver), news.Told, told.Write(), news.Stored.ETag, Milliseconds(wait), Milliseconds(life),
        ];
        return (int)await RunAsync("settle", SettleScript, keys, values) == 1;
    }

    private Task<RedisResult> RunAsync(string operation, string script, RedisKey[] keys, RedisValue[] values) => RedisCommands.RunAsync(
        redis, operation, () => redis.GetDatabase().ScriptEvaluateAsync(script, keys, values, CommandFlags.DemandMaster));

    private static RedisValue Milliseconds(TimeSpan? time) =>
        time is { } some ? Math.Max(1, (long)some.TotalMilliseconds) : RedisValue.EmptyString;

    /// <summary>Where the state of a member is stored.</summary>
    private sealed record Place(SessionId Session, int Partition, RedisKey Key)
    {
        public static Place? Of(string member)
        {
            var space = member.IndexOf(' ', StringComparison.Ordinal);
            if (!SessionId.TryParse(space < 0 ? member : member[..space], out var session))
                return null;
            var partition = RedisKeys.PartitionOf(session);
            return new Place(
                session, partition, space < 0 ? RedisKeys.Session(session, partition) : RedisKeys.Ended(member, partition));
        }
    }
}

/// <summary>News of a call that this replica must send.</summary>
/// <param name="Member">The entry.</param>
/// <param name="Stored">The newest state.</param>
/// <param name="Told">What the receiver was told, as it is stored.</param>
internal sealed record ClaimedNews(string Member, StoredSession Stored, string Told)
{
    /// <summary>Whether a new call has taken the session id.</summary>
    public bool IsReplaced => Member != Stored.Id.Value;
}
