using Calls.Application.Randomness;
using Calls.Infrastructure.Webhooks;
using StackExchange.Redis;

namespace Calls.Infrastructure.Redis;

/// <summary>Sessions in Redis. One script compares and writes; on a conflict it returns the session of the other writer.</summary>
internal sealed partial class RedisSessionStore(
    IConnectionMultiplexer redis, SessionStoreSettings settings, CallPolicy policy, TimeProvider clock, ILogger<RedisSessionStore> logger,
    EventReceivers? receivers = null, EventWakes? wakes = null, StoredEncryption? encryption = null)
    : ISessionStore
{
    /// <summary>Compares the etag. Writes session, version, etag, write id, deadline and expiry: one slot, one round trip. A save that
    /// stores a call for the first time also notes that the caller's leg has placed it, and refuses a leg that has placed another one. A
    /// save for a person who comes back does the same.</summary>
    /// <remarks>
    /// A command that can fail because a key has another type comes before the first write, so nothing is half written.
    /// <c>expected</c> is empty where no session may exist; <c>deadline</c> (Unix ms) is empty where the session has none. Readers are told
    /// on <c>channel</c>; if the publication fails, the write stands.
    /// The third key and <c>nonce</c> and <c>keep</c> (ms) are there only if a leg places a call or comes back to it, or if a lost call is
    /// built again, or if there are receivers of events. With receivers, <c>news</c> is 1 if the save changes something that they see.
    /// <c>kept</c> (ms) is the life of a session with news that a receiver does not know. If a new call takes the id of an ended one whose
    /// end a receiver does not know, the ended state is kept as the member <c>replaced</c>. From the 5th key and the 14th argument on come
    /// the receivers.
    /// Answers {1, version} if written, {2, version} if this write id was written before, {0, version, etag, data} on a conflict, {3} if
    /// the leg placed another call.
    /// </remarks>
    internal const string SaveScript = """
        local session, due, placed, ended = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
        local expected, etag, writeId, data, deadline, ttl, id, channel, nonce, keep, news, kept, replaced = unpack(ARGV)
        if nonce == '' then placed = nil end
        local stored = redis.call('HMGET', session, 'etag', 'wid', 'ver', 'data')
        if (stored[1] or '') ~= expected then
          if stored[2] == writeId then return {2, stored[3]} end
          return {0, stored[3] or '0', stored[1] or '', stored[4] or ''}
        end
        local by = placed and redis.call('GET', placed)
        if by and by ~= nonce then return {3} end
        local version = string.format('%d', (tonumber(stored[3] or '0') or 0) + 1)
        if deadline == '' then redis.call('ZREM', due, id) else redis.call('ZADD', due, deadline, id) end
        local time = news and redis.call('TIME')
        local now = news and string.format('%d', time[1] * 1000 + math.floor(time[2] / 1000))
        for i = 14, #ARGV do
          local events, field = KEYS[i - 9], 'to:' .. ARGV[i]
          if replaced ~= '' then
            if redis.call('ZREM', events, id) == 1 then
              redis.call('HSET', ended, 'etag', stored[1], 'ver', stored[3], 'data', stored[4])
              local told = redis.call('HGET', session, field)
              if told then redis.call('HSET', ended, field, told) end
              redis.call('PEXPIRE', ended, kept)
              redis.call('ZADD', events, now, replaced)
            end
            redis.call('HDEL', session, field)
          end
          if news == '1' then
            redis.call('ZADD', events, 'NX', now, id)
            redis.call('PEXPIRE', events, kept)
          end
          if redis.call('ZSCORE', events, id) then ttl = kept end
        end
        redis.call('HSET', session, 'etag', etag, 'wid', writeId, 'ver', version, 'data', data)
        redis.call('PEXPIRE', session, ttl)
        if placed then redis.call('SET', placed, nonce, 'PX', keep) end
        redis.pcall('PUBLISH', channel, id .. ' ' .. version)
        return {1, version}
        """;

    /// <summary>A live session ends by its events, never by its expiry: each review stores it again.</summary>
    private static readonly TimeSpan LiveAtLeast = TimeSpan.FromHours(24);

    /// <summary>How long a leg that has placed a call is remembered, at least: as long as a replay of its webhook is likely.</summary>
    private static readonly TimeSpan PlacedAtLeast = TimeSpan.FromHours(25);

    private static readonly RedisValue[] Fields = ["ver", "etag", "data"];

    private static long unreadable;

    /// <summary>Random for each store, so that etags of two processes never agree.</summary>
    private readonly string writer = Chance.Name(10) + ".";

    private long writes;

    private IDatabase Database => redis.GetDatabase();

    /// <summary>The number of reads of sessions that this process could not read.</summary>
    internal static long Unreadable => Interlocked.Read(ref unreadable);

    public Task<StoredSession> LoadAsync(SessionId id, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        return LoadAsync(redis, logger, encryption, id);
    }

    /// <exception cref="UnreadableSessionException">This version cannot read the stored session. It is logged and counted here.</exception>
    internal static async Task<StoredSession> LoadAsync(
        IConnectionMultiplexer redis, ILogger logger, StoredEncryption? encryption, SessionId id)
    {
        var key = RedisKeys.Session(id);
        try
        {
            var fields = await RedisCommands.RunAsync(
                redis, "HMGET", () => redis.GetDatabase().HashGetAsync(key, Fields, CommandFlags.DemandMaster));
            return Read(logger, encryption, id, fields[0], fields[1], fields[2]);
        }
        catch (RedisServerException e) when (IsOfWrongType(e))
        {
            throw Report(logger, id, new UnreadableSessionException(e));
        }
    }

    /// <summary>The session as it is stored; null if this version cannot read it.</summary>
    internal static async Task<StoredSession?> TryLoadAsync(
        IConnectionMultiplexer redis, ILogger logger, StoredEncryption? encryption, SessionId id)
    {
        try
        {
            return await LoadAsync(redis, logger, encryption, id);
        }
        catch (UnreadableSessionException)
        {
            return null;
        }
    }

    public async Task<StoredSession> SaveAsync(StoredSession loaded, Decision decision, CancellationToken cancellationToken)
    {
        if (decision is not { Changed: true, Session: { } session })
            return loaded;
        cancellationToken.ThrowIfCancellationRequested();
        // The etag is new with each write, so it serves as the write id too.
        RedisValue etag = string.Create(CultureInfo.InvariantCulture, $"{writer}{Interlocked.Increment(ref writes):x}");
        var partition = RedisKeys.PartitionOf(loaded.Id);
        var next = Deadlines.Next(session, policy);
        RedisValue deadline = next is { } at ? at.ToUnixTimeMilliseconds() : RedisValue.EmptyString;
        var ttl = (long)TimeToLive(isAtRest: next is null).TotalMilliseconds;
        RedisKey[] keys = [RedisKeys.Session(loaded.Id, partition), RedisKeys.Due(partition)];
        var form = StoredForm.Write(session);
        RedisValue data = encryption?.Protect(loaded.Id, form) ?? form;
        RedisValue[] values = [loaded.ETag, etag, etag, data, deadline, ttl, loaded.Id.Value, RedisKeys.Changed(partition)];
        var placing = decision.Happened is SessionEvent.StartCall started ? started.CallerLeg
            : loaded.Session?.Nonce != session.Nonce ? session.Caller.Leg : null;
        if (placing is { } leg)
        {
            keys = [.. keys, RedisKeys.Placed(leg, partition)];
            values = [.. values, session.Nonce, (long)TimeToRemember().TotalMilliseconds];
        }

        var hasNews = receivers is { Names.Count: > 0 } && SessionNews.Has(loaded.Session, session);
        if (receivers is { Names.Count: > 0 })
        {
            if (placing is null)
                (keys, values) = ([.. keys, keys[0]], [.. values, RedisValue.EmptyString, RedisValue.EmptyString]);
            var replaced = loaded.Session is { } before && before.Nonce != session.Nonce ? $"{loaded.Id.Value} {loaded.Version}" : "";
            keys = [.. keys, replaced.Length > 0 ? RedisKeys.Ended(replaced, partition) : keys[0],
                .. receivers.Names.Select(name => RedisKeys.Events(partition, name))];
            values = [.. values, hasNews ? 1 : 0, settings.KeptForEvents, replaced, .. receivers.Names.Select(name => (RedisValue)name)];
        }

        // A write without an answer may have happened. The same write is sent again under the same write id, and the script recognises it.
        for (var attempt = 1; ; attempt++)
        {
            RedisResult answer;
            try
            {
                answer = await RedisCommands.RunAsync(
                    redis, "save", () => Database.ScriptEvaluateAsync(SaveScript, keys, values, CommandFlags.DemandMaster));
            }
            catch (SessionStoreUnavailableException)
            {
                RedisCommands.Saved("unavailable");
                if (attempt >= settings.SaveAttempts)
                    throw;
                await Task.Delay(settings.SaveRetryDelay * attempt, clock, CancellationToken.None);
                continue;
            }
            catch (RedisServerException e) when (IsOfWrongType(e))
            {
                throw Report(logger, loaded.Id, new UnreadableSessionException(e));
            }

            var written = Written((RedisResult[])answer!, loaded.Id, session, etag);
            if (hasNews)
                wakes?.Wake(loaded.Id.Value);
            RedisOwnSessions.Note(Database, loaded.Session, session, TimeToLive(isAtRest: false), clock.GetUtcNow());
            return written;
        }
    }

    /// <exception cref="SessionConflictException">Another writer came first.</exception>
    /// <exception cref="LegHasPlacedCallException">The leg has placed another call.</exception>
    private StoredSession Written(RedisResult[] answer, SessionId id, CallSession session, RedisValue etag)
    {
        var outcome = (int)answer[0];
        RedisCommands.Saved(outcome switch { 0 => "conflict", 1 => "written", 2 => "repeated", _ => "replayed" });
        if (outcome == 3)
            throw new LegHasPlacedCallException();
        return outcome != 0
            ? new StoredSession(id, session, (long)answer[1], etag.ToString())
            : throw new SessionConflictException(
                Read(logger, encryption, id, (RedisValue)answer[1], (RedisValue)answer[2], (RedisValue)answer[3]));
    }

    /// <summary>Longer than the session is kept.</summary>
    private TimeSpan TimeToRemember() => settings.Retention + policy.MaxDuration is var kept && kept > PlacedAtLeast
        ? kept + TimeSpan.FromHours(1)
        : PlacedAtLeast;

    private TimeSpan TimeToLive(bool isAtRest) => isAtRest || settings.Retention > LiveAtLeast ? settings.Retention : LiveAtLeast;

    /// <exception cref="UnreadableSessionException">This version cannot read the data. It is logged and counted here.</exception>
    internal static StoredSession Read(
        ILogger logger, StoredEncryption? encryption, SessionId id, RedisValue version, RedisValue etag, RedisValue data)
    {
        if (data.IsNullOrEmpty)
            return new StoredSession(id, null, 0, "");
        try
        {
            ReadOnlyMemory<byte> stored = data;
            var form = encryption?.Reveal(id, stored) ?? stored;
            return new StoredSession(id, StoredForm.Read(id, form.Span), (long)version, etag.ToString());
        }
        catch (UnreadableSessionException e)
        {
            Report(logger, id, e);
            throw;
        }
        catch (InvalidCastException e)
        {
            throw Report(logger, id, new UnreadableSessionException(e));
        }
    }

    /// <summary>The key of the session, or its index of deadlines, holds something of another type.</summary>
    private static bool IsOfWrongType(RedisServerException e) => e.Message.Contains("WRONGTYPE", StringComparison.Ordinal);

    private static UnreadableSessionException Report(ILogger logger, SessionId id, UnreadableSessionException e)
    {
        Interlocked.Increment(ref unreadable);
        Log.Unreadable(logger, id.Value, e.Message);
        return e;
    }

    private static partial class Log
    {
        [LoggerMessage(4006, LogLevel.Error, "The session {SessionId} was not served. {Cause}")]
        public static partial void Unreadable(ILogger logger, string sessionId, string cause);
    }
}

/// <summary>Settings of the store.</summary>
/// <param name="Retention">How long an ended session is kept after its last change.</param>
/// <param name="SaveAttempts">How often a save with an unknown outcome is sent.</param>
/// <param name="SaveRetryDelay">The wait before the first repetition. It grows with each further one.</param>
internal sealed record SessionStoreSettings(TimeSpan Retention, int SaveAttempts, TimeSpan SaveRetryDelay)
{
    /// <summary>In milliseconds: the life of a session with news that a receiver does not know. It is not shorter than any other life.
    /// </summary>
    public long KeptForEvents => (long)(Retention > EventSettings.Kept ? Retention : EventSettings.Kept).TotalMilliseconds;

    public SessionStoreSettings(TimeSpan retention)
        : this(retention, 3, TimeSpan.FromMilliseconds(150))
    {
    }
}
