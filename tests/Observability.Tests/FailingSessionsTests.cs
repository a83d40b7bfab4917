using Calls.Application.Ports;
using Calls.Application.Reviews;
using Calls.Domain;
using Calls.Infrastructure.Outbox;
using Microsoft.Extensions.Logging.Abstractions;

namespace Calls.Observability.Tests;

/// <summary>A session that fails each time it is due has an age, although each claim moves its deadline forward.</summary>
public sealed class FailingSessionsTests
{
    private readonly Clock clock = new();

    [Fact]
    public void The_age_counts_from_the_first_failure_and_ends_with_a_success()
    {
        var failing = new FailingSessions(clock);
        failing.Failed(Id("s-1"));
        clock.Now += TimeSpan.FromSeconds(12);
        failing.Oldest.ShouldBe(TimeSpan.Zero, "one failure can be an outage");
        failing.Failed(Id("s-1"));
        clock.Now += TimeSpan.FromMinutes(4);
        failing.Oldest.ShouldBe(TimeSpan.FromSeconds(252));
        failing.Worked(Id("s-1"));
        failing.Oldest.ShouldBe(TimeSpan.Zero);
    }

    [Fact]
    public void A_session_that_another_replica_has_looked_at_is_forgotten()
    {
        var failing = new FailingSessions(clock);
        failing.Failed(Id("s-1"));
        failing.Failed(Id("s-1"));
        clock.Now += TimeSpan.FromMinutes(6);
        failing.Oldest.ShouldBe(TimeSpan.Zero);
        failing.Failed(Id("s-1"));
        failing.Oldest.ShouldBe(TimeSpan.Zero, "the age begins again");
    }

    [Fact]
    public async Task The_sweeper_tells_each_failure_of_a_look()
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        var failing = new FailingSessions(TimeProvider.System);
        var policy = new CallPolicy();
        // Without its parts, a look throws an exception each time.
        var reviewer = new SessionReviewer(null!, null!, null!, null!, null!, null!, null!, null!, policy, TimeProvider.System);
        using var sweeper = new Sweeper(
            new AlwaysDue(Id("s-poisoned")), reviewer, new ReviewSlots(4, policy, TimeProvider.System), policy,
            new Heartbeat(TimeProvider.System), failing, TimeProvider.System, NullLogger<Sweeper>.Instance);
        var sweeping = sweeper.SweepForEverAsync(stop.Token);
        while (failing.Oldest == TimeSpan.Zero)
            await Task.Delay(10, stop.Token);
        await stop.CancelAsync();
        await sweeping;
    }

    private static SessionId Id(string text)
    {
        SessionId.TryParse(text, out var id).ShouldBeTrue();
        return id!;
    }

    private sealed class Clock : TimeProvider
    {
        public DateTimeOffset Now { get; set; } = DateTimeOffset.UnixEpoch;

        public override DateTimeOffset GetUtcNow() => Now;
    }

    private sealed class AlwaysDue(SessionId id) : IDueSessions
    {
        public int Partitions => 64;

        public Task<IReadOnlyList<SessionId>> ClaimAsync(int partition, int max, TimeSpan lease, CancellationToken cancellationToken) =>
            Task.FromResult<IReadOnlyList<SessionId>>([id]);

        public Task RescheduleAsync(StoredSession session, CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
