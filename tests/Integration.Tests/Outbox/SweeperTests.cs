using System.Collections.Concurrent;
using System.Globalization;
using Calls.Application.Ports;
using Calls.Domain;
using Calls.Infrastructure.Redis;
using Calls.Infrastructure.Twilio;
using Calls.Integration.Tests.Gateway;
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
    public async Task No_more_reviews_are_under_way_than_Twilio_may_be_asked_about_and_effects_do_not_wait_behind_them()
    {
        const int permits = 4, sessions = 60;
        var connection = await redis.NewDatabaseAsync();
        CountedClaims? index = null;
        await using var rig = await OutboxRig.StartAsync(connection, swept: true, configure: services => services
            .AddSingleton(new GatewaySettings { Reads = new GatewaySettings().Reads with { Permits = permits } })
            .AddSingleton<IDueSessions>(provider => index = ActivatorUtilities.CreateInstance<CountedClaims>(provider)));
        rig.Twilio.AnswersReads = true;
        rig.Twilio.Reads = new(TaskCreationOptions.RunContinuationsAsynchronously);
        var live = Enumerable.Range(0, sessions).Select(_ => OutboxRig.ReviewDue()).ToList();
        foreach (var session in live)
            await rig.StoreAsync(session, queued: false);
        await Eventually.TrueAsync(() => Task.FromResult(rig.Twilio.MostReads == permits));

        // Every place for a review is taken, and Twilio does not answer. A hang-up whose lease is out is due now.
        var ending = OutboxRig.Started(LeaseIsOut);
        await rig.StoreAsync(SessionDecider.Decide(
            ending, new SessionEvent.EndCall(), OutboxRig.Policy, TimeProvider.System.GetUtcNow() - LeaseIsOut).Session!, queued: false);
        await Eventually.TrueAsync(() => Task.FromResult(rig.Twilio.Asked("hang up") == 1));

        rig.Twilio.Reads.SetResult();
        foreach (var session in live)
            await Eventually.TrueAsync(
                async () => (await rig.LoadAsync(session.Id))!.ReviewedAt is not null, patience: GatewayFixture.S(60));
        rig.Twilio.MostReads.ShouldBe(permits);
        live.ShouldAllBe(session => rig.Twilio.Asked("read " + session.Room) == 1, "each is reviewed once");
        index!.Claims.ShouldBeLessThan(6 * sessions, "a session that waits for its review is not claimed again and again");
    }

    [Fact]
    public async Task A_review_that_Twilio_does_not_answer_waits_before_the_next_one_and_longer_each_time()
    {
        var connection = await redis.NewDatabaseAsync();
        await using var rig = await OutboxRig.StartAsync(connection, swept: true);
        await using var multiplexer = await ConnectionMultiplexer.ConnectAsync(connection);
        var session = OutboxRig.ReviewDue();
        await rig.StoreAsync(session, queued: false);
        foreach (var (failures, shortest) in new[] { (1, 2.5), (2, 5.0) })
        {
            CallSession? failed = null;
            await Eventually.TrueAsync(async () => (failed = (await rig.LoadAsync(session.Id))!).ReviewFailures == failures);
            var wait = failed!.ReviewNotBefore!.Value - failed.TouchedAt;
            wait.ShouldBeInRange(TimeSpan.FromSeconds(shortest - 0.01), TimeSpan.FromSeconds(2 * shortest));
            var index = RedisKeys.Due(RedisKeys.PartitionOf(session.Id));
            var due = await multiplexer.GetDatabase().SortedSetScoreAsync(index, session.Id.Value);
            due.ShouldBe(failed.ReviewNotBefore.Value.ToUnixTimeMilliseconds(), "no sweeper looks at it before");
        }

        rig.Twilio.Asked("read " + session.Room).ShouldBe(2);
        rig.Twilio.AnswersReads = true;
        await Eventually.TrueAsync(async () => (await rig.LoadAsync(session.Id))! is { ReviewFailures: 0, ReviewNotBefore: null });
    }

    [Fact]
    public async Task A_due_hang_up_does_not_wait_behind_a_due_mute_of_the_same_session()
    {
        var connection = await redis.NewDatabaseAsync();
        await using var rig = await OutboxRig.StartAsync(connection, swept: true);
        var session = OutboxRig.ReviewDue();
        ConferenceSid.TryParse("CF" + new string('a', 32), out var room).ShouldBeTrue();
        CallSid.TryParse("CA" + new string('a', 32), out var stranger).ShouldBeTrue();
        rig.Twilio.Changes = new TaskCompletionSource();
        await rig.StoreAsync(
            session with
            {
                Conference = room,
                Effects =
                [
                    new Effect.SetFlags(ParticipantId.Callee, true, null) { Attempt = 1, NotBefore = session.StartedAt },
                    new Effect.HangUp(stranger!) { Attempt = 1, NotBefore = session.StartedAt },
                ],
            },
            queued: false);
        await Eventually.TrueAsync(() => Task.FromResult(rig.Twilio.Asked("change") == 1));
        await Eventually.TrueAsync(() => Task.FromResult(rig.Twilio.Asked("hang up") == 1));
        rig.Twilio.Changes.SetResult();
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

    /// <summary>The index, and how many sessions were claimed.</summary>
    private sealed class CountedClaims(IConnectionMultiplexer redis) : IDueSessions
    {
        private readonly RedisDueSessions inner = new(redis, OutboxRig.Policy);
        private int claims;

        public int Claims => claims;

        public int Partitions => inner.Partitions;

        public async Task<IReadOnlyList<SessionId>> ClaimAsync(
            int partition, int max, TimeSpan lease, CancellationToken cancellationToken)
        {
            var claimed = await inner.ClaimAsync(partition, max, lease, cancellationToken);
            Interlocked.Add(ref claims, claimed.Count);
            return claimed;
        }

        public Task RescheduleAsync(StoredSession session, CancellationToken cancellationToken) =>
            inner.RescheduleAsync(session, cancellationToken);
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
