using StackExchange.Redis;

namespace Calls.Infrastructure.Redis;

/// <summary>An index of sessions by person: a sorted set for each app user, with session ids by the start of the call.</summary>
/// <remarks>The store writes it after a save and does not wait for it, so no webhook is slower. A write that is lost is made up for by the
/// next review of the same call.</remarks>
internal sealed class RedisOwnSessions(
    IConnectionMultiplexer redis, ILogger<RedisSessionStore> logger, StoredEncryption? encryption = null) : IOwnSessions
{
    /// <summary>The most entries that one request reads. A person with more gets a page with fewer sessions.</summary>
    private const int MostRead = 200;
    /// <summary>Longer than a call lasts, and than the service takes to bring an ended call to rest.</summary>
    private static readonly TimeSpan LongestCall = TimeSpan.FromHours(24);
    private static readonly TimeSpan Rest = TimeSpan.FromHours(1);

    /// <summary>Writes the entries of a saved session, if the session is new, was reviewed or has ended, or if an app user was added. It
    /// does not wait.
    /// <paramref name="life"/> is how long the session is kept after a save.</summary>
    public static void Note(IDatabase database, CallSession? before, CallSession after, TimeSpan life, DateTimeOffset now)
    {
        var isNew = before?.Nonce != after.Nonce;
        if (!isNew && before?.IsEnded == after.IsEnded && before?.ReviewedAt == after.ReviewedAt
            && before?.Participants.Count(IsApp) == after.Participants.Count(IsApp))
            return;
        var (kept, startedAt) = (life + Rest, after.StartedAt.ToUnixTimeMilliseconds());
        var oldest = (now - kept - LongestCall).ToUnixTimeMilliseconds();
        foreach (var participant in after.Participants)
        {
            if (participant.Party is not Party.Client { Identity: var person })
                continue;
            var index = IndexOf(person);
            database.SortedSetAdd(index, after.Id.Value, startedAt, SortedSetWhen.Always, CommandFlags.FireAndForget);
            if (isNew)
                database.SortedSetRemoveRangeByScore(index, double.NegativeInfinity, oldest, flags: CommandFlags.FireAndForget);
            database.KeyExpire(index, kept, ExpireWhen.Always, CommandFlags.FireAndForget);
        }
    }

    public async Task<OwnPage> ReadAsync(ClientIdentity person, bool ended, OwnCursor? after, int most, CancellationToken cancellationToken)
    {
        var (index, stop) = (IndexOf(person), after?.StartedAt ?? double.PositiveInfinity);
        List<StoredSession> found = [];
        List<RedisValue> expired = [];
        for (var read = 0; read < MostRead;)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var skip = read;
            var entries = await RedisCommands.RunAsync(redis, "ZREVRANGEBYSCORE", () => redis.GetDatabase()
                .SortedSetRangeByScoreWithScoresAsync(
                    index, stop: stop, order: Order.Descending, skip: skip, take: most, flags: CommandFlags.DemandMaster));
            read += entries.Length;
            var cursors = entries.Select(CursorOf).OfType<OwnCursor>().Where(entry => after is null || IsAfter(entry, after)).ToList();
            // The list leaves an unreadable session out, so that the other calls can be seen.
            var sessions = await Task.WhenAll(
                cursors.Select(entry => RedisSessionStore.TryLoadAsync(redis, logger, encryption, entry.Id)));
            foreach (var (entry, session) in cursors.Zip(sessions))
            {
                after = entry;
                if (session is { Session: null })
                    expired.Add(entry.Id.Value);
                else if (session is { Session: { } state } && Rights.Of(state, person) is not Right.None and var right
                    && (state.IsEnded || right == Right.OwnPart) == ended)
                    found.Add(session);
                if (found.Count == most)
                    return Page(after);
            }

            if (entries.Length < most)
                return Page(null);
        }

        return Page(after);

        // The entries are removed at last, because the ranks of the others change.
        OwnPage Page(OwnCursor? next)
        {
            if (expired.Count > 0)
                redis.GetDatabase().SortedSetRemove(index, [.. expired], CommandFlags.FireAndForget);
            return new OwnPage(found, next);
        }
    }

    /// <summary>The order of the set from its end: by start, and by id where two calls have the same start.</summary>
    private static bool IsAfter(OwnCursor entry, OwnCursor last) => entry.StartedAt != last.StartedAt
        ? entry.StartedAt < last.StartedAt
        : string.CompareOrdinal(entry.Id.Value, last.Id.Value) < 0;

    private static bool IsApp(Participant participant) => participant.Party is Party.Client;

    private static OwnCursor? CursorOf(SortedSetEntry entry) =>
        SessionId.TryParse(entry.Element, out var id) ? new OwnCursor((long)entry.Score, id) : null;

    private static RedisKey IndexOf(ClientIdentity person) => RedisKeys.Own(RedisKeys.HashOf(person.Value));
}
