using Calls.Application.Ports;
using Calls.Application.UseCases;
using Calls.Domain;
using Calls.Integration.Tests.Redis;

namespace Calls.Integration.Tests.Outbox;

/// <summary>Calls about which the service has heard nothing for a while, and calls that last too long.</summary>
public sealed class OldCallsTests(RedisFixture redis)
{
    [Fact]
    public async Task Before_a_phone_is_dialled_for_a_silent_call_Twilio_is_asked_and_a_call_that_is_gone_rings_no_phone()
    {
        await using var rig = await OutboxRig.StartAsync(await redis.NewDatabaseAsync(), swept: false);
        rig.Twilio.Legs = LegStatus.Completed;
        var session = await TalkingSinceAsync(rig, TimeSpan.FromMinutes(5));
        await AddAsync(rig, session);
        await Eventually.TrueAsync(async () => (await rig.LoadAsync(session.Id))!.ReviewNow);
        (rig.Twilio.Asked("fetch"), rig.Twilio.Asked("add")).ShouldBe((1, 0));
        (await rig.LoadAsync(session.Id))!.FindEffect<Effect.Dial>(_ => true)!.State.ShouldBe(DialState.Planned);
    }

    [Theory]
    [InlineData(5, 1)]
    [InlineData(0, 0)]
    public async Task A_call_that_Twilio_has_is_joined_by_the_phone_and_one_that_was_heard_of_costs_no_question(int minutes, int questions)
    {
        await using var rig = await OutboxRig.StartAsync(await redis.NewDatabaseAsync(), swept: false);
        rig.Twilio.Legs = LegStatus.InProgress;
        await AddAsync(rig, await TalkingSinceAsync(rig, TimeSpan.FromMinutes(minutes)));
        await Eventually.TrueAsync(() => Task.FromResult(rig.Twilio.Asked("add") == 1));
        rig.Twilio.Asked("fetch").ShouldBe(questions);
    }

    [Fact]
    public async Task While_Twilio_does_not_answer_no_phone_is_dialled_for_a_silent_call()
    {
        await using var rig = await OutboxRig.StartAsync(await redis.NewDatabaseAsync(), swept: false);
        var session = await TalkingSinceAsync(rig, TimeSpan.FromMinutes(5));
        await AddAsync(rig, session);
        await Eventually.TrueAsync(async () =>
            (await rig.LoadAsync(session.Id))!.FindEffect<Effect.Dial>(_ => true) is { State: DialState.Planned, Attempt: 1 });
        (rig.Twilio.Asked("fetch"), rig.Twilio.Asked("add")).ShouldBe((1, 0));
    }

    [Fact]
    public async Task A_call_that_has_lasted_for_the_maximum_duration_is_ended_by_the_sweeper_although_Twilio_does_not_answer()
    {
        await using var rig = await OutboxRig.StartAsync(await redis.NewDatabaseAsync(), swept: true);
        var session = await TalkingSinceAsync(rig, OutboxRig.Policy.MaxDuration);
        await Eventually.TrueAsync(async () => (await rig.LoadAsync(session.Id))!.AllHaveLeft);
        var ended = (await rig.LoadAsync(session.Id))!;
        (ended.EndReason, ended.EndEvidence).ShouldBe((EndReason.MaxDuration, Evidence.Deadline));
        rig.Twilio.Asked("hang up").ShouldBe(2);
    }

    private static async Task<CallSession> TalkingSinceAsync(OutboxRig rig, TimeSpan ago)
    {
        var (session, then) = (OutboxRig.Started(ago), TimeProvider.System.GetUtcNow() - ago);
        CallSid.TryParse("CA" + new string('b', 32), out var callee).ShouldBeTrue();
        ConferenceSid.TryParse("CF" + new string('c', 32), out var conference).ShouldBeTrue();
        SessionEvent[] events =
        [
            new SessionEvent.JoinCall(ParticipantId.Callee, callee!, session.Nonce),
            new SessionEvent.ParticipantJoined(conference!, session.Room, session.Caller.Leg!, ParticipantId.Caller, null),
            new SessionEvent.ParticipantJoined(conference!, session.Room, callee!, ParticipantId.Callee, null),
        ];
        session = events.Aggregate(session, (call, happened) => SessionDecider.Decide(call, happened, OutboxRig.Policy, then).Session!);
        await rig.StoreAsync(session, queued: false);
        return session;
    }

    private static async Task AddAsync(OutboxRig rig, CallSession session)
    {
        ParticipantId.TryParse("guest-1", out var guest).ShouldBeTrue();
        PhoneNumber.TryParse("+15550100101", out var number).ShouldBeTrue();
        var alice = new Asker(((Party.Client)session.Caller.Party).Identity, IsOperator: false);
        (await rig.SendAsync(new AddPhoneParticipant(session.Id, alice, guest!, number!, null))).ShouldBeOfType<CallReply.Added>();
    }
}
