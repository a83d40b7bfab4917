using System.Globalization;
using Calls.Application.UseCases;
using Calls.Application.Ports;
using Calls.Domain;
using Calls.Infrastructure.Redis;
using Calls.Load;
using Calls.Micro;
using Microsoft.Extensions.Logging.Abstractions;
using StackExchange.Redis;
using Role = Calls.Domain.Role;

namespace Calls.Scale;

/// <summary>A Redis process with calls under way. The service's own code has written all keys of the calls.</summary>
internal sealed class Storage : IDisposable
{
    /// <summary>The service's longest value.</summary>
    public static readonly TimeSpan ReviewInterval = TimeSpan.FromHours(1);

    private const int Batch = 250, Writers = 4, Sampled = 200, PartitionsSampled = 8;

    private static readonly CallPolicy Policy = new() { ReviewInterval = ReviewInterval, MaxGuests = Options.MostParticipants };
    private static readonly Allowances Unlimited = new(int.MaxValue, int.MaxValue, int.MaxValue, int.MaxValue, int.MaxValue);
    private static readonly TimeSpan Settling = TimeSpan.FromMilliseconds(500);

    private readonly Children children;
    private readonly RedisServer server;
    private readonly ConnectionMultiplexer redis;

    private Storage(Children children, RedisServer server, ConnectionMultiplexer redis) =>
        (this.children, this.server, this.redis) = (children, server, redis);

    public string Address => server.Address;

    public int Sessions { get; private set; }

    public IDueSessions Due => new RedisDueSessions(redis, Policy);

    public IDatabase Database => redis.GetDatabase();

    public static async Task<Storage> StartAsync(Children children)
    {
        var server = children.Keep(await RedisServer.StartAsync(Machine.FreePort(), processor: null));
        return new Storage(children, server, await ConnectionMultiplexer.ConnectAsync(server.Address + ",allowAdmin=true"));
    }

    /// <summary>The call with that number as it is first written: two people talk.</summary>
    public static CallSession Call(int number) =>
        Made(number, participants: 2).Session ?? throw new InvalidOperationException("No call was made");

    /// <summary>The name of the call with that number.</summary>
    public static SessionId Id(int number) => new MadeCall(number, Policy, default).Id;

    public Task EmptyAsync() => server.EmptyAsync();

    /// <summary>Writes calls of two until there are that many. Its connection leaves no memory allocated in the server.</summary>
    public async Task GrowAsync(int sessions)
    {
        await using var connection = await ConnectionMultiplexer.ConnectAsync(Address);
        var from = TimeProvider.System.GetTimestamp();
        await Parallel.ForEachAsync(Enumerable.Range(Sessions, sessions - Sessions).Chunk(Batch),
            new ParallelOptions { MaxDegreeOfParallelism = Writers }, async (numbers, _) =>
        {
            await Task.WhenAll(numbers.Select(number => WriteAsync(connection, Made(number, participants: 2))));
            if (numbers[0] % 100_000 == 0 && numbers[0] > Sessions)
                Console.WriteLine(
                    string.Create(CultureInfo.InvariantCulture,
                    $"  {numbers[0]:N0} sessions written in {TimeProvider.System.GetElapsedTime(from).TotalSeconds:0} s"));
        });
        Sessions = sessions;
    }

    /// <summary>Writes calls of two whose review is due.</summary>
    public async Task FillWithDueAsync(int sessions, CallPolicy policy)
    {
        var store = new RedisSessionStore(
            redis, new SessionStoreSettings(TimeSpan.FromHours(24)), policy, TimeProvider.System, NullLogger<RedisSessionStore>.Instance);
        var placed = TimeProvider.System.GetUtcNow() - policy.ReviewInterval;
        foreach (var numbers in Enumerable.Range(0, sessions).Chunk(Batch))
            await Task.WhenAll(numbers.Select(number =>
            {
                var made = new MadeCall(number, policy, placed).Talking(participants: 2);
                return store.SaveAsync(new StoredSession(made.Session!.Id, null, 0, ""), made, CancellationToken.None);
            }));
        Sessions = sessions;
    }

    /// <summary>Writes one call.</summary>
    public async Task<StoredSession> WriteAsync(int number, int participants) => await WriteAsync(redis, Made(number, participants));

    public Task<StoredSession> LoadAsync(SessionId id) => Store(redis).LoadAsync(id, CancellationToken.None);

    /// <summary>
    /// The bytes that the server reports as allocated (<c>used_memory</c>), once the number is stable: growing tables are moved in the
    /// background, and connection buffers shrink.
    /// </summary>
    public async Task<long> UsedMemoryAsync()
    {
        var (before, used) = (0L, await ReadAsync());
        for (var attempt = 0; attempt < 20 && Math.Abs(used - before) > 4_096; attempt++)
        {
            await Task.Delay(Settling);
            (before, used) = (used, await ReadAsync());
        }

        return used;

        async Task<long> ReadAsync() => (long)await InfoAsync("memory", "used_memory");
    }

    /// <summary>The server's processor time.</summary>
    public async Task<TimeSpan> ProcessorAsync() =>
        TimeSpan.FromSeconds(await InfoAsync("cpu", "used_cpu_sys") + await InfoAsync("cpu", "used_cpu_user"));

    /// <summary>The mean bytes of the keys of some sessions (<c>MEMORY USAGE</c>), without the tables of keys and expiries.</summary>
    public async Task<Footprint> SampleAsync()
    {
        var due = 0d;
        for (var partition = 0; partition < PartitionsSampled; partition++)
            due += (double)await BytesAsync(RedisKeys.Due(partition)) / await Database.SortedSetLengthAsync(
                RedisKeys.Due(partition)) / PartitionsSampled;
        var session = await Task.WhenAll(Enumerable.Range(0, Sampled)
            .Select(async n => (double)await BytesAsync(RedisKeys.Session(Call((int)((long)n * Sessions / Sampled)).Id))));
        return new Footprint(session.Average(), due, await MeanOfPlacesAsync());
    }

    /// <summary>All keys.</summary>
    public async Task<long> BytesAsync()
    {
        var bytes = 0L;
        await foreach (var key in Server.KeysAsync())
            bytes += await BytesAsync(key);
        return bytes;
    }

    public void Dispose()
    {
        redis.Dispose();
        children.End(server);
    }

    private IServer Server => redis.GetServers()[0];

    /// <summary>An ended call has no place.</summary>
    private async Task<double> MeanOfPlacesAsync()
    {
        List<double> bytes = [];
        await foreach (var key in Server.KeysAsync(pattern: RedisKeys.Places("*"), pageSize: Sampled))
        {
            bytes.Add(await BytesAsync(key));
            if (bytes.Count == Sampled)
                break;
        }

        return bytes.Average();
    }

    private async Task<long> BytesAsync(RedisKey key) => (long)await Database.ExecuteAsync("MEMORY", "USAGE", key, "SAMPLES", 0);

    private async Task<double> InfoAsync(string section, string name) =>
        double.Parse((await Server.InfoAsync(section)).SelectMany(group => group).First(pair => pair.Key == name).Value,
            CultureInfo.InvariantCulture);

    private static async Task<StoredSession> WriteAsync(IConnectionMultiplexer connection, Decision made)
    {
        if (made.Session is not { Caller.Party: Party.Client caller } session)
            throw new InvalidOperationException("No app user has placed this call");
        var quotas = new RedisQuotas(connection, Unlimited, Policy, TimeProvider.System, NullLogger<RedisSessionStore>.Instance);
        var start = new StartCall(session.Id, session.Caller.Leg!, caller, session.Participants[1].Party, null);
        var placed = quotas.TakeStartAsync(start, null, CancellationToken.None);
        foreach (var guest in session.Participants.Where(p => p.Role == Role.Guest))
            if (guest.Party is Party.Phone phone)
                await quotas.TakeAddAsync(
                    new AddPhoneParticipant(session.Id, new Asker(caller.Identity, IsOperator: false), guest.Id, phone, null),
                    "US", CancellationToken.None);
        await placed;
        return await Store(connection).SaveAsync(new StoredSession(session.Id, null, 0, ""), made, CancellationToken.None);
    }

    private static Decision Made(int number, int participants) =>
        new MadeCall(number, Policy, TimeProvider.System.GetUtcNow()).Talking(participants);

    private static RedisSessionStore Store(IConnectionMultiplexer connection) => new(
        connection, new SessionStoreSettings(TimeSpan.FromHours(24)), Policy, TimeProvider.System, NullLogger<RedisSessionStore>.Instance);
}

/// <summary>
/// The bytes of one session: the session itself, its entry in the index of deadlines, and its place among its caller's calls.
/// </summary>
internal sealed record Footprint(double Session, double Due, double Place)
{
    public double Sum => Session + Due + Place;
}
