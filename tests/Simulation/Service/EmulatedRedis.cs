using System.Globalization;
using Calls.Domain;
using Calls.Infrastructure.Redis;
using Calls.Sandbox.Twilio;
using Calls.Simulation.Faults;
using StackExchange.Redis;

namespace Calls.Simulation.Service;

/// <summary>
/// Redis as the session store uses it: three scripts and one read, each atomic, with the server's own clock, and the owners of legs. Its
/// data outlives every replica.
/// </summary>
/// <remarks>
/// The scripts are recognised by their text and carried out in C#. The store's own tests run the same scripts on a real Redis.
/// </remarks>
internal sealed class EmulatedRedis(VirtualScheduler scheduler, Random chance, Tally tally, Bug bug)
{
    private readonly Dictionary<string, Entry> sessions = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> placed = new(StringComparer.Ordinal);
    private readonly Dictionary<string, RedisValue> owners = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Dictionary<string, long>> due = new(StringComparer.Ordinal);
    private readonly Dictionary<string, long> taken = new(StringComparer.Ordinal);
    private readonly Dictionary<string, (Process Owner, CallSession Session)> inMemory = new(StringComparer.Ordinal);

    private static readonly TimeSpan Unawaited = TimeSpan.FromMilliseconds(1);

    /// <summary>Whether Redis is unreachable.</summary>
    public bool IsAway { get; set; }

    /// <summary>The share of commands that are done and whose answer is lost.</summary>
    public double LoseAcknowledgement { get; set; }

    /// <summary>All stored sessions.</summary>
    public IEnumerable<CallSession> Sessions => sessions.Select(pair => StoredForm.Read(Id(pair.Key), pair.Value.Data));

    /// <summary>The index of deadlines.</summary>
    public int Due => due.Values.Sum(partition => partition.Count);

    /// <summary>Whether a session of the partition is due now.</summary>
    public bool IsAnythingDue(int partition) =>
        due.TryGetValue(RedisKeys.Due(partition).ToString(), out var index) && index.Values.Any(at => at <= Now);

    /// <summary>The retention of a session has passed.</summary>
    public void Forget(SessionId id) => sessions.Remove(RedisKeys.Session(id).ToString());

    /// <summary>Redis loses everything (<c>FLUSHALL</c>).</summary>
    public void Flush()
    {
        sessions.Clear();
        placed.Clear();
        owners.Clear();
        due.Clear();
        taken.Clear();
        inMemory.Clear();
    }

    private long Now => scheduler.Now.ToUnixTimeMilliseconds();

    public Task<RedisValue[]> HashGetAsync(Process asker, RedisKey key, RedisValue[] fields) => AskAsync(() =>
    {
        var entry = sessions.GetValueOrDefault(key.ToString());
        return fields.Select(field => entry is null ? RedisValue.Null : field.ToString() switch
        {
            "ver" => entry.Version,
            "etag" => entry.ETag,
            "data" => Seen(asker, entry),
            var other => throw new NotSupportedException($"The emulated Redis has no field {other}"),
        }).ToArray();
    });

    public Task<RedisValue> StringGetAsync(RedisKey key) => AskAsync(() => owners.GetValueOrDefault(key.ToString()));

    /// <summary>The client does not wait for an answer. While Redis is away, the command is lost.</summary>
    public void StringSet(RedisKey key, RedisValue value) => scheduler.Schedule(Unawaited, () =>
    {
        if (!IsAway)
            owners[key.ToString()] = value;
    });

    /// <summary>Sets a key that is not set, until it expires.</summary>
    public Task<bool> TakeAsync(RedisKey key, TimeSpan expiry) => AskAsync(() =>
    {
        var free = !(taken.GetValueOrDefault(key.ToString()) > Now);
        if (free)
            taken[key.ToString()] = Now + (long)expiry.TotalMilliseconds;
        return free;
    });

    public Task<RedisResult> ScriptEvaluateAsync(Process asker, string script, RedisKey[] keys, RedisValue[] values) =>
        AskAsync(() => script switch
    {
        RedisSessionStore.SaveScript => Save(asker, keys, values),
        RedisDueSessions.ClaimScript => Claim(keys[0].ToString(), (long)values[0], (int)values[1]),
        RedisDueSessions.RescheduleScript => Reschedule(keys[0].ToString(), keys[1].ToString(), values),
        _ => throw new NotSupportedException("The emulated Redis does not know this script"),
    });

    private RedisResult Save(Process asker, RedisKey[] keys, RedisValue[] values)
    {
        var (session, index) = (keys[0].ToString(), keys[1].ToString());
        var (expected, etag, writeId) = (values[0].ToString(), values[1].ToString(), values[2].ToString());
        var now = sessions.GetValueOrDefault(session);
        if ((now?.ETag ?? "") != expected)
            return now?.WriteId == writeId
                ? RedisResult.Create([(RedisValue)2, now.Version])
                : RedisResult.Create([(RedisValue)0, now?.Version ?? 0, now?.ETag ?? "", now is null ? "" : Seen(asker, now)]);
        if (keys is [_, _, var leg] && !placed.TryAdd(leg.ToString(), values[8].ToString()) && placed[leg.ToString()] != values[8]
            && bug != Bug.PlacedLegForgotten)
            return RedisResult.Create([(RedisValue)3]);
        var version = (now?.Version ?? 0) + 1;
        sessions[session] = new Entry(etag, writeId, version, Kept(asker, session, etag, (byte[])values[3]!));
        Put(index, values[6].ToString(), values[4]);
        return RedisResult.Create([(RedisValue)1, version]);
    }

    private RedisResult Claim(string index, long lease, int most)
    {
        var now = Now;
        var partition = Index(index);
        var ids = partition.Where(entry => entry.Value <= now).OrderBy(entry => entry.Value)
            .ThenBy(entry => entry.Key, StringComparer.Ordinal).Take(most).Select(entry => entry.Key).ToList();
        foreach (var id in ids)
        {
            if (bug == Bug.SweepWithoutLease)
                partition.Remove(id);
            else
                partition[id] = now + lease;
        }

        return RedisResult.Create([.. ids.Select(id => (RedisValue)id)]);
    }

    private RedisResult Reschedule(string session, string index, RedisValue[] values)
    {
        if ((sessions.GetValueOrDefault(session)?.ETag ?? "") != values[0].ToString())
            return RedisResult.Create((RedisValue)0);
        Put(index, values[2].ToString(), values[1]);
        return RedisResult.Create((RedisValue)1);
    }

    private void Put(string index, string id, RedisValue deadline)
    {
        if (deadline.ToString().Length == 0)
            Index(index).Remove(id);
        else
            Index(index)[id] = long.Parse(deadline.ToString(), CultureInfo.InvariantCulture);
    }

    private Dictionary<string, long> Index(string key)
    {
        if (!due.TryGetValue(key, out var index))
            due[key] = index = new(StringComparer.Ordinal);
        return index;
    }

    /// <summary>With <see cref="Bug.EffectNotStored"/>, the effects stay with the replica that decided them.</summary>
    private byte[] Kept(Process asker, string key, string etag, byte[] data)
    {
        if (bug != Bug.EffectNotStored)
            return data;
        var session = StoredForm.Read(Id(key), data);
        inMemory[etag] = (asker, session);
        return StoredForm.Write(session with { Effects = [] });
    }

    private byte[] Seen(Process asker, Entry entry) =>
        inMemory.TryGetValue(entry.ETag, out var remembered)
            && remembered.Owner == asker ? StoredForm.Write(remembered.Session) : entry.Data;

    /// <summary>
    /// A command goes to Redis, is done, and its answer comes back. A command that is lost on the way was not done. If the answer is lost,
    /// it was done.
    /// </summary>
    private Task<T> AskAsync<T>(Func<T> command)
    {
        var answer = new TaskCompletionSource<T>();
        scheduler.Schedule(Wire(), () =>
        {
            if (IsAway)
            {
                Fail(answer, TimeSpan.Zero, new RedisConnectionException(ConnectionFailureType.SocketFailure, CommandFlags.DemandMaster,
                    "The emulated Redis is away"));
                return;
            }

            T result;
            try
            {
                result = command();
            }
            catch (NotSupportedException e)
            {
                Fail(answer, TimeSpan.Zero, e);
                return;
            }

            if (LoseAcknowledgement > 0 && chance.NextDouble() < LoseAcknowledgement)
            {
                tally.Add(Tally.AcknowledgementLost);
                Fail(answer, TimeSpan.FromMilliseconds(800),
                    new RedisTimeoutException(CommandFlags.DemandMaster, "The emulated Redis has done it, and its answer is lost",
                    CommandStatus.Sent));
                return;
            }

            scheduler.Schedule(Wire(), () =>
            {
                if (IsAway)
                    answer.SetException(
                        new RedisConnectionException(ConnectionFailureType.SocketFailure, CommandFlags.DemandMaster,
                        "The emulated Redis went away with the answer"));
                else
                    answer.SetResult(result);
            });
        });
        return answer.Task;
    }

    private void Fail<T>(TaskCompletionSource<T> answer, TimeSpan after, Exception cause) =>
        scheduler.Schedule(after, () => answer.SetException(cause));

    private TimeSpan Wire() => TimeSpan.FromMilliseconds(0.1 + (chance.NextDouble() * chance.NextDouble() * 4));

    private static SessionId Id(string key) =>
        SessionId.TryParse(key[(key.IndexOf(":session:", StringComparison.Ordinal) + 9)..], out var id)
            ? id : throw new FormatException("No session id in a key");

    private sealed record Entry(string ETag, string WriteId, long Version, byte[] Data);
}
