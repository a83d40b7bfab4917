using Calls.Chaos.Tests.Harness;

namespace Calls.Chaos.Tests;

/// <summary>Redis loses every session in the middle of calls of all kinds and stages: docs/adr/0025-a-lost-session-is-built-again.md.
/// </summary>
public sealed class Redis_is_flushed
{
    /// <summary>Two review intervals.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(120);

    [Fact]
    public async Task One_server_is_flushed_in_the_middle_of_many_calls()
    {
        using var redis = await RedisServer.StartAsync();
        await using var deployment = await Deployment.StartAsync(redis.Address);
        await FlushAsync(deployment, "one server", [redis.Port], Sizes.Seed + 8);
    }

    [Fact]
    public async Task A_cluster_is_flushed_in_the_middle_of_many_calls()
    {
        using var redis = await RedisCluster.StartAsync();
        await using var deployment = await Deployment.StartAsync(redis.ConnectionString);
        await FlushAsync(deployment, "a cluster", [.. redis.Nodes.Select(node => node.Port)], Sizes.Seed + 9);
    }

    /// <summary>Three flushes, so that each call can meet one in any of its stages. A replica of a cluster refuses a flush, and gets that
    /// of its master.</summary>
    private static async Task FlushAsync(Deployment deployment, string what, IReadOnlyList<int> ports, int seed)
    {
        var load = Load.Start(deployment, Story.Draw(Sizes.FlushedCalls, seed), Sizes.CallsPerSecond);
        var lost = new List<int>();
        foreach (var share in new[] { 0.3, 0.6, 0.9 })
        {
            var stored = 0;
            await load.BegunAsync(share);
            await Eventually.TrueAsync(async () =>
            {
                stored = (await Task.WhenAll(ports.Select(RedisCli.SessionsAsync))).SelectMany(keys => keys)
                    .Distinct(StringComparer.Ordinal).Count();
                return stored > 0;
            }, "a session is stored", Patience);
            lost.Add(stored);
            foreach (var port in ports)
                await RedisCli.RunAsync(port, "flushall");
        }

        await load.Told;
        var verdict = await Judge.AfterQuietAsync(deployment, load.Stories, Patience);
        Report.Line($"{what} flushed three times, with {string.Join(", ", lost)} sessions: {verdict}");
    }
}
