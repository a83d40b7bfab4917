using System.Collections.Concurrent;
using StackExchange.Redis;

namespace Calls.Infrastructure.Redis;

/// <summary>Notices of changes. Each partition with a followed session has one subscription, for the life of the process.</summary>
/// <remarks>PUBLISH, not SPUBLISH: a cluster carries it to every node (redis.io/docs/latest/commands/publish), and every server and proxy
/// supports it.</remarks>
internal sealed class RedisSessionChanges(IConnectionMultiplexer redis) : ISessionChanges
{
    private readonly ConcurrentDictionary<int, Lazy<Task>> partitions = new();

    public async Task ListenAsync(SessionId session, Action<SessionId, long> told)
    {
        var partition = RedisKeys.PartitionOf(session);
        var subscribed = partitions.GetOrAdd(partition, p => new Lazy<Task>(() => SubscribeAsync(p, told)));
        try
        {
            await subscribed.Value;
        }
        catch (SessionStoreUnavailableException)
        {
            partitions.TryRemove(KeyValuePair.Create(partition, subscribed));
            throw;
        }
    }

    private Task SubscribeAsync(int partition, Action<SessionId, long> told) => RedisCommands.RunAsync(redis, "SUBSCRIBE", async () =>
    {
        await redis.GetSubscriber().SubscribeAsync(RedisChannel.Literal(RedisKeys.Changed(partition)), (_, message) =>
        {
            if (Read(message) is var (session, version))
                told(session, version);
        });
        return true;
    });

    /// <summary>The session's id, a space, its version.</summary>
    private static (SessionId Session, long Version)? Read(RedisValue message)
    {
        var text = message.ToString();
        var space = text.LastIndexOf(' ');
        return space > 0 && SessionId.TryParse(text[..space], out var session)
            && long.TryParse(text.AsSpan(space + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var version)
            ? (session, version)
            : null;
    }
}
