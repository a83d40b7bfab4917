using Calls.Chaos.Tests.Harness;
using Calls.Sandbox.Twilio;

namespace Calls.Chaos.Tests;

/// <summary>The callers wait, and every callee is rung, whichever way Redis fails over. Each run reports how long the service was without
/// Redis.</summary>
public sealed class Failovers_refuse_no_call
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task The_sentinels_replace_a_primary_that_was_killed()
    {
        RedisServer.MustBeInstalled();
        using var redis = await RedisWithSentinels.StartGuardedAsync();
        await PlayAsync("Sentinel, the primary is killed", redis.ConnectionString, async () =>
        {
            redis.Primary.Kill();
            await redis.PromotedAsync();
        });
    }

    [Fact]
    public async Task The_sentinels_replace_a_primary_that_was_shut_down()
    {
        RedisServer.MustBeInstalled();
        using var redis = await RedisWithSentinels.StartGuardedAsync();
        await PlayAsync("Sentinel, the primary is shut down", redis.ConnectionString, async () =>
        {
            await redis.ShutDownPrimaryAsync();
            await redis.PromotedAsync();
        });
    }

    [Fact]
    public async Task A_cluster_replaces_a_master_that_was_killed()
    {
        using var redis = await RedisCluster.StartAsync();
        var victim = await redis.MasterAsync(redis.Nodes[^1]);
        await PlayAsync("Cluster, a master is killed", redis.ConnectionString, async () =>
        {
            victim.Kill();
            await redis.PromotedAsync();
        });
    }

    [Fact]
    public async Task A_replica_of_a_cluster_is_asked_to_take_over()
    {
        using var redis = await RedisCluster.StartAsync();
        var victim = await redis.MasterAsync(redis.Nodes[^1]);
        await PlayAsync("Cluster, on request", redis.ConnectionString, () => redis.FailOverAsync(victim));
    }

    [Fact]
    public async Task One_server_starts_again()
    {
        using var redis = await RedisServer.StartAsync();
        await PlayAsync("One server, killed and started again", redis.Address, async () =>
        {
            redis.Kill();
            await redis.StartAgainAsync();
        });
    }

    /// <param name="kind">The kind of failover, for the report.</param>
    /// <param name="connection">The connection string.</param>
    /// <param name="failOver">Completes when a server accepts writes again.</param>
    private static async Task PlayAsync(string kind, string connection, Func<Task> failOver)
    {
        await using var deployment = await Deployment.StartAsync(connection);
        var stories = Story.DrawPatient(Sizes.CallsThroughAFailover, Sizes.Seed);
        var load = Load.Start(deployment, stories, Sizes.CallsPerSecond);
        await load.BegunAsync(0.3);
        var began = TimeProvider.System.GetUtcNow();
        await failOver();
        var promoted = TimeProvider.System.GetUtcNow() - began;
        await load.Told;
        var verdict = await Judge.AfterQuietAsync(deployment, stories, Patience);
        var without = deployment.Twilio.Journal.Entries.OfType<WebhookAnswered>().Where(IsWithoutRedis).Select(answer => answer.At - began)
            .Append(TimeSpan.Zero).Max();
        Report.Line($"{kind}: Redis is back after {promoted.TotalSeconds:0.0} s, the last webhook without Redis is after "
            + $"{without.TotalSeconds:0.0} s; {verdict}");
        verdict.NeverRung.ShouldBe(0, deployment.Said());
        verdict.Talked.ShouldBe(stories.Count);
    }

    /// <summary>A caller hears ringback and is asked for again, or a status callback is refused.</summary>
    private static bool IsWithoutRedis(WebhookAnswered answer) =>
        answer.Status == 503 || answer.Body.Contains("<Redirect", StringComparison.Ordinal);
}
