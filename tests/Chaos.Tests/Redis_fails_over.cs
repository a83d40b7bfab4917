using Calls.Chaos.Tests.Harness;

namespace Calls.Chaos.Tests;

/// <summary>A primary dies for good, and a replica takes over: docs/adr/0007-what-a-failover-can-lose.md.</summary>
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
        var promoted = await Eventually.TrueAsync(async () => await redis.PrimaryPortAsync() == redis.Replica.Port, "the sentinels promote the replica", TimeSpan.FromSeconds(30));
        await load.Told;
        var verdict = await Judge.AfterQuietAsync(deployment, load.Stories, Patience);
        Report.Line($"Sentinel failover: promoted after {promoted.TotalSeconds:0.0} s; {verdict}");
    }

    /// <summary>The replica lags when the primary dies: writes that were acknowledged are gone, of which some had dials behind them.</summary>
    [Fact]
    public async Task Acknowledged_writes_are_lost_because_the_replica_lags_behind_when_the_primary_dies()
    {
        RedisServer.MustBeInstalled();
        using var redis = await RedisWithSentinels.StartAsync();
        await using var deployment = await Deployment.StartAsync(redis.ConnectionString);
        var load = Load.Start(deployment, Story.Draw(Sizes.CallsAroundAFault, Sizes.Seed + 6), Sizes.CallsPerSecond);
        await load.BegunAsync(0.3);
        redis.Replica.Pause();
        var before = await redis.WritesAsync();
        await load.BegunAsync(0.4);
        var lost = await redis.WritesAsync() - before;
        redis.Primary.Kill();
        redis.Replica.Resume();
        await Eventually.TrueAsync(async () => await redis.PrimaryPortAsync() == redis.Replica.Port, "the sentinels promote the replica", TimeSpan.FromSeconds(30));
        await load.Told;
        var verdict = await Judge.AfterQuietAsync(deployment, load.Stories, Patience);
        Report.Line($"Failover to a replica that lagged: {lost} bytes of acknowledged writes lost; {verdict}");
        lost.ShouldBePositive();
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
        await Eventually.TrueAsync(async () => !await RedisCluster.IsWholeAsync(redis.Nodes[^1]), "the others notice", TimeSpan.FromSeconds(20));
        var whole = await Eventually.TrueAsync(() => RedisCluster.IsWholeAsync(redis.Nodes[^1]), "a replica takes over", TimeSpan.FromSeconds(20));
        await load.Told;
        var verdict = await Judge.AfterQuietAsync(deployment, load.Stories, Patience);
        Report.Line($"Cluster failover: whole again {whole.TotalSeconds:0.0} s after the others had noticed; {verdict}");
    }
}
