using System.Globalization;
using Calls.Application;
using Calls.Application.Pipeline;
using Calls.Application.Ports;
using Calls.Application.UseCases;
using Calls.Domain;
using Calls.Infrastructure.Redis;
using Calls.Integration.Tests.Redis;
using Microsoft.Extensions.Time.Testing;

namespace Calls.Integration.Tests.Outbox;

/// <summary>Those who write one session at once stand in line, as long as the store answers.</summary>
public sealed class SessionLinesTests(RedisFixture redis)
{
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(50);

    private readonly FakeTimeProvider clock = new();

    /// <summary>Far more than one may wait for without hearing from the store, and than one may lose against.</summary>
    [Fact]
    public async Task Fifty_at_once_are_all_served_by_a_store_that_takes_its_time()
    {
        await using var rig = await OutboxRig.StartAsync(await redis.NewDatabaseAsync(), swept: false, configure: services => services.AddSessionStore<UnhurriedStore>());
        var session = OutboxRig.Started();
        await rig.StoreAsync(session, queued: true);
        var replies = await Task.WhenAll(Enumerable.Range(0, 50).Select(i => rig.SendAsync(Adding(session.Id, i))));
        replies.ShouldAllBe(reply => reply is CallReply.Added);
        (await rig.LoadAsync(session.Id))!.Participants.Count(p => p.Role == Role.Guest).ShouldBe(50);
    }

    [Fact]
    public async Task Who_stands_in_line_waits_while_the_store_answers_and_goes_ahead_when_it_has_long_not()
    {
        var lines = new SessionLines(clock);
        var (first, second) = (lines.StandIn(Id), lines.StandIn(Id));
        first.HasCome.ShouldBeTrue();
        second.HasCome.ShouldBeFalse();
        var comes = second.ComesAsync(default);
        for (var i = 0; i < 3; i++)
        {
            clock.Advance(Patience / 2);
            first.Hear();
            clock.Advance(Patience / 2);
            comes.IsCompleted.ShouldBeFalse();
        }

        clock.Advance(Patience);
        await comes;
        second.HasCome.ShouldBeFalse();
    }

    [Fact]
    public async Task Whose_turn_comes_waits_no_longer()
    {
        var lines = new SessionLines(clock);
        var (first, second) = (lines.StandIn(Id), lines.StandIn(Id));
        var comes = second.ComesAsync(default);
        first.End();
        await comes;
        second.HasCome.ShouldBeTrue();
        second.End();
        lines.StandIn(Id).HasCome.ShouldBeTrue();
    }

    [Fact]
    public void Who_has_gone_ahead_and_is_done_leaves_the_next_behind_those_who_still_wait()
    {
        var lines = new SessionLines(clock);
        var (first, second, third) = (lines.StandIn(Id), lines.StandIn(Id), lines.StandIn(Id));
        second.End();
        third.HasCome.ShouldBeFalse();
        third.End();
        var fourth = lines.StandIn(Id);
        fourth.HasCome.ShouldBeFalse();
        first.End();
        fourth.HasCome.ShouldBeTrue();
    }

    [Fact]
    public async Task Who_no_longer_wants_to_wait_holds_up_nobody()
    {
        var lines = new SessionLines(clock);
        var (first, second, third) = (lines.StandIn(Id), lines.StandIn(Id), lines.StandIn(Id));
        await Should.ThrowAsync<OperationCanceledException>(() => second.ComesAsync(new CancellationToken(canceled: true)));
        second.End();
        first.End();
        third.HasCome.ShouldBeTrue();
    }

    private static SessionId Id => SessionId.TryParse("line", out var id) ? id : throw new InvalidOperationException();

    private static AddPhoneParticipant Adding(SessionId session, int i)
    {
        var participant = string.Create(CultureInfo.InvariantCulture, $"guest-{i}");
        var number = string.Create(CultureInfo.InvariantCulture, $"+15550100{i:d3}");
        return new AddPhoneParticipant(
            session, new Asker(null, IsOperator: true), ParticipantId.TryParse(participant, out var id) ? id : throw new InvalidOperationException(),
            PhoneNumber.TryParse(number, out var phone) ? phone : throw new InvalidOperationException(), null);
    }

    /// <summary>The real one, some way off.</summary>
    private sealed class UnhurriedStore(RedisSessionStore real) : ISessionStore
    {
        private static readonly TimeSpan Way = TimeSpan.FromMilliseconds(15);

        public async Task<StoredSession> LoadAsync(SessionId id, CancellationToken cancellationToken)
        {
            await Task.Delay(Way, cancellationToken);
            return await real.LoadAsync(id, cancellationToken);
        }

        public async Task<bool> IsCurrentAsync(StoredSession seen, CancellationToken cancellationToken)
        {
            await Task.Delay(Way, cancellationToken);
            return await real.IsCurrentAsync(seen, cancellationToken);
        }

        public async Task<StoredSession> SaveAsync(StoredSession loaded, Decision decision, CancellationToken cancellationToken)
        {
            await Task.Delay(Way, cancellationToken);
            return await real.SaveAsync(loaded, decision, cancellationToken);
        }
    }
}
