using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Calls.Application;
using Calls.Application.Ports;
using Calls.Domain;
using Microsoft.Extensions.Logging;
using StackExchange.Redis;

namespace Calls.Infrastructure.Redis;

/// <summary>Sessions in Redis, each written by one script that compares and writes. A conflict hands back what somebody else wrote.</summary>
internal sealed partial class RedisSessionStore(
    IConnectionMultiplexer redis, SessionStoreSettings settings, CallPolicy policy, TimeProvider clock, ILogger<RedisSessionStore> logger)
    : ISessionStore
{
    /// <summary>Compares the etag; writes session, version, etag and write id, the deadline, and the expiry. One slot, one round trip, nothing half done:
    /// what can fail on a wrong type, which is the read of the one key and the write of the other, comes before any other write.</summary>
    /// <remarks>
    /// KEYS: session, due index. ARGV: expected etag ('' where there must be none), new etag, write id, data, next deadline in ms or '', time to live in ms, session id,
    /// channel. Whoever follows the session is told on it; if they cannot be, the write stands.
    /// Answers {1, version} when written, {2, version} when this very write had been made before, {0, version, etag, data} where another has come first.
    /// </remarks>
    internal const string SaveScript = """
        local now = redis.call('HMGET', KEYS[1], 'etag', 'wid', 'ver', 'data')
        if (now[1] or '') ~= ARGV[1] then
          if now[2] == ARGV[3] then return {2, now[3]} end
          return {0, now[3] or '0', now[1] or '', now[4] or ''}
        end
        local version = string.format('%d', (tonumber(now[3] or '0') or 0) + 1)
        if ARGV[5] == '' then redis.call('ZREM', KEYS[2], ARGV[7]) else redis.call('ZADD', KEYS[2], ARGV[5], ARGV[7]) end
        redis.call('HSET', KEYS[1], 'etag', ARGV[2], 'wid', ARGV[3], 'ver', version, 'data', ARGV[4])
        redis.call('PEXPIRE', KEYS[1], ARGV[6])
        redis.pcall('PUBLISH', ARGV[8], ARGV[7] .. ' ' .. version)
        return {1, version}
        """;

    /// <summary>What Redis calls the script (redis.io/docs/latest/commands/evalsha). StackExchange.Redis would look it up by the text each time.</summary>
#pragma warning disable CA5350 // Redis's choice, and nothing rests on it.
    internal static readonly byte[] SaveScriptHash = SHA1.HashData(Encoding.UTF8.GetBytes(SaveScript));
#pragma warning restore CA5350

    /// <summary>Far longer than Twilio lets a call last (4 hours): a live session is ended by what happens to it, never by its expiry.</summary>
    private static readonly TimeSpan LiveAtLeast = TimeSpan.FromHours(24);

    private static readonly RedisValue[] Fields = ["ver", "etag", "data"];
    private static readonly RedisValue[] ETag = ["etag"];

    /// <summary>Random once a store: a random name for each write would be no more unique.</summary>
    private readonly string writer = Nonces.Next()[..10] + ".";

    private static long unreadable;

    private long writes;

    /// <summary>How often this process has met a stored session that it could not read.</summary>
    internal static long Unreadable => Interlocked.Read(ref unreadable);

    public async Task<StoredSession> LoadAsync(SessionId id, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var fields = await RedisCommands.RunAsync(redis, "HMGET", () => Database.HashGetAsync(RedisKeys.Session(id), Fields, CommandFlags.DemandMaster));
        return Read(logger, id, fields[0], fields[1], fields[2]);
    }

    public async Task<bool> IsCurrentAsync(StoredSession seen, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var fields = await RedisCommands.RunAsync(redis, "HMGET", () => Database.HashGetAsync(RedisKeys.Session(seen.Id), ETag, CommandFlags.DemandMaster));
        return fields[0] == seen.ETag;
    }

    public async Task<StoredSession> SaveAsync(StoredSession loaded, Decision decision, CancellationToken cancellationToken)
    {
        if (decision is not { Changed: true, Session: { } session })
            return loaded;
        cancellationToken.ThrowIfCancellationRequested();
        // New with each write, so it names the write as well as what was written.
        RedisValue etag = string.Create(CultureInfo.InvariantCulture, $"{writer}{Interlocked.Increment(ref writes):x}");
        var partition = RedisKeys.PartitionOf(loaded.Id);
        var next = Deadlines.Next(session, policy);
        RedisKey[] keys = [RedisKeys.Session(loaded.Id, partition), RedisKeys.Due(partition)];
        RedisValue[] values =
        [
            loaded.ETag, etag, etag, StoredForm.Write(session), next is { } at ? at.ToUnixTimeMilliseconds() : RedisValue.EmptyString,
            (long)TimeToLive(isAtRest: next is null).TotalMilliseconds, loaded.Id.Value, RedisKeys.Changed(partition),
        ];
        // A write that was not acknowledged may have been made: the same one again, under the same write id, is recognised.
        for (var (attempt, isKnown) = (1, true); ; attempt++)
        {
            var operation = new RedisOperation(redis, "save");
            try
            {
                var answer = (RedisResult[])(await (isKnown
                    ? Database.ScriptEvaluateAsync(SaveScriptHash, keys, values, CommandFlags.DemandMaster)
                    : Database.ScriptEvaluateAsync(SaveScript, keys, values, CommandFlags.DemandMaster)))!;
                return Written(answer, new StoredSession(loaded.Id, session, (long)answer[1], etag.ToString()));
            }
            catch (RedisServerException e) when (isKnown && e.Message.StartsWith("NOSCRIPT", StringComparison.Ordinal))
            {
                // A server that is new, or came back without its scripts, is told the text, and at once.
                (attempt, isKnown) = (attempt - 1, false);
                continue;
            }
            catch (Exception e) when (operation.IsAway(e))
            {
                RedisCommands.Saved("unavailable");
                if (attempt >= settings.SaveAttempts)
                    throw operation.Unavailable();
            }
            finally
            {
                operation.End();
            }

            await Task.Delay(settings.SaveRetryDelay * attempt, clock, CancellationToken.None);
        }
    }

    private IDatabase Database => redis.GetDatabase();

    /// <exception cref="SessionConflictException">Somebody else came first; with what they wrote.</exception>
    private StoredSession Written(RedisResult[] answer, StoredSession written)
    {
        var outcome = (int)answer[0];
        RedisCommands.Saved(outcome switch { 0 => "conflict", 1 => "written", _ => "repeated" });
        if (outcome != 0)
            return written;
        throw new SessionConflictException(Read(logger, written.Id, (RedisValue)answer[1], (RedisValue)answer[2], (RedisValue)answer[3]));
    }

    private TimeSpan TimeToLive(bool isAtRest) => isAtRest || settings.Retention > LiveAtLeast ? settings.Retention : LiveAtLeast;

    /// <exception cref="UnreadableSessionException">This version cannot read the data. It is logged and counted here.</exception>
    internal static StoredSession Read(ILogger logger, SessionId id, RedisValue version, RedisValue etag, RedisValue data)
    {
        if (data.IsNullOrEmpty)
            return new StoredSession(id, null, 0, "");
        try
        {
            return new StoredSession(id, StoredForm.Read(id, ((ReadOnlyMemory<byte>)data).Span), (long)version, etag.ToString());
        }
        catch (UnreadableSessionException e)
        {
            Interlocked.Increment(ref unreadable);
            Log.Unreadable(logger, id.Value, e.Message);
            throw;
        }
    }

    private static partial class Log
    {
        [LoggerMessage(4006, LogLevel.Error, "The session {SessionId} was not served. {Cause}")]
        public static partial void Unreadable(ILogger logger, string sessionId, string cause);
    }
}

/// <summary>How the store behaves.</summary>
/// <param name="Retention">How long a session is kept after its last change once it is over.</param>
/// <param name="SaveAttempts">How often a save is sent whose outcome is unknown.</param>
/// <param name="SaveRetryDelay">The wait before the first repetition; longer before each further one.</param>
internal sealed record SessionStoreSettings(TimeSpan Retention, int SaveAttempts, TimeSpan SaveRetryDelay)
{
    public SessionStoreSettings(TimeSpan retention)
        : this(retention, 3, TimeSpan.FromMilliseconds(150))
    {
    }
}
