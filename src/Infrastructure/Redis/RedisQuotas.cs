using Calls.Application.UseCases;
using StackExchange.Redis;

namespace Calls.Infrastructure.Redis;

/// <summary>Each limit is a sorted set of what was taken, by time. A key of a person holds a hash of the identity. Keys expire by
/// themselves.</summary>
/// <remarks>The limits of one person are in one slot, and the limits of all phones in another. The requests to both are sent
/// together.</remarks>
internal sealed class RedisQuotas(
    IConnectionMultiplexer redis, Allowances allowances, CallPolicy policy, TimeProvider clock, ILogger<RedisSessionStore> logger,
    StoredEncryption? encryption = null) : IQuotas
{
    /// <summary>Takes one of each limit, or nothing. What was taken before is not taken again.</summary>
    /// <remarks>
    /// For each key the arguments have <c>member</c>, <c>most</c> and <c>window</c>. Times are in milliseconds.
    /// Answers {0, taken…} with 1 for each member that is new, or {number of the key, wait}.
    /// </remarks>
    private const string TakeScript = """
        local now, isNew = tonumber(ARGV[1]), {}
        for i, key in ipairs(KEYS) do
          local member, most, window = ARGV[3 * i - 1], tonumber(ARGV[3 * i]), tonumber(ARGV[3 * i + 1])
          redis.call('ZREMRANGEBYSCORE', key, '-inf', string.format('%d', now - window))
          isNew[i] = not redis.call('ZSCORE', key, member)
          if isNew[i] and redis.call('ZCARD', key) >= most then
            local oldest = redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')
            return {i, oldest[2] and math.max(1, tonumber(oldest[2]) + window - now) or window}
          end
        end
        local answer = {0}
        for i, key in ipairs(KEYS) do
          if isNew[i] then
            redis.call('ZADD', key, string.format('%d', now), ARGV[3 * i - 1])
            redis.call('PEXPIRE', key, ARGV[3 * i + 1])
          end
          answer[i + 1] = isNew[i] and 1 or 0
        end
        return answer
        """;

    /// <summary>The first session that a leg names is the session of this leg. Answers 0 for another one.</summary>
    /// <remarks>Signed parameters can be split in another way, so that a replayed webhook names another session than the first
    /// time.</remarks>
    private const string BindScript = """
        local leg = KEYS[1]
        local id, keep = ARGV[1], ARGV[2]
        local bound = redis.call('GET', leg)
        if bound then return bound == id and 1 or 0 end
        redis.call('SET', leg, id, 'PX', keep)
        return 1
        """;

    private static readonly TimeSpan Hour = TimeSpan.FromHours(1);

    /// <summary>As long as a leg that has placed a call is remembered (<see cref="RedisSessionStore"/>), at least.</summary>
    internal static readonly TimeSpan LegLife = TimeSpan.FromHours(25);

    private IDatabase Database => redis.GetDatabase();

    /// <summary>Longer than a call lasts.</summary>
    private TimeSpan PlaceLife => policy.MaxDuration + TimeSpan.FromHours(2);

    public async Task<Allowance> TakeStartAsync(StartCall start, string? region, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var leg = start.CallerLeg.Value;
        var binding = BindAsync(start);
        List<Task<Allowance>> asked = [];
        if (StartCall.OwnerOf(start.Caller) is { } owner)
            asked.Add(TakeOwnAsync(owner));
        if (region is not null)
            asked.Add(TakeAsync(OfAll(region, leg)));
        var parts = await AllAsync([.. asked], binding);
        return await JoinAsync(parts, await binding ? null : new CallReply.Refused(RefusalReason.LegHasPlacedCall));

        async Task<Allowance> TakeOwnAsync(string owner)
        {
            var hash = RedisKeys.HashOf(owner);
            List<Limit> own =
            [
                new(RedisKeys.Places(hash), start.SessionId.Value, allowances.LiveSessions, PlaceLife, RefusalReason.TooManyCalls),
                new(RedisKeys.Starts(hash), leg, allowances.StartsPerHour, Hour, RefusalReason.TooManyStarts),
            ];
            if (region is not null)
                own.Add(PhonesOf(hash, leg));
            var first = await TakeAsync(own);
            // Places of ended calls may not have been given back. They are looked for only when the places run short.
            var isFull = first.Refused?.Reason == RefusalReason.TooManyCalls;
            return isFull && await FreePlacesAsync(owner) ? await TakeAsync(own) : first;
        }
    }

    public async Task<Allowance> TakeCalleeAsync(
        CallSid callerLeg, Party caller, ParticipantId candidate, string region, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var phone = $"{callerLeg.Value}/{candidate.Value}";
        List<Task<Allowance>> asked = [TakeAsync(OfAll(region, phone))];
        if (StartCall.OwnerOf(caller) is { } owner)
            asked.Add(TakeAsync([PhonesOf(RedisKeys.HashOf(owner), phone)]));
        return await JoinAsync(await AllAsync([.. asked]));
    }

    public async Task<bool> TakeLegAsync(StartCall start, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        return await BindAsync(start);
    }

    public async Task<Allowance> TakeAddAsync(AddPhoneParticipant add, string? region, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var phone = $"{add.SessionId.Value}/{add.Participant.Value}";
        var mine = TakeAsync([PhonesOf(RedisKeys.HashOf(add.Asker.Owner), phone)]);
        return await JoinAsync(await AllAsync(region is null ? [mine] : [mine, TakeAsync(OfAll(region, phone))]));
    }

    public async Task<Allowance> TakeAddAsync(AddOneOf add, ParticipantId candidate, string? region, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var phone = $"{add.SessionId.Value}/{candidate.Value}";
        var mine = TakeAsync([PhonesOf(RedisKeys.HashOf(add.Asker.Owner), phone)]);
        return await JoinAsync(await AllAsync(region is null ? [mine] : [mine, TakeAsync(OfAll(region, phone))]));
    }

    public Task GiveBackAsync(Allowance allowance) => Task.WhenAll(allowance.Taken.Select(taken => RedisCommands.RunAsync(
        redis, "give back", () => Database.SortedSetRemoveAsync(taken.Counter, taken.Member, CommandFlags.DemandMaster))));

    public void GivePlaceBack(string owner, SessionId session) =>
        Database.SortedSetRemove(RedisKeys.Places(RedisKeys.HashOf(owner)), session.Value, CommandFlags.FireAndForget);

    private Limit PhonesOf(string hash, string phone) =>
        new(RedisKeys.Phones(hash), phone, allowances.PhonesPerHour, Hour, RefusalReason.TooManyAdds);

    private List<Limit> OfAll(string region, string phone) =>
    [
        new(RedisKeys.PhonesOf(region), phone, allowances.PhonesOfRegionPerHour, Hour, RefusalReason.TooManyPhonesOfRegion),
        new(RedisKeys.AllPhones, phone, allowances.AllPhonesPerHour, Hour, RefusalReason.TooManyPhones),
    ];

    private async Task<Allowance> TakeAsync(List<Limit> limits)
    {
        RedisKey[] keys = [.. limits.Select(limit => (RedisKey)limit.Key)];
        RedisValue[] values =
        [
            clock.GetUtcNow().ToUnixTimeMilliseconds(),
            .. limits.SelectMany(limit => new RedisValue[] { limit.Member, limit.Most, (long)limit.Window.TotalMilliseconds }),
        ];
        var answer = (long[])(await RedisCommands.RunAsync(
            redis, "take", () => Database.ScriptEvaluateAsync(TakeScript, keys, values, CommandFlags.DemandMaster)))!;
        if (answer[0] == 0)
            return new Allowance(null, [.. limits.Where((_, i) => answer[i + 1] == 1).Select(limit => (limit.Key, limit.Member))]);
        var refused = limits[(int)answer[0] - 1];
        // A place becomes free when a call ends, not after a time.
        TimeSpan? wait = refused.Window == Hour ? TimeSpan.FromMilliseconds(answer[1]) : null;
        return new Allowance(new CallReply.Refused(refused.Reason) { RetryAfter = wait }, []);
    }

    /// <summary>Waits for all requests. If one of them fails, what the others took is given back, as far as Redis answers.</summary>
    private async Task<Allowance[]> AllAsync(Task<Allowance>[] asked, Task? other = null)
    {
        try
        {
            await Task.WhenAll([.. asked, other ?? Task.CompletedTask]);
            return await Task.WhenAll(asked);
        }
        catch (SessionStoreUnavailableException)
        {
            foreach (var part in asked.Where(part => part.IsCompletedSuccessfully))
                foreach (var (counter, member) in (await part).Taken)
                    Database.SortedSetRemove(counter, member, CommandFlags.FireAndForget);
            throw;
        }
    }

    /// <summary>One allowance of several. If one of them was refused, the others are given back.</summary>
    private async Task<Allowance> JoinAsync(Allowance[] parts, CallReply.Refused? refused = null)
    {
        refused ??= parts.Select(part => part.Refused).FirstOrDefault(reason => reason is not null);
        var all = new Allowance(refused, [.. parts.SelectMany(part => part.Taken)]);
        if (refused is null)
            return all;
        await GiveBackAsync(all);
        return new Allowance(refused, []);
    }

    private async Task<bool> BindAsync(StartCall start)
    {
        RedisValue[] values = [start.SessionId.Value, (long)LegLife.TotalMilliseconds];
        return (bool)await RedisCommands.RunAsync(redis, "bind", () => Database.ScriptEvaluateAsync(
            BindScript, [RedisKeys.SessionOf(start.CallerLeg)], values, CommandFlags.DemandMaster));
    }

    private async Task<bool> FreePlacesAsync(string owner)
    {
        RedisKey places = RedisKeys.Places(RedisKeys.HashOf(owner));
        var held = await RedisCommands.RunAsync(
            redis, "ZRANGE", () => Database.SortedSetRangeByRankAsync(places, flags: CommandFlags.DemandMaster));
        var over = await Task.WhenAll(held.Select(member => IsOverAsync(owner, member)));
        var free = held.Where((_, i) => over[i]).ToArray();
        if (free.Length > 0)
            await RedisCommands.RunAsync(redis, "ZREM", () => Database.SortedSetRemoveAsync(places, free));
        return free.Length > 0;
    }

    private async Task<bool> IsOverAsync(string owner, RedisValue member)
    {
        if (!SessionId.TryParse(member, out var id))
            return true;
        // An unreadable call may be live, so its place stays taken.
        return await RedisSessionStore.TryLoadAsync(redis, logger, encryption, id) is { } stored
            && (stored.Session is not { IsEnded: false } session || StartCall.OwnerOf(session.Caller.Party) != owner);
    }

    private sealed record Limit(string Key, string Member, int Most, TimeSpan Window, RefusalReason Reason);
}
