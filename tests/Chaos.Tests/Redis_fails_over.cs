using Calls.Chaos.Tests.Harness;

namespace Calls.Chaos.Tests;

/// <summary>The primary ends for good, and a replica takes over: docs/adr/0007-what-a-failover-can-lose.md.</summary>
public sealed class Redis_fails_over
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan TwoReviews = TimeSpan.FromSeconds(120);

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
    /// sent, and whole sessions.
    /// </summary>
    [Fact]
    public async Task When_acknowledged_writes_are_lost_no_phone_rings_twice_and_every_call_ends()
    {
        RedisServer.MustBeInstalled();
        using var redis = await RedisWithSentinels.StartAsync();
        await using var deployment = await Deployment.StartAsync(redis.ConnectionString);
        var twilio = deployment.Twilio;
        var load = Load.Start(deployment, Story.Draw(Sizes.CallsAroundAFault, Sizes.Seed + 6), Sizes.CallsPerSecond);
        await load.BegunAsync(0.3);
        await Eventually.TrueAsync(async () => (await RedisCli.SessionsAsync(redis.Replica.Port)).Count > 0,
            "the replica has a session", Patience);
        await redis.StopFollowingAsync();
        var before = await redis.WritesAsync();
        IReadOnlySet<string> stored = new HashSet<string>();
        await Eventually.TrueAsync(async () =>
        {
            stored = await RedisCli.SessionsAsync(redis.Primary.Port);
            return stored.Except(await RedisCli.SessionsAsync(redis.Replica.Port)).Count() >= 10;
        }, "ten sessions are on the primary only", Patience);
        var lost = await redis.WritesAsync() - before;
        redis.Primary.Kill();
        await redis.PromotedAsync();
        var lostWhole = stored.Except(await RedisCli.SessionsAsync(redis.Replica.Port)).Count();
        await load.Told;
        var verdict = await Judge.AfterQuietAsync(deployment, load.Stories, TwoReviews);
        Report.Line($"Failover with loss: {lost} bytes of acknowledged writes lost, {lostWhole} of {stored.Count} sessions lost "
            + $"whole; {verdict}");
        lost.ShouldBePositive();
        lostWhole.ShouldBePositive();
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
