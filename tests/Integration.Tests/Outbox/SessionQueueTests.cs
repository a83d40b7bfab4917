using System.Globalization;
using Calls.Application.Ports;
using Calls.Application.Transactions;
using Calls.Application.UseCases;
using Calls.Domain;
using Calls.Infrastructure.Redis;
using Calls.Integration.Tests.Redis;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;

namespace Calls.Integration.Tests.Outbox;

/// <summary>The requests of one process for one session wait for each other, as long as the store answers.</summary>
public sealed class SessionQueueTests(RedisFixture redis)
{
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(50);

    private readonly FakeTimeProvider clock = new();

    /// <summary>Fifty requests are more than one request may lose conflicts, and they take longer than the patience of the queue.</summary>
    [Fact]
    public async Task Fifty_requests_at_once_are_all_served_by_a_slow_store()
    {
        await using var rig = await OutboxRig.StartAsync(
            await redis.NewDatabaseAsync(),
            swept: false,
            configure: services => services.AddSingleton<ISessionStore>(
                provider => new SlowStore(ActivatorUtilities.CreateInstance<RedisSessionStore>(provider))));
        var session = OutboxRig.Started();
        await rig.StoreAsync(session, queued: true);
        var replies = await Task.WhenAll(Enumerable.Range(0, 50).Select(i => rig.SendAsync(Adding(session.Id, i))));
        replies.ShouldAllBe(reply => reply is CallReply.Added);
        (await rig.LoadAsync(session.Id))!.Participants.Count(p => p.Role == Role.Guest).ShouldBe(50);
    }

    [Fact]
    public async Task A_request_waits_while_the_store_answers_and_goes_ahead_when_the_store_is_silent()
    {
        var queue = new SessionQueue(clock);
        var (first, second) = (queue.Enter(Id), queue.Enter(Id));
        first.IsFirst.ShouldBeTrue();
        second.IsFirst.ShouldBeFalse();
        var waiting = second.WaitAsync(default);
        for (var i = 0; i < 3; i++)
        {
            clock.Advance(Patience / 2);
            first.StoreAnswered();
            clock.Advance(Patience / 2);
            waiting.IsCompleted.ShouldBeFalse();
        }

        clock.Advance(Patience);
        await waiting;
        second.IsFirst.ShouldBeFalse();
    }

    [Fact]
    public async Task A_request_stops_waiting_when_the_request_ahead_leaves()
    {
        var queue = new SessionQueue(clock);
        var (first, second) = (queue.Enter(Id), queue.Enter(Id));
        var waiting = second.WaitAsync(default);
        first.Dispose();
        await waiting;
        second.IsFirst.ShouldBeTrue();
        second.Dispose();
        queue.Enter(Id).IsFirst.ShouldBeTrue();
    }

    [Fact]
    public void A_request_that_went_ahead_leaves_the_next_one_behind_the_requests_that_still_wait()
    {
        var queue = new SessionQueue(clock);
        var (first, second, third) = (queue.Enter(Id), queue.Enter(Id), queue.Enter(Id));
        second.Dispose();
        third.IsFirst.ShouldBeFalse();
        third.Dispose();
        var fourth = queue.Enter(Id);
        fourth.IsFirst.ShouldBeFalse();
        first.Dispose();
        fourth.IsFirst.ShouldBeTrue();
    }

    [Fact]
    public async Task A_cancelled_request_delays_no_other_request()
    {
        var queue = new SessionQueue(clock);
        var first = queue.Enter(Id);
        await Should.ThrowAsync<OperationCanceledException>(() => queue.EnterAsync(Id, new CancellationToken(canceled: true)).AsTask());
        var third = queue.Enter(Id);
        first.Dispose();
        third.IsFirst.ShouldBeTrue();
    }

    private static SessionId Id => SessionId.TryParse("queue", out var id) ? id : throw new InvalidOperationException();

    private static AddPhoneParticipant Adding(SessionId session, int i)
    {
        var participant = string.Create(CultureInfo.InvariantCulture, $"guest-{i}");
        var number = string.Create(CultureInfo.InvariantCulture, $"+15550100{i:d3}");
        return new AddPhoneParticipant(
            session,
            new Asker(null, IsOperator: true),
            ParticipantId.TryParse(participant, out var id) ? id : throw new InvalidOperationException(),
            PhoneNumber.TryParse(number, out var phone) ? new Party.Phone(phone) : throw new InvalidOperationException(),
            null);
    }

    /// <summary>The real store, 15 ms away.</summary>
    private sealed class SlowStore(RedisSessionStore real) : ISessionStore
    {
        private static readonly TimeSpan Distance = TimeSpan.FromMilliseconds(15);

        public async Task<StoredSession> LoadAsync(SessionId id, CancellationToken cancellationToken)
        {
            await Task.Delay(Distance, cancellationToken);
            return await real.LoadAsync(id, cancellationToken);
        }

        public async Task<StoredSession> SaveAsync(StoredSession loaded, Decision decision, CancellationToken cancellationToken)
        {
            await Task.Delay(Distance, cancellationToken);
            return await real.SaveAsync(loaded, decision, cancellationToken);
        }
    }
}
