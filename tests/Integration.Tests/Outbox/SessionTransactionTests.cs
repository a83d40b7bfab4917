using Calls.Application.Ports;
using Calls.Application.UseCases;
using Calls.Domain;
using Calls.Integration.Tests.Redis;
using Microsoft.Extensions.DependencyInjection;

namespace Calls.Integration.Tests.Outbox;

/// <summary>A replica may decide on the state that it wrote last, and never trusts that state alone.</summary>
public sealed class SessionTransactionTests(RedisFixture redis)
{
    [Fact]
    public async Task A_callee_who_answers_is_not_let_into_a_call_that_another_replica_has_ended()
    {
        await using var rig = await OutboxRig.StartAsync(await redis.NewDatabaseAsync(), swept: false);
        var session = await RingingAsync(rig);
        await EndedByAnotherReplicaAsync(rig, session);
        var answered = new JoinCall(session.Id, ParticipantId.Callee, session.Participants[1].Leg!, session.Nonce);
        (await rig.SendAsync(answered)).ShouldBeOfType<CallReply.HangUp>();
        (await rig.LoadAsync(session.Id))!.IsEnded.ShouldBeTrue();
    }

    [Fact]
    public async Task A_report_that_changes_nothing_on_the_cached_state_is_decided_on_the_stored_state()
    {
        await using var rig = await OutboxRig.StartAsync(await redis.NewDatabaseAsync(), swept: false);
        var session = await RingingAsync(rig);
        var leg = session.Caller.Leg!;
        await EndedByAnotherReplicaAsync(rig, session);
        HangUpsOf(await rig.LoadAsync(session.Id)).ShouldContain(leg);
        await rig.SendAsync(new HangUpSettled(session.Id, leg, EffectOutcome.Done));
        HangUpsOf(
            await rig.LoadAsync(session.Id)).ShouldNotContain(leg, "this replica has cached a ringing call that has nothing to hang up");
    }

    [Fact]
    public async Task A_report_that_changes_the_cached_state_costs_no_load_and_one_that_changes_nothing_costs_one()
    {
        var counting = new CountingStore();
        await using var rig = await OutboxRig.StartAsync(
            await redis.NewDatabaseAsync(), swept: false, configure: services =>
                services.AddSingleton<ISessionStore>(provider => counting.Over(provider)));
        var session = await RingingAsync(rig);
        var answered = new JoinCall(session.Id, ParticipantId.Callee, session.Participants[1].Leg!, session.Nonce);
        counting.Loads = 0;
        await rig.SendAsync(answered);
        counting.Loads.ShouldBe(0, "the save compares");
        await rig.SendAsync(answered);
        counting.Loads.ShouldBe(1, "a decision without a save is made again on the stored state");
    }

    /// <summary>The caller's place is gone, so the repeated webhook is decided as a new call. The save finds the stored call.</summary>
    [Fact]
    public async Task A_voice_webhook_that_is_repeated_after_the_call_ends_its_leg_and_takes_no_place()
    {
        await using var rig = await OutboxRig.StartAsync(await redis.NewDatabaseAsync(), swept: false, liveSessions: 1);
        var (first, second) = (OutboxRig.Started(), OutboxRig.Started());
        (await rig.SendAsync(Placed(first))).ShouldBeOfType<CallReply.JoinRoom>();
        (await rig.SendAsync(Placed(first))).ShouldBeOfType<CallReply.JoinRoom>(
            "the same leg gets the same answer and needs no second place");
        (await rig.SendAsync(Placed(second))).ShouldBeOfType<CallReply.Refused>().Reason.ShouldBe(RefusalReason.TooManyCalls);
        await rig.SendAsync(LeftByCaller(first));
        await Eventually.TrueAsync(async () => await rig.SendAsync(Placed(second)) is CallReply.JoinRoom);
        await rig.SendAsync(LeftByCaller(second));
        await Eventually.TrueAsync(async () => await rig.SendAsync(Placed(first)) is CallReply.HangUp);
        var third = OutboxRig.Started();
        await Eventually.TrueAsync(async () => await rig.SendAsync(Placed(third)) is CallReply.JoinRoom);
    }

    /// <summary>Bob's phone rings, and this replica has written the whole session.</summary>
    private static async Task<CallSession> RingingAsync(OutboxRig rig)
    {
        var session = OutboxRig.Started();
        rig.Twilio.Dials.SetResult();
        await rig.StoreAsync(session, queued: true);
        await Eventually.TrueAsync(async () => (await rig.LoadAsync(session.Id))!.Participants[1].Leg is not null);
        var leg = (await rig.LoadAsync(session.Id))!.Participants[1].Leg!;
        await rig.SendAsync(new LegProgressed(session.Id, ParticipantId.Callee, leg, Progress.Ringing, session.Nonce));
        return (await rig.LoadAsync(session.Id))!;
    }

    /// <summary>Written past the transaction of this replica, as another replica writes.</summary>
    private static Task EndedByAnotherReplicaAsync(OutboxRig rig, CallSession session)
    {
        var ended = SessionDecider.Decide(session, new SessionEvent.EndCall(), OutboxRig.Policy, TimeProvider.System.GetUtcNow());
        return rig.StoreAsync(ended.Session!, queued: false);
    }

    private static IEnumerable<CallSid> HangUpsOf(CallSession? session) =>
        session!.Effects.OfType<Effect.HangUp>().Select(hangUp => hangUp.Leg);

    private static StartCall Placed(CallSession session) =>
        new(session.Id, session.Caller.Leg!, session.Caller.Party, session.Participants[1].Party, TraceParent: null);

    private static ParticipantLeft LeftByCaller(CallSession session) =>
        new(session.Id, session.Caller.Leg!, null, null, LeaveReason.HungUp);

    /// <summary>Counts the loads of the real store.</summary>
    private sealed class CountingStore : ISessionStore
    {
        private ISessionStore? real;

        public int Loads { get; set; }

        public CountingStore Over(IServiceProvider provider)
        {
            real = ActivatorUtilities.CreateInstance<Infrastructure.Redis.RedisSessionStore>(provider);
            return this;
        }

        public Task<StoredSession> LoadAsync(SessionId id, CancellationToken cancellationToken)
        {
            Loads++;
            return real!.LoadAsync(id, cancellationToken);
        }

        public Task<StoredSession> SaveAsync(StoredSession loaded, Decision decision, CancellationToken cancellationToken) =>
            real!.SaveAsync(loaded, decision, cancellationToken);
    }
}
