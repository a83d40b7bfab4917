using Calls.Chaos.Tests.Harness;
using Calls.Sandbox.Twilio;

namespace Calls.Chaos.Tests;

/// <summary>The primary ends for good, and a replica takes over: docs/adr/0007-what-a-failover-can-lose.md.</summary>
public sealed class Redis_fails_over
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task Sentinels_promote_the_replica_under_load()
    {
        RedisServer.MustBeInstalled();
        using var redis = await RedisWithSentinels.StartAsync();
        await using var deployment = await Deployment.StartAsync(redis.ConnectionString);
        var load = Load.Start(deployment, Story.Draw(Sizes.CallsAroundAFault, Sizes.Seed + 2), Sizes.CallsPerSecond);
        await load.BegunAsync(0.3);
        redis.Primary.Kill();
        var promoted = await redis.PromotedAsync();
        await load.Told;
        var verdict = await Judge.AfterQuietAsync(deployment, load.Stories, Patience);
        Report.Line($"Sentinel failover: promoted after {promoted.TotalSeconds:0.0} s; {verdict}");
    }

    /// <summary>
    /// The replica has stopped following before the primary ends. The writes since then are lost, among them claims of dials that were
    /// sent.
    /// </summary>
    [Fact]
    public async Task When_acknowledged_writes_are_lost_no_phone_rings_twice_and_only_people_of_lost_sessions_must_hang_up()
    {
        RedisServer.MustBeInstalled();
        using var redis = await RedisWithSentinels.StartAsync();
        await using var deployment = await Deployment.StartAsync(redis.ConnectionString);
        var twilio = deployment.Twilio;
        var load = Load.Start(deployment, Story.Draw(Sizes.CallsAroundAFault, Sizes.Seed + 6), Sizes.CallsPerSecond);
        await load.BegunAsync(0.3);
        await redis.StopFollowingAsync();
        var before = await redis.WritesAsync();
        await load.BegunAsync(0.4);
        var lost = await redis.WritesAsync() - before;
        redis.Primary.Kill();
        await redis.PromotedAsync();
        await load.Told;
        var waiting = await WaitingAsync(twilio, load.Stories);
        var known = await RedisCli.RunAsync(redis.Replica.Port, "keys", "calls:*:session:*");
        waiting.Where(story => known.Split('\n').Any(key => key.TrimEnd().EndsWith(":session:" + story.Session, StringComparison.Ordinal)))
            .Select(story => story.Session).ShouldBeEmpty("a call that the store knows is the service's to end");
        await twilio.AskAsync(cloud =>
        {
            foreach (var leg in cloud.LiveLegs().Where(leg => !leg.Ended))
                cloud.HangUp(leg);
            return true;
        });
        var verdict = await Judge.AfterQuietAsync(deployment, load.Stories, Patience);
        var gone = load.Stories.Count - known.Split('\n').Count(key => key.Contains("session:story-", StringComparison.Ordinal));
        Report.Line($"Failover with loss: {lost} bytes of acknowledged writes lost, {gone} sessions lost completely, "
            + $"{waiting.Count} of them with a person still on the line; {verdict}");
        lost.ShouldBePositive();
    }

    /// <summary>The stories with a live leg after the time in which the service ends all legs that it knows.</summary>
    private static async Task<IReadOnlyList<Story>> WaitingAsync(TwilioEmulator twilio, IReadOnlyList<Story> stories)
    {
        try
        {
            await twilio.WaitUntilAsync(cloud => !cloud.LiveLegs().Any(), "every leg has ended", TimeSpan.FromSeconds(10));
        }
        catch (TimeoutException)
        {
            // Some legs are left. The test checks which legs may be left.
        }

        return await twilio.AskAsync<Story[]>(
            cloud => [.. stories.Where(story => cloud.LiveLegs().Any(leg => story.Phones.Contains(leg.Phone.Address)))]);
    }

    [Fact]
    public async Task One_of_three_masters_of_a_cluster_fails_over_under_load()
    {
        using var redis = await RedisCluster.StartAsync();
        await using var deployment = await Deployment.StartAsync(redis.ConnectionString);
        var load = Load.Start(deployment, Story.Draw(Sizes.CallsAroundAFault, Sizes.Seed + 3), Sizes.CallsPerSecond);
        await load.BegunAsync(0.3);
        var victim = await redis.MasterAsync(redis.Nodes[^1]);
        victim.Kill();
        var whole = await redis.PromotedAsync();
        await load.Told;
        var verdict = await Judge.AfterQuietAsync(deployment, load.Stories, Patience);
        Report.Line($"Cluster failover: whole again {whole.TotalSeconds:0.0} s after the others had noticed; {verdict}");
    }
}
