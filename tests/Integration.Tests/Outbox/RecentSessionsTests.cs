using System.Diagnostics.Metrics;
using Calls.Application;
using Calls.Application.Ports;
using Calls.Application.UseCases;
using Calls.Domain;
using Calls.Integration.Tests.Redis;
using Microsoft.Extensions.DependencyInjection;

namespace Calls.Integration.Tests.Outbox;

/// <summary>A replica decides on what it remembers of a call, and never on that alone.</summary>
public sealed class RecentSessionsTests(RedisFixture redis)
{
    [Fact]
    public async Task Who_picks_up_is_not_let_into_a_call_that_another_replica_has_ended()
    {
        await using var rig = await OutboxRig.StartAsync(await redis.NewDatabaseAsync(), swept: false);
        var session = await RingsAsync(rig);
        var leg = session.Participants[1].Leg!;
        await EndedElsewhereAsync(rig, session);
        (await rig.SendAsync(new JoinCall(session.Id, ParticipantId.Callee, leg, session.Nonce))).ShouldBeOfType<CallReply.HangUp>();
        (await rig.LoadAsync(session.Id))!.IsEnded.ShouldBeTrue();
    }

    [Fact]
    public async Task What_would_change_nothing_that_is_remembered_is_decided_on_what_is_stored()
    {
        await using var rig = await OutboxRig.StartAsync(await redis.NewDatabaseAsync(), swept: false);
        var session = await RingsAsync(rig);
        var leg = session.Caller.Leg!;
        await EndedElsewhereAsync(rig, session);
        (await rig.LoadAsync(session.Id))!.Effects.OfType<Effect.HangUp>().ShouldContain(hangUp => hangUp.Leg == leg);
        await rig.SendAsync(new HangUpSettled(session.Id, leg, EffectOutcome.Done));
        (await rig.LoadAsync(session.Id))!.Effects.OfType<Effect.HangUp>().ShouldNotContain(hangUp => hangUp.Leg == leg, "this replica remembers a call that rings, with nothing to hang up");
    }

    /// <summary>The caller has no place for that call any more, so it is decided as if it were a new one; the save says that it is not.</summary>
    [Fact]
    public async Task A_voice_webhook_that_comes_again_when_the_call_is_over_ends_its_leg_and_takes_no_place()
    {
        await using var rig = await OutboxRig.StartAsync(await redis.NewDatabaseAsync(), swept: false, liveSessions: 1);
        var (first, second) = (OutboxRig.Started(), OutboxRig.Started());
        (await rig.SendAsync(Placed(first))).ShouldBeOfType<CallReply.JoinRoom>();
        (await rig.SendAsync(Placed(second))).ShouldBeOfType<CallReply.Refused>().Because.ShouldBe(RefusalReason.TooManyCalls);
        await rig.SendAsync(new ParticipantLeft(first.Id, first.Caller.Leg!, null, null, LeaveReason.HungUp));
        await Eventually.TrueAsync(async () => await rig.SendAsync(Placed(second)) is CallReply.JoinRoom);
        await rig.SendAsync(new ParticipantLeft(second.Id, second.Caller.Leg!, null, null, LeaveReason.HungUp));
        await Eventually.TrueAsync(async () => await rig.SendAsync(Placed(first)) is CallReply.HangUp);
        var third = OutboxRig.Started();
        await Eventually.TrueAsync(async () => await rig.SendAsync(Placed(third)) is CallReply.JoinRoom);
    }

    [Theory]
    [InlineData(false, 0)]
    [InlineData(true, 1)]
    public async Task What_is_known_for_good_is_not_asked_of_the_store_unless_that_may_have_forgotten_it(bool suspect, int asked)
    {
        var stored = Stored();
        CallSid.TryParse("CA" + new string('b', 32), out var leg).ShouldBeTrue();
        var ringing = Decided(stored, new SessionEvent.LegProgressed(ParticipantId.Callee, leg!, Progress.Ringing, null, stored.Session!.Nonce)).Session!;
        stored = stored with { Session = ringing };
        (await TimesAskedAsync(stored, new SessionEvent.LegProgressed(ParticipantId.Callee, leg!, Progress.Dialing, null, ringing.Nonce), suspect)).ShouldBe(asked);
    }

    [Theory]
    [InlineData(false, 0)]
    [InlineData(true, 1)]
    public async Task That_the_room_has_opened_is_not_asked_of_the_store_where_the_conference_is_known_unless_it_may_have_forgotten_it(bool suspect, int asked)
    {
        var stored = Stored();
        ConferenceSid.TryParse("CF" + new string('c', 32), out var conference).ShouldBeTrue();
        var opened = new SessionEvent.ConferenceStarted(conference!, stored.Session!.Room);
        (await TimesAskedAsync(stored with { Session = Decided(stored, opened).Session }, opened, suspect)).ShouldBe(asked);
    }

    [Fact]
    public async Task That_a_room_of_another_call_has_opened_is_asked_of_the_store_which_may_know_that_call()
    {
        ConferenceSid.TryParse("CF" + new string('c', 32), out var conference).ShouldBeTrue();
        (await TimesAskedAsync(Stored(), new SessionEvent.ConferenceStarted(conference!, "another.room"), suspect: false)).ShouldBe(1);
    }

    [Fact]
    public async Task Whether_a_leg_may_enter_is_asked_of_the_store_though_nothing_changes()
    {
        var stored = Stored();
        CallSid.TryParse("CA" + new string('b', 32), out var leg).ShouldBeTrue();
        var answered = new SessionEvent.JoinCall(ParticipantId.Callee, leg!, stored.Session!.Nonce);
        var talking = Decided(stored, answered).Session!;
        (await TimesAskedAsync(stored with { Session = talking }, answered, suspect: false)).ShouldBe(1);
    }

    [Fact]
    public void A_session_is_remembered_as_it_was_last_written()
    {
        var (recent, stored) = (new RecentSessions(), Stored());
        recent.Find(stored.Id).ShouldBeNull();
        recent.Set(stored);
        recent.Find(stored.Id).ShouldBeSameAs(stored);
        recent.Set(stored with { Version = 2 });
        recent.Find(stored.Id)!.Version.ShouldBe(2);
    }

    [Fact]
    public void A_session_that_others_write_too_is_read_from_then_on()
    {
        var (recent, stored) = (new RecentSessions(), Stored());
        recent.Set(stored);
        recent.IsShared(stored.Id);
        recent.Find(stored.Id).ShouldBeNull();
        recent.Set(stored with { Version = 2 });
        recent.Find(stored.Id).ShouldBeNull();
    }

    [Fact]
    public void More_sessions_than_there_are_places_push_one_another_out_and_are_never_mistaken()
    {
        var recent = new RecentSessions();
        List<StoredSession> many = [.. Enumerable.Range(0, 5_000).Select(_ => Stored())];
        foreach (var stored in many)
            recent.Set(stored);
        List<StoredSession> found = [.. many.Where(stored => recent.Find(stored.Id) is not null)];
        found.Count.ShouldBeInRange(1, 1_024);
        found.ShouldAllBe(stored => ReferenceEquals(recent.Find(stored.Id), stored));
    }

    /// <summary>Bob's phone rings, and this replica has written all of it.</summary>
    private static async Task<CallSession> RingsAsync(OutboxRig rig)
    {
        var session = OutboxRig.Started();
        rig.Twilio.Dials.SetResult();
        await rig.StoreAsync(session, queued: true);
        await Eventually.TrueAsync(async () => (await rig.LoadAsync(session.Id))!.Participants[1].Leg is not null);
        var leg = (await rig.LoadAsync(session.Id))!.Participants[1].Leg!;
        await rig.SendAsync(new LegProgressed(session.Id, ParticipantId.Callee, leg, Progress.Ringing, session.Nonce));
        return (await rig.LoadAsync(session.Id))!;
    }

    /// <summary>Written past this replica's pipeline, as another one would.</summary>
    private static Task EndedElsewhereAsync(OutboxRig rig, CallSession session) =>
        rig.StoreAsync(SessionDecider.Decide(session, new SessionEvent.EndCall(), OutboxRig.Policy, TimeProvider.System.GetUtcNow()).Session!, queued: false);

    private static StartCall Placed(CallSession session) => new(session.Id, session.Caller.Leg!, ((Party.Client)session.Caller.Party).Identity, session.Participants[1].Party);

    /// <summary>How often the store is asked whether what is remembered is the truth, where an event is decided on that and changes nothing.</summary>
    private static async Task<int> TimesAskedAsync(StoredSession remembered, SessionEvent happened, bool suspect)
    {
        using var services = new ServiceCollection().AddMetrics().BuildServiceProvider();
        using var telemetry = new CallsTelemetry(services.GetRequiredService<IMeterFactory>());
        var (trace, standing) = (new CallTrace(), new StandingStore());
        var store = new OutboxSessionStore(new StoreBehindOutbox(standing), new Unused(), new Unused(), new Memory(suspect), trace, new RecentSessions(), telemetry);
        trace.Remember(remembered);
        var decision = Decided(await store.LoadAsync(remembered.Id, default), happened);
        decision.Changed.ShouldBeFalse();
        await store.SaveAsync(remembered, decision, default);
        trace.RestsOnMemory.ShouldBeFalse();
        return standing.Asked;
    }

    private static Decision Decided(StoredSession stored, SessionEvent happened) => SessionDecider.Decide(stored.Session, happened, OutboxRig.Policy, TimeProvider.System.GetUtcNow());

    /// <summary>A store in which nothing else happens.</summary>
    private sealed class StandingStore : ISessionStore
    {
        public int Asked { get; private set; }

        public Task<StoredSession> LoadAsync(SessionId id, CancellationToken cancellationToken) => throw new InvalidOperationException("It is remembered");

        public Task<bool> IsCurrentAsync(StoredSession seen, CancellationToken cancellationToken)
        {
            Asked++;
            return Task.FromResult(true);
        }

        public Task<StoredSession> SaveAsync(StoredSession loaded, Decision decision, CancellationToken cancellationToken) => Task.FromResult(loaded);
    }

    private sealed record Memory(bool IsSuspect) : IStoreMemory;

    private sealed class Unused : IEffectQueue, IQuotas
    {
        public void Enqueue(StoredSession committed, Effect effect) => throw new InvalidOperationException("Nothing is committed");

        public Task<TimeSpan?> TakeAddAsync(Asker asker, CancellationToken cancellationToken) => throw new InvalidOperationException("Nobody is added");

        public Task GiveAddBackAsync(Asker asker) => throw new InvalidOperationException("Nobody is added");

        public Task<Place> TakePlaceAsync(ClientIdentity caller, SessionId session, CancellationToken cancellationToken) => throw new InvalidOperationException("Nobody calls");

        public void GivePlaceBack(ClientIdentity caller, SessionId session) => throw new InvalidOperationException("Nobody calls");
    }

    private static StoredSession Stored()
    {
        var session = OutboxRig.Started();
        return new StoredSession(session.Id, session, 1, Nonces.Next());
    }
}
