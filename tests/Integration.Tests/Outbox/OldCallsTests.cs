using Calls.Application.Ports;
using Calls.Application.UseCases;
using Calls.Domain;
using Calls.Integration.Tests.Redis;
using Microsoft.Extensions.DependencyInjection;

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

    /// <summary>Redis may have lost the mark that the caller's leg has placed a call.</summary>
    [Fact]
    public async Task While_Redis_is_suspect_a_call_that_has_just_started_rings_no_phone_before_Twilio_has_said_that_it_exists()
    {
        await using var rig = await OutboxRig.StartAsync(
            await redis.NewDatabaseAsync(), swept: false, configure: services => services.AddSingleton<IStoreMemory, Suspect>());
        rig.Twilio.Legs = LegStatus.Completed;
        PhoneNumber.TryParse("+15550100101", out var number).ShouldBeTrue();
        var started = OutboxRig.Started();
        var session = started with
        {
            Participants = [started.Caller, started.Participants[1] with { Party = new Party.Phone(number!) }],
        };
        await rig.StoreAsync(session, queued: true);
        await Eventually.TrueAsync(async () => (await rig.LoadAsync(session.Id))!.ReviewNow);
        (rig.Twilio.Asked("fetch"), rig.Twilio.Asked("dial")).ShouldBe((1, 0));
    }

    /// <summary>A guest's leg has the guest's label only within the conference. Without the conference, the service does not know the leg
    /// from the legs of other calls to the same number.</summary>
    [Fact]
    public async Task A_guest_whose_dial_is_unknown_is_not_looked_for_in_the_call_list_while_no_conference_is_open()
    {
        await using var rig = await OutboxRig.StartAsync(await redis.NewDatabaseAsync(), swept: true);
        ParticipantId.TryParse("guest-1", out var guest).ShouldBeTrue();
        PhoneNumber.TryParse("+15550100101", out var number).ShouldBeTrue();
        var now = TimeProvider.System.GetUtcNow();
        var (session, sentAt) = (await TalkingSinceAsync(rig, TimeSpan.FromSeconds(30)), now - OutboxRig.Policy.UnknownDialPatience);
        await rig.StoreAsync(
            session with
            {
                Conference = null,
                Participants =
                [
                    .. session.Participants,
                    session.Participants[1] with
                    {
                        Id = guest!, Role = Role.Guest, Party = new Party.Phone(number!), Progress = Progress.Invited, Leg = null,
                        Answered = false, EverJoined = false, Since = sentAt,
                    },
                ],
                Effects = [new Effect.Dial(guest!) { State = DialState.Unknown, Attempt = 1, SentAt = sentAt, NotBefore = now }],
            },
            queued: false);
        await Eventually.TrueAsync(async () => (await rig.LoadAsync(session.Id))!.FindEffect<Effect.Dial>(
            dial => dial.NotBefore < now + TimeSpan.FromSeconds(1)) is null);
        (await rig.LoadAsync(session.Id))!.FindEffect<Effect.Dial>(_ => true).ShouldNotBeNull().State.ShouldBe(DialState.Unknown);
        rig.Twilio.Asked("list").ShouldBe(0);
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
        (await rig.SendAsync(new AddPhoneParticipant(session.Id, alice, guest!, new Party.Phone(number!), null)))
            .ShouldBeOfType<CallReply.Added>();
    }

    private sealed class Suspect : IStoreMemory
    {
        public TimeSpan? SuspectFor => TimeSpan.FromSeconds(30);
    }
}
