using StackExchange.Redis;

namespace Calls.Infrastructure.Redis;

/// <summary>Live sessions from the index of deadlines: partition by partition, ordered by id within a partition.</summary>
/// <remarks>The index of a partition is read in one piece: a sixty-fourth of the live sessions. The sessions are read one by one, and only
/// those of the page.</remarks>
internal sealed class RedisLiveSessions(
    IConnectionMultiplexer redis, ILogger<RedisSessionStore> logger, StoredEncryption? encryption = null) : ILiveSessions
{
    public async Task<LivePage> ReadAsync(LiveCursor after, int most, CancellationToken cancellationToken)
    {
        List<StoredSession> found = [];
        var (partition, last) = (after.Partition, after.After?.Value);
        for (; partition < RedisKeys.Partitions; partition++, last = null)
        {
            cancellationToken.ThrowIfCancellationRequested();
            foreach (var chunk in (await IdsAsync(partition, last)).Chunk(most))
            {
                var sessions = await Task.WhenAll(chunk.Select(LoadAsync));
                foreach (var session in sessions)
                {
                    if (session.Session is { IsEnded: false })
                        found.Add(session);
                    if (found.Count == most)
                        return new LivePage(found, new LiveCursor(partition, session.Id));
                }
            }
        }

        return new LivePage(found, null);
    }

    private async Task<IEnumerable<SessionId>> IdsAsync(int partition, string? after)
    {
        var due = RedisKeys.Due(partition);
        var members = await RedisCommands.RunAsync(
            redis, "ZRANGE", () => redis.GetDatabase().SortedSetRangeByRankAsync(due, flags: CommandFlags.DemandMaster));
        return members
            .Select(member => SessionId.TryParse(member, out var id) ? id : null).OfType<SessionId>()
            .OrderBy(id => id.Value, StringComparer.Ordinal)
            .SkipWhile(id => after is not null && string.CompareOrdinal(id.Value, after) <= 0);
    }

    /// <summary>The list leaves an unreadable session out, so that the other calls can be seen.</summary>
    private async Task<StoredSession> LoadAsync(SessionId id) =>
        await RedisSessionStore.TryLoadAsync(redis, logger, encryption, id) ?? new StoredSession(id, null, 0, "");
}
