using System.Security.Cryptography;
using System.Text;
using Calls.Application.UseCases;
using StackExchange.Redis;

namespace Calls.Infrastructure.Redis;

/// <summary>Counts for each person. A key holds a hash of the identity and expires by itself.</summary>
internal sealed class RedisQuotas(
    IConnectionMultiplexer redis, Allowances allowances, TimeProvider clock, ILogger<RedisSessionStore> logger) : IQuotas
{
    /// <summary>Answers 0 if one was taken; otherwise the milliseconds until the window ends. <c>window</c> is in milliseconds.</summary>
    private const string TakeAddScript = """
        local adds = KEYS[1]
        local most, window = tonumber(ARGV[1]), tonumber(ARGV[2])
        local count = tonumber(redis.call('GET', adds) or '0')
        if count >= most then
          local left = redis.call('PTTL', adds)
          if left > 0 then return left end
          if left == 0 or most <= 0 then return window end
        end
        count = redis.call('INCR', adds)
        if count == 1 or redis.call('PTTL', adds) < 0 then redis.call('PEXPIRE', adds, string.format('%d', window)) end
        return 0
        """;

    private const string GiveAddBackScript = """
        local adds = KEYS[1]
        if tonumber(redis.call('GET', adds) or '0') > 0 then return redis.call('DECR', adds) end
        return 0
        """;

    /// <summary>Answers 1 if the session has a place now, otherwise 0. <c>now</c> and <c>life</c> are in milliseconds.</summary>
    private const string TakePlaceScript = """
        local places = KEYS[1]
        local id, most, now, life = ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4]
        if redis.call('ZSCORE', places, id) then return 1 end
        redis.call('ZREMRANGEBYSCORE', places, '-inf', string.format('%d', now - life))
        if redis.call('ZCARD', places) >= most then return 0 end
        redis.call('ZADD', places, now, id)
        redis.call('PEXPIRE', places, life)
        return 1
        """;

    private static readonly TimeSpan Window = TimeSpan.FromHours(1);

    /// <summary>Longer than Twilio lets a call last (4 hours).</summary>
    private static readonly TimeSpan Life = TimeSpan.FromHours(6);

    private IDatabase Database => redis.GetDatabase();

    public async Task<TimeSpan?> TakeAddAsync(Asker asker, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        RedisValue[] values = [allowances.AddsPerHour, (long)Window.TotalMilliseconds];
        var wait = (long)await RedisCommands.RunAsync(
            redis, "take", () =>
                Database.ScriptEvaluateAsync(TakeAddScript, [RedisKeys.Adds(HashOf(asker.Owner))], values, CommandFlags.DemandMaster));
        return wait == 0 ? null : TimeSpan.FromMilliseconds(wait);
    }

    public Task GiveAddBackAsync(Asker asker) => RedisCommands.RunAsync(redis, "give back", () => Database.ScriptEvaluateAsync(
        GiveAddBackScript, [RedisKeys.Adds(HashOf(asker.Owner))], flags: CommandFlags.DemandMaster));

    public async Task<bool> TakePlaceAsync(ClientIdentity caller, SessionId session, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (await TryTakePlaceAsync(caller, session))
            return true;
        // Places of ended calls may not have been given back. They are looked for only when the places run short.
        var places = RedisKeys.Places(HashOf(caller.Value));
        var held = await RedisCommands.RunAsync(
            redis, "ZRANGE", () => Database.SortedSetRangeByRankAsync(places, flags: CommandFlags.DemandMaster));
        var over = await Task.WhenAll(held.Select(member => IsOverAsync(caller, member)));
        var free = held.Where((_, i) => over[i]).ToArray();
        if (free.Length == 0)
            return false;
        await RedisCommands.RunAsync(redis, "ZREM", () => Database.SortedSetRemoveAsync(places, free));
        return await TryTakePlaceAsync(caller, session);
    }

    public void GivePlaceBack(ClientIdentity caller, SessionId session) =>
        Database.SortedSetRemove(RedisKeys.Places(HashOf(caller.Value)), session.Value, CommandFlags.FireAndForget);

    private async Task<bool> TryTakePlaceAsync(ClientIdentity caller, SessionId session)
    {
        RedisValue[] values =
            [session.Value, allowances.LiveSessions, clock.GetUtcNow().ToUnixTimeMilliseconds(), (long)Life.TotalMilliseconds];
        return (bool)await RedisCommands.RunAsync(
            redis, "place", () => Database.ScriptEvaluateAsync(
                TakePlaceScript, [RedisKeys.Places(HashOf(caller.Value))], values, CommandFlags.DemandMaster));
    }

    private async Task<bool> IsOverAsync(ClientIdentity caller, RedisValue member)
    {
        if (!SessionId.TryParse(member, out var id))
            return true;
        try
        {
            var session = (await RedisSessionStore.LoadAsync(redis, logger, id)).Session;
            return session is not { IsEnded: false, Caller.Party: Party.Client client } || client.Identity != caller;
        }
        catch (UnreadableSessionException)
        {
            // The call may be live, so its place stays taken.
            return false;
        }
    }

    internal static string HashOf(string person) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes("calls:" + person)).AsSpan(0, 16));
}
