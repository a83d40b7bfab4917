using System.Security.Cryptography;
using System.Text;
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

    /// <summary>The partition's session ids with news for a receiver, by the next attempt.</summary>
    public static RedisKey Events(int partition, string receiver) => string.Concat(Prefixes[partition], "events:", receiver);

    /// <summary>An ended session whose id a new call has taken, and whose end a receiver does not know. The member is the session id, a
    /// space and the version.</summary>
    public static RedisKey Ended(string member, int partition) => string.Concat(Prefixes[partition], "ended:", member);

    /// <summary>What a receiver was told: a field of the session.</summary>
    public static RedisValue Told(string receiver) => "to:" + receiver;

    /// <summary>The nonce of the call that a leg has placed. It outlives the session.</summary>
    public static RedisKey Placed(CallSid leg, int partition) => string.Concat(Prefixes[partition], "placed:", leg.Value);

    /// <summary>The id of the session that a caller's leg belongs to.</summary>
    public static RedisKey SessionOf(CallSid leg) => "calls:leg:" + leg.Value;

    /// <summary>A person in a key: a hash, because an identity is personal.</summary>
    public static string HashOf(string person) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes("calls:" + person)).AsSpan(0, 16));

    /// <summary>The participant that a leg belongs to. The service has dialled the leg.</summary>
    public static RedisKey OwnerOf(CallSid leg) => "calls:owner:" + leg.Value;

    /// <summary>The live sessions that a person has placed, by time.</summary>
    public static string Places(string personHash) => $"calls:{{{personHash}}}:places";

    /// <summary>The calls that a person has placed, by time.</summary>
    public static string Starts(string personHash) => $"calls:{{{personHash}}}:starts";

    /// <summary>The phones that a person has called or added, by time.</summary>
    public static string Phones(string personHash) => $"calls:{{{personHash}}}:phones";

    /// <summary>The phones of all persons, by time.</summary>
    public const string AllPhones = "calls:{phones}:all";

    /// <summary>The phones of one region, by time.</summary>
    public static string PhonesOf(string region) => "calls:{phones}:" + region;

    /// <summary>The sessions of an app user, by their start in Unix milliseconds.</summary>
    public static RedisKey Own(string personHash) => $"calls:own:{personHash}";

    /// <summary>Written by the health check, and by no other code. It expires.</summary>
    public static readonly RedisKey Probe = "calls:probe";

    /// <summary>Set by the replica that sweeps Twilio's open conferences. It expires.</summary>
    public static RedisKey Reconcile { get; } = "calls:reconcile";

    /// <summary>The turns of paced dials: one key for the whole service.</summary>
    public static RedisKey Pace { get; } = "calls:pace";

    /// <summary>The channel for notices of changes in a partition: <c>&lt;session id&gt; &lt;version&gt;</c>.</summary>
    public static string Changed(int partition) => Channels[partition];
}
