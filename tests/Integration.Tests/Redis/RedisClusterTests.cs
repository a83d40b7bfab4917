using System.Globalization;
using Calls.Application.Ports;
using Calls.Application.UseCases;
using Calls.Domain;
using Calls.Infrastructure.Redis;
using Calls.Infrastructure.Webhooks;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging.Abstractions;
using StackExchange.Redis;

namespace Calls.Integration.Tests.Redis;

/// <summary>The scripts on a Redis Cluster, which refuses one whose keys are not of one slot. One node of it is enough for that.</summary>
public sealed class RedisClusterTests : IAsyncLifetime
{
    private static readonly CallPolicy Policy = new();
    private static readonly string[] Receivers = ["crm", "bi"];

    private RedisServerProcess? server;
    private ConnectionMultiplexer? admin;
    private ConnectionMultiplexer? redis;

    public async ValueTask InitializeAsync()
    {
        Assert.SkipUnless(RedisServerProcess.IsInstalled, "redis-server is not installed");
        var bus = RedisServerProcess.FreePort().ToString(CultureInfo.InvariantCulture);
        server = await RedisServerProcess.StartAsync(null, "--cluster-enabled", "yes", "--cluster-port", bus);
        admin = await ConnectionMultiplexer.ConnectAsync(server.ConnectionString + ",allowAdmin=true");
        await Node.ExecuteAsync("CLUSTER", "ADDSLOTSRANGE", "0", "16383");
        await Eventually.TrueAsync(
            async () => (await Node.ExecuteAsync("CLUSTER", "INFO")).ToString().Contains("cluster_state:ok", StringComparison.Ordinal));
        redis = await ConnectionMultiplexer.ConnectAsync(new RedisOptions { ConnectionString = server.ConnectionString }.ToConfiguration());
    }

    public async ValueTask DisposeAsync()
    {
        if (redis is not null)
            await redis.DisposeAsync();
        if (admin is not null)
            await admin.DisposeAsync();
        server?.Dispose();
    }

    [Fact]
    public async Task Sessions_are_saved_claimed_and_rescheduled_in_every_slot_that_they_fall_into()
    {
        redis!.GetServer(server!.ConnectionString).ServerType.ShouldBe(ServerType.Cluster);
        var due = new RedisDueSessions(redis, Policy);
        var settings = new SessionStoreSettings(TimeSpan.FromHours(1));
        using var receivers = new EventReceivers(new ConfigurationBuilder().AddInMemoryCollection(
            Receivers.SelectMany(name => new KeyValuePair<string, string?>[]
            {
                new($"Calls:Webhooks:{name}:Url", "https://example.com/"),
                new($"Calls:Webhooks:{name}:Secret", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
            })).Build());
        var store = new RedisSessionStore(
            redis, settings, Policy, TimeProvider.System, NullLogger<RedisSessionStore>.Instance, receivers);
        var events = new RedisEvents(redis, receivers, settings, NullLogger<RedisSessionStore>.Instance);
        var slots = new HashSet<int>();
        var legs = 0;
        foreach (var story in Enumerable.Range(0, 100).SelectMany(seed => new RandomSessions(seed).Story(1)))
        {
            // Each call has a leg of its own: a leg places one call.
            CallSid.TryParse(string.Create(CultureInfo.InvariantCulture, $"CA{++legs:d32}"), out var leg).ShouldBeTrue();
            var session = story with { Participants = story.Participants.SetItem(0, story.Caller with { Leg = leg }) };
            var id = SessionId.TryParse(string.Create(CultureInfo.InvariantCulture, $"cluster-{slots.Count}-{session.StartedAt.Ticks}"),
                out var parsed) ? parsed : throw new InvalidOperationException();
            var partition = RedisKeys.PartitionOf(id);
            var slot = await SlotOfAsync(RedisKeys.Session(id));
            slots.Add(slot);
            (await SlotOfAsync(RedisKeys.Due(partition))).ShouldBe(slot);
            (await SlotOfAsync(RedisKeys.Placed(leg!, partition))).ShouldBe(slot);
            (await SlotOfAsync(RedisKeys.Events(partition, "crm"))).ShouldBe(slot);
            (await SlotOfAsync(RedisKeys.Ended(id.Value + " 7", partition))).ShouldBe(slot);
            var saved = await store.SaveAsync(await store.LoadAsync(id, default),
                new Decision(new SessionEvent.EndCall(), session with { Id = id }, CallReply.Nothing) { Changed = true }, default);
            (await due.ClaimAsync(partition, 100, TimeSpan.FromMinutes(1), default)).Contains(id).ShouldBe(
                session.StartedAt < TimeProvider.System.GetUtcNow() - Policy.EffectLease);
            await due.RescheduleAsync(saved, default);
            (await redis.GetDatabase().SortedSetScoreAsync(RedisKeys.Due(partition), id.Value)).ShouldBe(
                Deadlines.Next(saved.Session!, Policy)!.Value.ToUnixTimeMilliseconds());
            (await events.FindAsync("crm")).Due.ShouldBe([id.Value]);
            var news = (await events.ClaimAsync("crm", id.Value, TimeSpan.FromMinutes(1))).ShouldNotBeNull();
            news.Stored.ShouldBe(saved with { Session = news.Stored.Session });
            (await events.ClaimAsync("crm", id.Value, TimeSpan.FromMinutes(1))).ShouldBeNull("it is claimed");
            (await events.SettleAsync("crm", news, Told.Whole(saved.Session!, saved.Version), null, TimeSpan.FromHours(1))).ShouldBeFalse();
            (await events.FindAsync("crm")).Pending.ShouldBe(0);
        }

        slots.Count.ShouldBeGreaterThan(30);
    }

    [Fact]
    public async Task The_limits_of_a_call_are_taken_once_and_given_back()
    {
        var quotas = new RedisQuotas(
            redis!, new Allowances(2, 2, 2, 2, 2), Policy, TimeProvider.System, NullLogger<RedisSessionStore>.Instance);
        SessionId.TryParse("limits", out var id).ShouldBeTrue();
        CallSid.TryParse("CA" + new string('1', 32), out var leg).ShouldBeTrue();
        ClientIdentity.TryParse("alice", out var alice).ShouldBeTrue();
        PhoneNumber.TryParse("+12025550123", out var number).ShouldBeTrue();
        var start = new StartCall(id!, leg!, new Party.Client(alice!), new Party.Phone(number!), null);
        var taken = await quotas.TakeStartAsync(start, "US", default);
        (taken.Refused, taken.Taken.Length).ShouldBe((null, 5));
        (await quotas.TakeStartAsync(start, "US", default)).Taken.ShouldBeEmpty("the leg names the call");
        await quotas.GiveBackAsync(taken);
        (await quotas.TakeStartAsync(start, "US", default)).Taken.Length.ShouldBe(5);
    }

    [Fact]
    public async Task A_script_over_two_slots_is_refused_here_so_the_others_are_known_to_need_one()
    {
        var refused = await Should.ThrowAsync<Exception>(
            () => redis!.GetDatabase().ScriptEvaluateAsync("return redis.call('ZCARD', KEYS[1])", [RedisKeys.Due(1), RedisKeys.Due(2)]));
        refused.Message.ShouldContain("slot");
    }

    /// <summary>By the server's own reckoning.</summary>
    private async Task<int> SlotOfAsync(RedisKey key) => (int)await Node.ExecuteAsync("CLUSTER", "KEYSLOT", key);

    private IServer Node => admin!.GetServer(server!.ConnectionString);
}
