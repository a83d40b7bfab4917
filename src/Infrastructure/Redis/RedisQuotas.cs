using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Calls.Application;
using Calls.Application.Ports;
using Calls.Domain;
using Microsoft.Extensions.Logging;
using StackExchange.Redis;

namespace Calls.Infrastructure.Redis;

/// <summary>Counts by person. Keys hold a hash of the identity, and are forgotten by themselves.</summary>
internal sealed class RedisQuotas(
    IConnectionMultiplexer redis, Allowances allowances, TimeProvider clock, ILogger<RedisSessionStore> logger) : IQuotas
{
    /// <summary>KEYS: count. ARGV: most, window in ms. Answers 0 where one was taken, else the ms until the window ends.</summary>
    private const string TakeAddScript = """
        local count = tonumber(redis.call('GET', KEYS[1]) or '0')
        if count >= tonumber(ARGV[1]) then
          local left = redis.call('PTTL', KEYS[1])
          if left > 0 then return left end
          if left == 0 or tonumber(ARGV[1]) <= 0 then return tonumber(ARGV[2]) end
        end
        count = redis.call('INCR', KEYS[1])
        if count == 1 or redis.call('PTTL', KEYS[1]) < 0 then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
        return 0
        """;

    /// <summary>KEYS: count.</summary>
    private const string GiveAddBackScript = """
        if tonumber(redis.call('GET', KEYS[1]) or '0') > 0 then return redis.call('DECR', KEYS[1]) end
        return 0
        """;

    /// <summary>KEYS: places. ARGV: session id, most, now in ms, life in ms. Answers 0: none left, 1: taken, 2: held already.</summary>
    private const string TakePlaceScript = """
        if redis.call('ZSCORE', KEYS[1], ARGV[1]) then return 2 end
        redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%d', tonumber(ARGV[3]) - tonumber(ARGV[4])))
        if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[2]) then return 0 end
        redis.call('ZADD', KEYS[1], ARGV[3], ARGV[1])
        redis.call('PEXPIRE', KEYS[1], ARGV[4])
        return 1
        """;

    private static readonly TimeSpan Window = TimeSpan.FromHours(1);

    /// <summary>Longer than Twilio lets a call last (4 hours).</summary>
    private static readonly TimeSpan Life = TimeSpan.FromHours(6);

    private IDatabase Database => redis.GetDatabase();

    public async Task<TimeSpan?> TakeAddAsync(Asker asker, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var wait = (long)await RedisCommands.RunAsync(redis, "take", () => Database.ScriptEvaluateAsync(
            TakeAddScript, [RedisKeys.Adds(HashOf(asker.Identity))], [allowances.AddsPerHour, (long)Window.TotalMilliseconds], CommandFlags.DemandMaster));
        return wait == 0 ? null : TimeSpan.FromMilliseconds(wait);
    }

    public Task GiveAddBackAsync(Asker asker) => RedisCommands.RunAsync(redis, "give back", () => Database.ScriptEvaluateAsync(
        GiveAddBackScript, [RedisKeys.Adds(HashOf(asker.Identity))], flags: CommandFlags.DemandMaster));

    public async Task<Place> TakePlaceAsync(ClientIdentity caller, SessionId session, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var place = await SendTakeAsync(caller, session);
        if (place != Place.NoneLeft)
            return place;
        // Places of calls that are over, whose end could not be told: looked for only now that they matter.
        var held = await RedisCommands.RunAsync(redis, "ZRANGE", () => Database.SortedSetRangeByRankAsync(RedisKeys.Places(HashOf(caller)), flags: CommandFlags.DemandMaster));
        var over = await Task.WhenAll(held.Select(member => IsOverAsync(caller, member)));
        var free = held.Where((_, i) => over[i]).ToArray();
        if (free.Length == 0)
            return Place.NoneLeft;
        await RedisCommands.RunAsync(redis, "ZREM", () => Database.SortedSetRemoveAsync(RedisKeys.Places(HashOf(caller)), free));
        return await SendTakeAsync(caller, session);
    }

    public void GivePlaceBack(ClientIdentity caller, SessionId session) =>
        Database.SortedSetRemove(RedisKeys.Places(HashOf(caller)), session.Value, CommandFlags.FireAndForget);

    /// <summary>No span of its own: it travels with the load beside it.</summary>
    private async Task<Place> SendTakeAsync(ClientIdentity caller, SessionId session)
    {
        RedisValue[] values = [session.Value, allowances.LiveSessions, clock.GetUtcNow().ToUnixTimeMilliseconds(), (long)Life.TotalMilliseconds];
        var answer = (int)await RedisCommands.RunBesideAsync("place", () => Database.ScriptEvaluateAsync(TakePlaceScript, [RedisKeys.Places(HashOf(caller))], values, CommandFlags.DemandMaster));
        return answer switch { 0 => Place.NoneLeft, 1 => Place.Taken, _ => Place.HeldAlready };
    }

    private async Task<bool> IsOverAsync(ClientIdentity caller, RedisValue member)
    {
        if (!SessionId.TryParse(member, out var id))
            return true;
        var data = await RedisCommands.RunAsync(redis, "HGET", () => Database.HashGetAsync(RedisKeys.Session(id), "data", CommandFlags.DemandMaster));
        try
        {
            var session = RedisSessionStore.Read(logger, id, default, default, data).Session;
            return session is not { IsEnded: false, Caller.Party: Party.Client client } || client.Identity != caller;
        }
        catch (UnreadableSessionException)
        {
            // The call may be live, so its place stays taken.
            return false;
        }
    }

    private static string HashOf(ClientIdentity? identity) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"calls:{identity?.Value}"))).AsSpan(0, 16));
}
