using System.Globalization;
using Calls.Application.Ports;
using Calls.Application.Randomness;
using Calls.Domain;
using Calls.Infrastructure.Redis;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using StackExchange.Redis;

namespace Calls.Integration.Tests.Redis;

/// <summary>The session store against a real Redis, and against Garnet, which the sandbox embeds: the script must mean the same to
/// both.</summary>
public sealed class RedisSessionStoreTests(RedisFixture fixture) : IAsyncLifetime
{
    private static readonly DateTimeOffset Now = new(2026, 1, 1, 12, 0, 0, TimeSpan.Zero);
    private static readonly CallPolicy Policy = new();

    private readonly List<IDisposable> mine = [];

    public enum Server
    {
        Redis,
        Garnet,
    }

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public ValueTask DisposeAsync()
    {
        mine.Reverse();
        mine.ForEach(thing => thing.Dispose());
        return ValueTask.CompletedTask;
    }

    [Theory]
    [InlineData(Server.Redis)]
    [InlineData(Server.Garnet)]
    public async Task A_session_comes_back_as_it_was_saved(Server server)
    {
        var store = Store(await ConnectAsync(server));
        var id = Id("a:b-c_d.e");
        (await store.LoadAsync(id, default)).Session.ShouldBeNull();
        var saved = await store.SaveAsync(await store.LoadAsync(id, default), Started(id), default);
        saved.Version.ShouldBe(1);
        var loaded = await store.LoadAsync(id, default);
        loaded.Version.ShouldBe(1);
        loaded.ETag.ShouldBe(saved.ETag);
        Describe(loaded.Session!).ShouldBe(Describe(saved.Session!));
    }

    [Theory]
    [InlineData(Server.Redis)]
    [InlineData(Server.Garnet)]
    public async Task A_server_that_does_not_know_the_script_is_told_it_and_the_save_is_made(Server server)
    {
        var redis = await ConnectAsync(server);
        var (store, id) = (Store(redis), Id("unknown"));
        var saved = await store.SaveAsync(new StoredSession(id, null, 0, ""), Started(id), default);
        await redis.GetDatabase().ExecuteAsync("SCRIPT", "FLUSH").WaitAsync(TimeSpan.FromSeconds(10));
        (await store.SaveAsync(saved, Labelled(saved.Session!, "x"), default)).Version.ShouldBe(2);
        (await store.LoadAsync(id, default)).Version.ShouldBe(2);
    }

    [Theory]
    [InlineData(Server.Redis)]
    [InlineData(Server.Garnet)]
    public async Task A_leg_that_has_placed_a_call_places_no_other_one_also_when_the_session_is_gone(Server server)
    {
        var redis = await ConnectAsync(server);
        var (store, id, first) = (Store(redis), Id("replayed"), Started(Id("replayed")));
        await store.SaveAsync(new StoredSession(id, null, 0, ""), first, default);
        await redis.GetDatabase().KeyDeleteAsync(RedisKeys.Session(id));
        await Should.ThrowAsync<LegHasPlacedCallException>(
            () => store.SaveAsync(new StoredSession(id, null, 0, ""), Started(id), default));
        (await store.LoadAsync(id, default)).Session.ShouldBeNull("nothing is half written");
        (await store.SaveAsync(new StoredSession(id, null, 0, ""), first, default)).Version.ShouldBe(1, "it is the same call");
        await Should.ThrowAsync<SessionConflictException>(
            () => store.SaveAsync(new StoredSession(id, null, 0, ""), Started(id), default), "a stored session is the answer");
    }

    [Fact]
    public async Task A_command_whose_reply_is_lost_counts_as_unavailable()
    {
        var redis = await ConnectAsync(Server.Redis);
        var never = new TaskCompletionSource<bool>();
        await Should.ThrowAsync<SessionStoreUnavailableException>(() => RedisCommands.RunAsync(redis, "GET", () => never.Task));
    }

    [Theory]
    [InlineData(Server.Redis)]
    [InlineData(Server.Garnet)]
    public async Task Where_the_index_of_deadlines_is_something_else_nothing_is_half_written(Server server)
    {
        var redis = await ConnectAsync(server);
        var (store, id) = (Store(redis), Id("refused"));
        await redis.GetDatabase().StringSetAsync(RedisKeys.Due(RedisKeys.PartitionOf(id)), "no sorted set");
        await Should.ThrowAsync<UnreadableSessionException>(
            () => store.SaveAsync(new StoredSession(id, null, 0, ""), Started(id), default));
        (await redis.GetDatabase().KeyExistsAsync(RedisKeys.Session(id))).ShouldBeFalse();
    }

    [Theory]
    [InlineData(Server.Redis)]
    [InlineData(Server.Garnet)]
    public async Task Of_a_thousand_changes_by_sixteen_writers_none_is_lost(Server server)
    {
        const int Writers = 16;
        const int Changes = 1000;
        var redis = await ConnectAsync(server);
        var id = Id("contended");
        await Store(redis).SaveAsync(new StoredSession(id, null, 0, ""), Started(id), default);
        var left = Changes;
        var conflicts = 0;
        await Task.WhenAll(Enumerable.Range(0, Writers).Select(async _ =>
        {
            var store = Store(redis);
            while (Interlocked.Decrement(ref left) >= 0)
            {
                for (var done = false; !done;)
                {
                    try
                    {
                        var loaded = await store.LoadAsync(id, default);
                        var count = int.Parse(loaded.Session!.Participants[1].Label ?? "0", CultureInfo.InvariantCulture);
                        await store.SaveAsync(
                            loaded, Labelled(loaded.Session, (count + 1).ToString(CultureInfo.InvariantCulture)), default);
                        done = true;
                    }
                    catch (SessionConflictException)
                    {
                        Interlocked.Increment(ref conflicts);
                    }
                }
            }
        }));
        var end = await Store(redis).LoadAsync(id, default);
        end.Session!.Participants[1].Label.ShouldBe("1000");
        end.Version.ShouldBe(1 + Changes);
        conflicts.ShouldBeGreaterThan(0, "or nothing was contended");
    }

    [Theory]
    [InlineData(Server.Redis)]
    [InlineData(Server.Garnet)]
    public async Task A_conflict_hands_over_what_somebody_else_wrote(Server server)
    {
        var redis = await ConnectAsync(server);
        var (one, other, id) = (Store(redis), Store(redis), Id("conflict"));
        var loaded = await one.LoadAsync(id, default);
        var theirs = await other.SaveAsync(loaded, Started(id), default);
        var conflict = await Should.ThrowAsync<SessionConflictException>(() => one.SaveAsync(loaded, Started(id), default));
        conflict.Found.ETag.ShouldBe(theirs.ETag);
        conflict.Found.Version.ShouldBe(1);
        StoredForm.Write(conflict.Found.Session!).ShouldBe(StoredForm.Write(theirs.Session!));
    }

    [Theory]
    [InlineData(Server.Redis)]
    [InlineData(Server.Garnet)]
    public async Task Creating_what_somebody_else_has_created_is_a_conflict_and_so_is_changing_what_is_gone(Server server)
    {
        var redis = await ConnectAsync(server);
        var (store, id) = (Store(redis), Id("create"));
        var none = await store.LoadAsync(id, default);
        var saved = await store.SaveAsync(none, Started(id), default);
        await Should.ThrowAsync<SessionConflictException>(() => Store(redis).SaveAsync(none, Started(id), default));
        await redis.GetDatabase().KeyDeleteAsync(RedisKeys.Session(id));
        await Should.ThrowAsync<SessionConflictException>(() => Store(redis).SaveAsync(saved, Labelled(saved.Session!, "x"), default));
    }

    [Theory]
    [InlineData(Server.Redis)]
    [InlineData(Server.Garnet)]
    public async Task The_same_write_again_is_recognised_and_written_once(Server server)
    {
        var redis = await ConnectAsync(server);
        var id = Id("again");
        RedisKey[] keys = [RedisKeys.Session(id), RedisKeys.Due(RedisKeys.PartitionOf(id))];
        RedisValue[] values = ["", "etag-1", "write-1", "{}", "1000", 60_000, id.Value];
        ((int)((RedisResult[])(await redis.GetDatabase().ScriptEvaluateAsync(RedisSessionStore.SaveScript, keys, values))!)[0]).ShouldBe(1);
        var again = (RedisResult[])(await redis.GetDatabase().ScriptEvaluateAsync(RedisSessionStore.SaveScript, keys, values))!;
        ((int)again[0]).ShouldBe(2);
        ((long)again[1]).ShouldBe(1);
    }

    [Theory]
    [InlineData(Server.Redis)]
    [InlineData(Server.Garnet)]
    public async Task What_changes_nothing_is_not_written(Server server)
    {
        var store = Store(await ConnectAsync(server));
        var id = Id("unchanged");
        var saved = await store.SaveAsync(await store.LoadAsync(id, default), Started(id), default);
        await store.SaveAsync(saved, new Decision(new SessionEvent.EndCall(), saved.Session, CallReply.Nothing), default);
        (await store.LoadAsync(id, default)).Version.ShouldBe(1);
    }

    [Theory]
    [InlineData(Server.Redis)]
    [InlineData(Server.Garnet)]
    public async Task A_session_expires_after_its_retention_and_a_live_one_not_for_a_day(Server server)
    {
        var redis = await ConnectAsync(server);
        var (store, id) = (Store(redis), Id("expiry"));
        var live = await store.SaveAsync(await store.LoadAsync(id, default), Started(id), default);
        (await redis.GetDatabase().KeyTimeToLiveAsync(RedisKeys.Session(id)))!.Value.ShouldBeInRange(
            TimeSpan.FromHours(23.9), TimeSpan.FromHours(24));
        await store.SaveAsync(live, Settled(live.Session!), default);
        (await redis.GetDatabase().KeyTimeToLiveAsync(RedisKeys.Session(id)))!.Value.ShouldBeInRange(
            TimeSpan.FromMinutes(9.9), TimeSpan.FromMinutes(10));
    }

    [Theory]
    [InlineData(Server.Redis)]
    [InlineData(Server.Garnet)]
    public async Task The_index_holds_the_next_deadline_until_everything_is_settled(Server server)
    {
        var redis = await ConnectAsync(server);
        var (store, id) = (Store(redis), Id("due"));
        var live = await store.SaveAsync(await store.LoadAsync(id, default), Started(id), default);
        (await ScoreAsync(redis, id)).ShouldBe(Deadlines.Next(live.Session!, Policy)!.Value.ToUnixTimeMilliseconds());
        await store.SaveAsync(live, Settled(live.Session!), default);
        (await ScoreAsync(redis, id)).ShouldBeNull();
    }

    [Theory]
    [InlineData(Server.Redis)]
    [InlineData(Server.Garnet)]
    public async Task A_claim_moves_the_deadline_and_nobody_else_gets_it_while_the_lease_runs(Server server)
    {
        var redis = await ConnectAsync(server);
        var due = new RedisDueSessions(redis, Policy);
        var ids = Enumerable.Range(0, 400).Select(i => Id($"claim-{i}")).Where(id => RedisKeys.PartitionOf(id) == 7).ToList();
        ids.Count.ShouldBeGreaterThan(2);
        foreach (var id in ids)
            await redis.GetDatabase().SortedSetAddAsync(RedisKeys.Due(7), id.Value, 1000);
        await redis.GetDatabase().SortedSetAddAsync(RedisKeys.Due(7), "not-yet", DateTimeOffset.MaxValue.ToUnixTimeMilliseconds());
        var claims = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => due.ClaimAsync(7, 2, TimeSpan.FromMinutes(1), default)));
        claims.SelectMany(claim => claim).Select(id => id.Value).Order(StringComparer.Ordinal).ShouldBe(
            ids.Select(id => id.Value).Order(StringComparer.Ordinal));
        (await due.ClaimAsync(7, 10, TimeSpan.FromMinutes(1), default)).ShouldBeEmpty();
        (await redis.GetDatabase().SortedSetLengthAsync(RedisKeys.Due(7))).ShouldBe(ids.Count + 1, "a claim removes nothing");
    }

    [Theory]
    [InlineData(Server.Redis)]
    [InlineData(Server.Garnet)]
    public async Task The_index_is_corrected_only_by_who_has_seen_the_newest_state(Server server)
    {
        var redis = await ConnectAsync(server);
        var (store, due, id) = (Store(redis), new RedisDueSessions(redis, Policy), Id("reschedule"));
        var first = await store.SaveAsync(await store.LoadAsync(id, default), Started(id), default);
        var second = await store.SaveAsync(first, Labelled(first.Session!, "x"), default);
        await redis.GetDatabase().SortedSetAddAsync(RedisKeys.Due(RedisKeys.PartitionOf(id)), id.Value, 5);
        await due.RescheduleAsync(first, default);
        (await ScoreAsync(redis, id)).ShouldBe(5);
        await due.RescheduleAsync(second, default);
        (await ScoreAsync(redis, id)).ShouldBe(Deadlines.Next(second.Session!, Policy)!.Value.ToUnixTimeMilliseconds());
        await redis.GetDatabase().KeyDeleteAsync(RedisKeys.Session(id));
        await due.RescheduleAsync(new StoredSession(id, null, 0, ""), default);
        (await ScoreAsync(redis, id)).ShouldBeNull("an entry without a session is taken out");
    }

    [Fact]
    public void All_keys_of_a_session_lie_in_one_slot_and_sessions_spread_over_the_partitions()
    {
        RedisKeys.Session(Id("x")).ToString().ShouldBe($"calls:{{{RedisKeys.PartitionOf(Id("x"))}}}:session:x");
        RedisKeys.Due(RedisKeys.PartitionOf(Id("x"))).ToString().ShouldBe($"calls:{{{RedisKeys.PartitionOf(Id("x"))}}}:due");
        RedisKeys.PartitionOf(Id("s-42")).ShouldBe(27, "a partition is for ever");
        Enumerable.Range(0, 6400).GroupBy(
            i => RedisKeys.PartitionOf(Id($"session-{i}"))).Select(group => group.Count()).Min().ShouldBeGreaterThan(40);
    }

    [Fact]
    public void A_session_of_two_is_small()
    {
        var session = Started(Id("s-4242424242")).Session! with { TraceParent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" };
        StoredForm.Write(session).Length.ShouldBeLessThan(900);
    }

    [Fact]
    public async Task A_Redis_that_is_away_is_said_at_once_and_is_used_again_when_it_is_back()
    {
        Assert.SkipUnless(RedisServerProcess.IsInstalled, "redis-server is not installed");
        var server = await RedisServerProcess.StartAsync();
        var redis = await ConnectionMultiplexer.ConnectAsync(
            new RedisOptions { ConnectionString = server.ConnectionString }.ToConfiguration());
        mine.Add(redis);
        var store = Store(redis);
        await store.LoadAsync(Id("x"), default);
        server.Dispose();
        await Should.ThrowAsync<SessionStoreUnavailableException>(() => store.LoadAsync(Id("x"), default));
        using var back = await RedisServerProcess.StartAsync(
            int.Parse(server.ConnectionString.Split(':')[1], CultureInfo.InvariantCulture));
        await Eventually.TrueAsync(async () =>
        {
            try
            {
                return (await store.LoadAsync(Id("x"), default)).Session is null;
            }
            catch (SessionStoreUnavailableException)
            {
                return false;
            }
        });
    }

    [Fact]
    public void The_connection_string_can_have_other_time_outs()
    {
        var usual = new RedisOptions { ConnectionString = "localhost" }.ToConfiguration();
        (usual.ConnectTimeout, usual.SyncTimeout, usual.AsyncTimeout).ShouldBe((1000, 800, 800));
        var patient = new RedisOptions { ConnectionString = "localhost,asyncTimeout=5000,connectTimeout=3000" }.ToConfiguration();
        (patient.ConnectTimeout, patient.SyncTimeout, patient.AsyncTimeout).ShouldBe((3000, 800, 5000));
    }

    private async Task<ConnectionMultiplexer> ConnectAsync(Server server)
    {
        var connection = server == Server.Garnet ? fixture.NewGarnetDatabase() : await fixture.NewDatabaseAsync();
        var redis = await ConnectionMultiplexer.ConnectAsync(new RedisOptions { ConnectionString = connection }.ToConfiguration());
        mine.Add(redis);
        return redis;
    }

    private static RedisSessionStore Store(IConnectionMultiplexer redis) =>
        new(
            redis, new SessionStoreSettings(TimeSpan.FromMinutes(10)), Policy, new FakeTimeProvider(Now),
            NullLogger<RedisSessionStore>.Instance);

    private static async Task<double?> ScoreAsync(IConnectionMultiplexer redis, SessionId id) =>
        await redis.GetDatabase().SortedSetScoreAsync(RedisKeys.Due(RedisKeys.PartitionOf(id)), id.Value);

    private static SessionId Id(string text) => SessionId.TryParse(text, out var id) ? id : throw new ArgumentException(text, nameof(text));

    private static Decision Started(SessionId id)
    {
        CallSid.TryParse("CA" + new string('1', 32), out var leg).ShouldBeTrue();
        ClientIdentity.TryParse("alice", out var alice).ShouldBeTrue();
        PhoneNumber.TryParse("+15550100101", out var number).ShouldBeTrue();
        return SessionDecider.Decide(
            null, new SessionEvent.StartCall(id, Nonces.Next(), leg!, new Party.Client(alice!), new Party.Phone(number!)), Policy, Now);
    }

    private static Decision Labelled(CallSession session, string label) => new(
        new SessionEvent.EndCall(), session with
        {
            Participants = session.Participants.SetItem(1,
            session.Participants[1] with { Label = label })
        }, CallReply.Nothing)
    {
        Changed = true,
    };

    private static Decision Settled(CallSession session)
    {
        var left = SessionDecider.Decide(
            session, new SessionEvent.ParticipantLeft(null, session.Caller.Leg!, null, LeaveReason.HungUp), Policy, Now);
        Deadlines.Next(left.Session!, Policy).ShouldBeNull();
        return left;
    }

    private static string Describe(CallSession session) =>
        $"{session with { Effects = [] }} {string.Join(';', session.Participants)} {string.Join(';', session.Effects)}";
}
