using System.Collections.Concurrent;
using System.Globalization;
using Calls.Application.Ports;
using Calls.Domain;
using Calls.Infrastructure.Redis;
using Calls.Integration.Tests.Redis;
using Microsoft.Extensions.DependencyInjection;
using StackExchange.Redis;

namespace Calls.Integration.Tests.Outbox;

/// <summary>What nobody has finished is found: after a crash, a full queue, or an outage.</summary>
public sealed class SweeperTests(RedisFixture redis)
{
    /// <summary>Longer than a lease, shorter than a phone would have rung.</summary>
    private static readonly TimeSpan LeaseIsOut = OutboxRig.Policy.EffectLease + TimeSpan.FromSeconds(1);

    [Fact]
    public async Task A_dial_that_its_writer_never_ran_is_taken_when_its_lease_is_out_and_sent_once()
    {
        var connection = await redis.NewDatabaseAsync();
        await using var rig = await OutboxRig.StartAsync(connection, swept: true);
        await using var other = await OutboxRig.StartAsync(connection, swept: true);
        rig.Twilio.Dials.SetResult();
        other.Twilio.Dials.SetResult();
        var sessions = Enumerable.Range(0, 20).Select(_ => OutboxRig.Started(LeaseIsOut)).ToList();
        foreach (var session in sessions)
            await rig.StoreAsync(session, queued: false);
        foreach (var session in sessions)
            await Eventually.TrueAsync(async () => (await rig.LoadAsync(session.Id))!.Participants[1].Leg is not null);
        (rig.Twilio.Asked("dial") + other.Twilio.Asked("dial")).ShouldBe(20);
    }

    [Fact]
    public async Task A_host_that_stops_finishes_what_its_sweeper_has_begun()
    {
        var connection = await redis.NewDatabaseAsync();
        var session = OutboxRig.Started(LeaseIsOut);
        await using (var rig = await OutboxRig.StartAsync(connection, swept: true))
        {
            await rig.StoreAsync(session, queued: false);
            await Eventually.TrueAsync(() => Task.FromResult(rig.Twilio.Asked("dial") == 1));
            var answered = false;
            var stopping = rig.StopAsync();
            _ = AnswerAsync();
            await stopping;
            answered.ShouldBeTrue("the host waits for Twilio's answer");

            async Task AnswerAsync()
            {
                await Task.Delay(200);
                answered = true;
                rig.Twilio.Dials.SetResult();
            }
        }

        await using var later = await OutboxRig.StartAsync(connection, swept: false);
        (await later.LoadAsync(session.Id))!.Participants[1].Leg.ShouldNotBeNull("its answer was stored");
    }

    [Fact]
    public async Task An_effect_that_only_a_newer_version_knows_is_looked_at_once_a_lease_and_stays_stored()
    {
        var connection = await redis.NewDatabaseAsync();
        RescheduledSessions? index = null;
        await using var rig = await OutboxRig.StartAsync(connection, swept: true, configure: services =>
            services.AddSingleton<IDueSessions>(provider => index = ActivatorUtilities.CreateInstance<RescheduledSessions>(provider)));
        await using var multiplexer = await ConnectionMultiplexer.ConnectAsync(connection);
        var foreign = new Effect.Foreign("""{"k":"z","b":1000}""") { NotBefore = DateTimeOffset.FromUnixTimeMilliseconds(1000) };
        var started = OutboxRig.Started();
        var over = started with
        {
            EndedAt = started.StartedAt,
            Participants = [.. started.Participants.Select(p => p with { Progress = Progress.Gone, Gone = LeaveReason.HungUp })],
            Effects = [foreign],
        };
        await rig.StoreAsync(over, queued: false);
        await Eventually.TrueAsync(() => Task.FromResult(index!.Seen.Contains(over.Id)));
        var due = await multiplexer.GetDatabase().SortedSetScoreAsync(RedisKeys.Due(RedisKeys.PartitionOf(over.Id)), over.Id.Value);
        due!.Value.ShouldBeGreaterThan((TimeProvider.System.GetUtcNow() + (OutboxRig.Policy.EffectLease / 2)).ToUnixTimeMilliseconds());
        index!.Seen.Count(id => id == over.Id).ShouldBe(1);
        (await rig.LoadAsync(over.Id))!.Effects.ShouldBe([foreign]);
    }

    [Fact]
    public async Task A_service_starts_without_Redis_and_its_sweeper_works_as_soon_as_there_is_one()
    {
        Assert.SkipUnless(RedisServerProcess.IsInstalled, "redis-server is not installed");
        var port = RedisServerProcess.FreePort();
        await using var rig = await OutboxRig.StartAsync(string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{port}"), swept: true);
        rig.Twilio.Dials.SetResult();
        await Should.ThrowAsync<SessionStoreUnavailableException>(() => rig.StoreAsync(OutboxRig.Started(), queued: false));
        foreach (var _ in Enumerable.Range(0, 2))
        {
            // The second time round it is Redis that has been killed under a working service.
            using var server = await RedisServerProcess.StartAsync(port);
            var session = OutboxRig.Started(LeaseIsOut);
            await Eventually.TrueAsync(async () =>
            {
                try
                {
                    await rig.StoreAsync(session, queued: false);
                    return true;
                }
                catch (SessionStoreUnavailableException)
                {
                    return false;
                }
            });
            await Eventually.TrueAsync(async () => (await rig.LoadAsync(session.Id))!.Participants[1].Leg is not null);
        }
    }

    /// <summary>The index, and the sessions that were given back to it after a look.</summary>
    private sealed class RescheduledSessions(IConnectionMultiplexer redis) : IDueSessions
    {
        private readonly RedisDueSessions inner = new(redis, OutboxRig.Policy);

        public ConcurrentQueue<SessionId> Seen { get; } = new();

        public int Partitions => inner.Partitions;

        public Task<IReadOnlyList<SessionId>> ClaimAsync(int partition, int max, TimeSpan lease, CancellationToken cancellationToken) =>
            inner.ClaimAsync(partition, max, lease, cancellationToken);

        public async Task RescheduleAsync(StoredSession session, CancellationToken cancellationToken)
        {
            await inner.RescheduleAsync(session, cancellationToken);
            Seen.Enqueue(session.Id);
        }
    }
}
