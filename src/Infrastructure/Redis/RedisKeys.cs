using StackExchange.Redis;

namespace Calls.Infrastructure.Redis;

/// <summary>Every key. The braces are the hash tag of Redis Cluster: a session and the deadlines of its partition are in one slot, so one
/// script writes both.</summary>
internal static class RedisKeys
{
    /// <summary>It must never change: with another number, stored sessions would not be found.</summary>
    public const int Partitions = 64;

    public static int PartitionOf(SessionId id) => (int)(id.StableHash() % Partitions);

    private static readonly string[] Prefixes =
        [.. Enumerable.Range(0, Partitions).Select(partition => string.Create(CultureInfo.InvariantCulture, $"calls:{{{partition}}}:"))];

    private static readonly RedisKey[] Dues = [.. Prefixes.Select(prefix => (RedisKey)(prefix + "due"))];
    private static readonly string[] Channels = [.. Prefixes.Select(prefix => prefix + "changed")];

    /// <summary>The session: <c>data</c>, <c>ver</c>, <c>etag</c>, <c>wid</c>.</summary>
    public static RedisKey Session(SessionId id) => Session(id, PartitionOf(id));

    /// <inheritdoc cref="Session(SessionId)" />
    public static RedisKey Session(SessionId id, int partition) => string.Concat(Prefixes[partition], "session:", id.Value);

    /// <summary>The partition's session ids by their next deadline, in Unix milliseconds.</summary>
    public static RedisKey Due(int partition) => Dues[partition];

    /// <summary>The number of phones that a person has added within the hour.</summary>
    public static RedisKey Adds(string personHash) => $"calls:adds:{personHash}";

    /// <summary>The sessions that a person has placed, by time.</summary>
    public static RedisKey Places(string personHash) => $"calls:places:{personHash}";

    /// <summary>The turns of paced dials: one key for the whole service.</summary>
    public static RedisKey Pace { get; } = "calls:pace";

    /// <summary>The channel for notices of changes in a partition: <c>&lt;session id&gt; &lt;version&gt;</c>.</summary>
    public static string Changed(int partition) => Channels[partition];
}
