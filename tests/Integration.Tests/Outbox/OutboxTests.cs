using Calls.Application.Ports;
using Calls.Application.UseCases;
using Calls.Domain;
using Calls.Infrastructure.Outbox;
using Calls.Infrastructure.Redis;
using Calls.Integration.Tests.Redis;
using Microsoft.Extensions.DependencyInjection;
using StackExchange.Redis;

namespace Calls.Integration.Tests.Outbox;

/// <summary>Effects after their commit: at once, beside whoever caused them, and never for ever in the way of each other.</summary>
public sealed class OutboxTests(RedisFixture redis)
{
    [Fact]
    public async Task A_session_that_cannot_be_read_does_not_hold_up_the_dials_behind_it()
    {
        var connection = await redis.NewDatabaseAsync();
        await using var rig = await OutboxRig.StartAsync(
            connection, swept: false, configure: services => services.AddSingleton(new StartRate(2)));
        await using var multiplexer = await ConnectionMultiplexer.ConnectAsync(connection);
        var (first, damaged, last) = (OutboxRig.Started(), OutboxRig.Started(), OutboxRig.Started());
        await rig.StoreAsync(first, queued: true);
        await Eventually.TrueAsync(() => Task.FromResult(rig.Twilio.Asked("dial") == 1));
        await rig.StoreAsync(damaged, queued: true);
        await multiplexer.GetDatabase().HashSetAsync(RedisKeys.Session(damaged.Id), "data", "not JSON");
        await rig.StoreAsync(last, queued: true);
        await Eventually.TrueAsync(() => Task.FromResult(rig.Twilio.Asked("dial") == 2));
        rig.Twilio.Dials.SetResult();
    }

    [Fact]
    public async Task An_effect_is_run_after_its_commit_and_holds_nobody_who_commits()
    {
        await using var rig = await OutboxRig.StartAsync(await redis.NewDatabaseAsync(), swept: false);
        var session = OutboxRig.Started();
        await rig.StoreAsync(session, queued: true);
        await Eventually.TrueAsync(() => Task.FromResult(rig.Twilio.Asked("dial") == 1));
        (await rig.LoadAsync(session.Id))!.Effects.ShouldHaveSingleItem().ShouldBeOfType<Effect.Dial>().State.ShouldBe(
            DialState.Sending, "the commit is done, and Twilio has not answered");
        rig.Twilio.Dials.SetResult();
        await Eventually.TrueAsync(async () => (await rig.LoadAsync(session.Id))!.Participants[1].Leg is not null);
    }

    /// <summary>The dial has been accepted, and Redis is away when the outcome is stored.</summary>
    [Fact]
    public async Task The_outcome_of_a_dial_is_stored_although_Redis_was_away_for_a_moment()
    {
        var store = new AwayStore();
        await using var rig = await OutboxRig.StartAsync(
            await redis.NewDatabaseAsync(), swept: false, configure: services => services.AddSingleton<ISessionStore>(store.Over));
        var session = OutboxRig.Started();
        await rig.StoreAsync(session, queued: true);
        await Eventually.TrueAsync(() => Task.FromResult(rig.Twilio.Asked("dial") == 1));
        store.IsAway = true;
        rig.Twilio.Dials.SetResult();
        await Eventually.TrueAsync(() => Task.FromResult(store.Failures > 1));
        store.IsAway = false;
        await Eventually.TrueAsync(async () => (await rig.LoadAsync(session.Id))!.Participants[1].Leg is not null);
    }

    [Fact]
    public async Task Hang_ups_go_out_while_every_hand_for_dials_is_full()
    {
        await using var rig = await OutboxRig.StartAsync(await redis.NewDatabaseAsync(), swept: false);
        for (var i = 0; i < 100; i++)
            await rig.StoreAsync(OutboxRig.Started(), queued: true);
        await Eventually.TrueAsync(() => Task.FromResult(rig.Twilio.Asked("dial") == 64));
        var ending = OutboxRig.Started();
        var ended = SessionDecider.Decide(ending, new SessionEvent.EndCall(), OutboxRig.Policy, TimeProvider.System.GetUtcNow()).Session!;
        await rig.StoreAsync(ended, queued: true);
        await Eventually.TrueAsync(() => Task.FromResult(rig.Twilio.Asked("hang up") == 1));
        rig.Twilio.Asked("dial").ShouldBe(64, "no more at once than there are hands");
    }

    [Fact]
    public async Task Dials_go_out_while_every_hand_for_mute_and_hold_is_full()
    {
        await using var rig = await OutboxRig.StartAsync(await redis.NewDatabaseAsync(), swept: false);
        rig.Twilio.Changes = new(TaskCreationOptions.RunContinuationsAsynchronously);
        for (var i = 0; i < 100; i++)
            await rig.StoreAsync(Muting(OutboxRig.ReviewDue()), queued: true);
        await Eventually.TrueAsync(() => Task.FromResult(rig.Twilio.Asked("change") == 64));
        await rig.StoreAsync(OutboxRig.Started(), queued: true);
        await Eventually.TrueAsync(() => Task.FromResult(rig.Twilio.Asked("dial") == 1));
    }

    [Fact]
    public async Task Of_one_participant_one_change_is_under_way_and_only_the_newest_waits()
    {
        await using var rig = await OutboxRig.StartAsync(await redis.NewDatabaseAsync(), swept: false);
        rig.Twilio.Changes = new(TaskCreationOptions.RunContinuationsAsynchronously);
        var session = InConference(OutboxRig.ReviewDue());
        await rig.StoreAsync(session, queued: false);
        for (var i = 0; i < 100; i++)
            await rig.SendAsync(new SetParticipantFlags(session.Id, Operator, ParticipantId.Callee, Muted: i % 2 == 0, Hold: null));
        await Eventually.TrueAsync(() => Task.FromResult(rig.Twilio.Asked("change") == 1));
        rig.Twilio.Changes.SetResult();
        await Eventually.TrueAsync(async () => (await rig.LoadAsync(session.Id))!.Effects.IsEmpty, patience: TimeSpan.FromSeconds(10));
        rig.Twilio.Asked("change").ShouldBe(2, "the first, and the newest of the others");
    }

    [Fact]
    public async Task A_hang_up_that_Twilio_has_taken_stays_until_its_leg_is_known_to_have_gone()
    {
        await using var rig = await OutboxRig.StartAsync(await redis.NewDatabaseAsync(), swept: false);
        rig.Twilio.FindsAllOver = false;
        var session = OutboxRig.Started();
        var leg = session.Caller.Leg!;
        await rig.StoreAsync(SessionDecider.Decide(session, new SessionEvent.EndCall(), OutboxRig.Policy,
            TimeProvider.System.GetUtcNow()).Session!, queued: true);
        await Eventually.TrueAsync(() => Task.FromResult(rig.Twilio.Asked("hang up") == 1));
        await rig.StopAsync();
        var hangUp = (await rig.LoadAsync(session.Id))!.Effects.ShouldHaveSingleItem(
            "whatever was under way has ended").ShouldBeOfType<Effect.HangUp>();
        (hangUp.Leg, hangUp.Attempt).ShouldBe((leg, 0));
        await rig.SendAsync(new ParticipantLeft(session.Id, leg, null, null, LeaveReason.HungUp));
        var settled = (await rig.LoadAsync(session.Id))!;
        settled.Effects.ShouldBeEmpty();
        Deadlines.Next(settled, OutboxRig.Policy).ShouldBeNull();
    }

    [Fact]
    public async Task An_effect_that_fails_is_not_the_last_one()
    {
        await using var rig = await OutboxRig.StartAsync(await redis.NewDatabaseAsync(), swept: false);
        rig.Twilio.Dials.SetResult();
        var session = OutboxRig.Started();
        rig.Queue.Enqueue(Committed(session with { Participants = [] }),
            new Effect.SetFlags(ParticipantId.Callee, Muted: null, Hold: null) { NotBefore = session.StartedAt });
        rig.Queue.Enqueue(Committed(session with { Participants = default }),
            new Effect.Dial(ParticipantId.Callee) { State = DialState.Unknown, NotBefore = session.StartedAt });
        await rig.StoreAsync(session, queued: true);
        await Eventually.TrueAsync(async () => (await rig.LoadAsync(session.Id))!.Participants[1].Leg is not null);
    }

    [Fact]
    public async Task A_host_that_stops_finishes_what_was_queued()
    {
        var connection = await redis.NewDatabaseAsync();
        var session = OutboxRig.Started();
        await using (var rig = await OutboxRig.StartAsync(connection, swept: false))
        {
            await rig.StoreAsync(session, queued: true);
            await Eventually.TrueAsync(() => Task.FromResult(rig.Twilio.Asked("dial") == 1));
            var stopping = rig.StopAsync();
            rig.Twilio.Dials.SetResult();
            await stopping;
        }

        await using var later = await OutboxRig.StartAsync(connection, swept: false);
        (await later.LoadAsync(session.Id))!.Participants[1].Leg.ShouldNotBeNull();
    }

    [Fact]
    public void What_finds_no_place_in_the_queue_is_dropped_and_counted()
    {
        using var services = new ServiceCollection().AddMetrics().AddSingleton<EffectQueue>()
            .AddSingleton<IDialPace>(new RedisDialPace(null!, new StartRate(null))).BuildServiceProvider();
        var queue = services.GetRequiredService<EffectQueue>();
        using var dropped = new Measurements(services, "calls.effects.dropped");
        var session = OutboxRig.Started();
        for (var i = 0; i < 10_002; i++)
            queue.Enqueue(Committed(session), session.Effects[0]);
        dropped.All.Sum(one => one.Value).ShouldBe(2);
        queue.Enqueue(Committed(session), new Effect.HangUp(session.Caller.Leg!) { NotBefore = session.StartedAt });
        dropped.All.Sum(one => one.Value).ShouldBe(2, "hang-ups have a lane of their own");
        queue.Endings.Count.ShouldBe(1);
    }

    private static Asker Operator => new(null, IsOperator: true);

    private static CallSession InConference(CallSession session)
    {
        ConferenceSid.TryParse("CF" + session.Caller.Leg!.Value[2..], out var conference).ShouldBeTrue();
        return session with { Conference = conference };
    }

    private static CallSession Muting(CallSession session) => InConference(session) with
    {
        Effects = [new Effect.SetFlags(ParticipantId.Callee, Muted: true, Hold: null)
        {
            NotBefore = TimeProvider.System.GetUtcNow() + OutboxRig.Policy.EffectLease,
        }],
    };

    private static StoredSession Committed(CallSession session) => new(session.Id, session, 1, "etag");

    /// <summary>The real store, which a test can take away.</summary>
    private sealed class AwayStore : ISessionStore
    {
        private ISessionStore? real;
        private int failures;

        public bool IsAway { get; set; }

        public int Failures => failures;

        public AwayStore Over(IServiceProvider services)
        {
            real = ActivatorUtilities.CreateInstance<RedisSessionStore>(services);
            return this;
        }

        public Task<StoredSession> LoadAsync(SessionId id, CancellationToken cancellationToken) => real!.LoadAsync(id, cancellationToken);

        public Task<StoredSession> SaveAsync(StoredSession loaded, Decision decision, CancellationToken cancellationToken)
        {
            if (!IsAway)
                return real!.SaveAsync(loaded, decision, cancellationToken);
            Interlocked.Increment(ref failures);
            throw new SessionStoreUnavailableException("save", new TimeoutException());
        }
    }
}
