using Calls.Domain;
using Calls.Simulation.Faults;
using Calls.Simulation.World;

namespace Calls.Simulation;

/// <summary>Each run has thousands of calls. For more: <c>dotnet run --project tests/Simulation -c Release -- --seeds 10000</c>.</summary>
public sealed class SimulationTests(ITestOutputHelper output)
{
    [Fact]
    public void Thousands_of_calls_under_every_fault_keep_every_guarantee()
    {
        var summary = Simulator.Run(1, 350, Bug.None, stopAfter: 5, progress: null, TestContext.Current.CancellationToken);
        output.WriteLine(
            $"{summary.Calls:N0} calls in {summary.Worlds} worlds, {summary.Events:N0} events, {summary.Virtual.TotalHours:N1} virtual "
            + $"hours");
        summary.Failed.Select(verdict => $"seed {verdict.Seed}: {verdict.Violations[0].What}").ShouldBeEmpty();
        summary.Calls.ShouldBeGreaterThan(2_500);
        Tally.All.Where(fault => summary.Faults.Counts.GetValueOrDefault(fault) == 0)
            .ShouldBeEmpty("a fault that is never done proves nothing");
    }

    /// <summary>Ten candidates are rung, and three of them answer within 50 ms, on two replicas. A fifth of the status callbacks is lost,
    /// and replicas are killed.</summary>
    [Fact]
    public void One_of_ten_candidates_gets_the_call_a_thousand_times()
    {
        var summary = Simulator.Run(
            1, 90, Bug.None, stopAfter: 5, progress: null, TestContext.Current.CancellationToken, isCrossing: true);
        output.WriteLine($"{summary.Calls:N0} calls with ten candidates each, "
            + $"{summary.Faults.Counts.GetValueOrDefault(Tally.Elsewhere):N0} answers crossed, "
            + $"{summary.Faults.Counts.GetValueOrDefault(Tally.Killed):N0} replicas were killed");
        summary.Failed.Select(verdict => $"seed {verdict.Seed}: {verdict.Violations[0].What}").ShouldBeEmpty();
        summary.Calls.ShouldBeGreaterThanOrEqualTo(1_000);
        summary.Faults.Counts.GetValueOrDefault(Tally.OneOfMany).ShouldBe(summary.Calls);
        summary.Faults.Counts.GetValueOrDefault(Tally.Elsewhere).ShouldBeGreaterThan(summary.Calls / 4);
    }

    [Fact]
    public void The_judge_can_find_a_callee_who_is_given_up_in_the_queue() =>
        new CallPolicy().QueueTimeout.ShouldBeGreaterThan(Judge.QueueMargin, "otherwise no wait is too short");

    [Theory]
    [InlineData(3)]
    [InlineData(8)]
    [InlineData(21)]
    [InlineData(34)]
    public void A_seed_says_everything(int seed)
    {
        var (first, again) = (Run(seed), Run(seed));
        first.Events.ShouldBeGreaterThan(200);
        again.ShouldBe(first);
        Run(seed + 1).ShouldNotBe(first);

        static (ulong, long Events) Run(int seed)
        {
            using var world = new CallsWorld(seed, Bug.None);
            world.Run();
            return (Timeline.Fingerprint(world), world.Cloud.Journal.Last);
        }
    }

    /// <summary>Two callees wait in Twilio's queue when the store forgets their calls (4676, 5309). The answer to a dial is lost, and the
    /// clock of the replica is two seconds ahead (5056). A guest rings for a conference that is over (2823, 5454). The
    /// clock of one replica is behind when a person is added again (7624).</summary>
    [Theory]
    [InlineData(2823)]
    [InlineData(4676)]
    [InlineData(5056)]
    [InlineData(5309)]
    [InlineData(5454)]
    [InlineData(7624)]
    public void A_seed_that_went_wrong_is_right_now(int seed) => Simulator.One(seed, Bug.None).Violations.ShouldBeEmpty();

    [Theory]
    [InlineData(Bug.EffectNotStored, 2_000)]
    [InlineData(Bug.NoSecondSidCheck, 2_000)]
    [InlineData(Bug.JoinAfterLeaveCounted, 2_000)]
    [InlineData(Bug.BlindRetryOfCreate, 2_000)]
    [InlineData(Bug.SweepWithoutLease, 2_000)]
    [InlineData(Bug.PlacedLegForgotten, 2_000)]
    [InlineData(Bug.FlagsFromWebhooksAlone, 8_000)]
    [InlineData(Bug.QueueCountsAsRinging, 2_000)]
    [InlineData(Bug.MachineCounted, 2_000)]
    [InlineData(Bug.HoldIgnored, 3_000)]
    [InlineData(Bug.NoTone, 2_000)]
    [InlineData(Bug.EarlierLegCounted, 3_000)]
    [InlineData(Bug.RingbackGoesOn, 3_000)]
    [InlineData(Bug.BlindRing, 2_000)]
    [InlineData(Bug.AddedTwice, 3_000)]
    [InlineData(Bug.TwoWinners, 3_000)]
    public void A_mistake_in_the_service_is_found(Bug bug, int mostCalls)
    {
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        var summary = Simulator.Run(1, 1_000, bug, stopAfter: 1, now =>
        {
            if (now.Calls > mostCalls)
                enough.Cancel();
        }, enough.Token);
        summary.Failed.ShouldHaveSingleItem($"{bug} is found in {mostCalls:N0} calls");
        output.WriteLine(
            $"{bug}: found after {summary.Calls:N0} calls, seed {summary.Failed[0].Seed}: {summary.Failed[0].Violations[0].What}");
        Simulator.One(summary.Failed[0].Seed, bug).Violations.ShouldBe(summary.Failed[0].Violations, "a failing seed replays exactly");
        Simulator.One(summary.Failed[0].Seed, Bug.None).Violations.ShouldBeEmpty("without the mistake nothing goes wrong");
    }
}
