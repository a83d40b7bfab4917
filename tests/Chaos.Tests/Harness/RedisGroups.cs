using System.Diagnostics;
using System.Globalization;

namespace Calls.Chaos.Tests.Harness;

/// <summary>A primary, one or two replicas, and three sentinels that watch them.</summary>
internal sealed class RedisWithSentinels : IDisposable
{
    private const string Name = "calls";

    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("calls-chaos-sentinels-");
    private readonly List<(int Port, OwnProcess Process)> sentinels = [];

    private RedisWithSentinels(RedisServer primary, IReadOnlyList<RedisServer> replicas) => (Primary, Replicas) = (primary, replicas);

    public RedisServer Primary { get; }

    public IReadOnlyList<RedisServer> Replicas { get; }

    /// <summary>The one replica.</summary>
    public RedisServer Replica => Replicas.Single();

    public string ConnectionString =>
        string.Join(',', sentinels.Select(sentinel => "127.0.0.1:" + Ports.Text(sentinel.Port))) + ",serviceName=" + Name;

    /// <summary>Two servers, as small installations have them: a failover can lose acknowledged writes.</summary>
    public static Task<RedisWithSentinels> StartAsync() => StartAsync(1);

    /// <summary>Three servers with the settings of docs/runbook.md: a primary without a replica refuses writes.</summary>
    public static Task<RedisWithSentinels> StartGuardedAsync() =>
        StartAsync(2, "--min-replicas-to-write", "1", "--min-replicas-max-lag", "2");

    private static async Task<RedisWithSentinels> StartAsync(int replicas, params string[] settings)
    {
        var primary = await RedisServer.StartAsync(settings);
        var followers = await Task.WhenAll(Enumerable.Range(0, replicas).Select(_ =>
            RedisServer.StartAsync(["--replicaof", "127.0.0.1 " + Ports.Text(primary.Port), .. settings])));
        var group = new RedisWithSentinels(primary, followers);
        foreach (var follower in followers)
            await Eventually.TrueAsync(async () => (await RedisCli.RunAsync(follower.Port, "info", "replication"))
                .Contains("master_link_status:up", StringComparison.Ordinal), "the replica follows", TimeSpan.FromSeconds(20));
        for (var i = 0; i < 3; i++)
            await group.AddSentinelAsync();
        await Eventually.TrueAsync(async () => await group.KnowEachOtherAsync(), "the sentinels know each other and the replica",
            TimeSpan.FromSeconds(20));
        return group;
    }

    /// <summary>The address of the primary, as the sentinels report it.</summary>
    private async Task<int> PrimaryPortAsync()
    {
        var answer = await RedisCli.RunAsync(sentinels[0].Port, "sentinel", "get-master-addr-by-name", Name);
        return int.Parse(answer.Split('\n')[1], CultureInfo.InvariantCulture);
    }

    /// <summary>Waits until the sentinels have promoted a replica, and it accepts writes.</summary>
    /// <returns>The time until then.</returns>
    public Task<TimeSpan> PromotedAsync() => Eventually.TrueAsync(
        async () => await PrimaryPortAsync() is var port && port != Primary.Port
            && (await RedisCli.RunAsync(port, "set", "probe", "1")).StartsWith("OK", StringComparison.Ordinal),
        "the sentinels promote a replica", TimeSpan.FromSeconds(30));

    /// <summary>The primary ends as before a maintenance: it writes no more, waits until a replica has everything, and exits.</summary>
    public Task ShutDownPrimaryAsync() => RedisCli.RunAsync(Primary.Port, "shutdown");

    /// <summary>
    /// The replica stops following the primary and keeps its data. (A stopped process would still read the data in its socket.)
    /// </summary>
    public Task StopFollowingAsync() => RedisCli.RunAsync(Replica.Port, "replicaof", "127.0.0.1", "1");

    /// <summary>The replication offset of the primary in bytes.</summary>
    public async Task<long> WritesAsync()
    {
        var line = (await RedisCli.RunAsync(Primary.Port, "info", "replication")).Split('\n')
            .Single(line => line.StartsWith("master_repl_offset:", StringComparison.Ordinal));
        return long.Parse(line.Split(':')[1], CultureInfo.InvariantCulture);
    }

    public void Dispose()
    {
        foreach (var (_, process) in sentinels)
            process.Dispose();
        foreach (var replica in Replicas)
            replica.Dispose();
        Primary.Dispose();
        folder.Delete(recursive: true);
    }

    private async Task AddSentinelAsync()
    {
        var port = Ports.Free();
        var file = Path.Combine(folder.FullName, Ports.Text(port) + ".conf");
        await File.WriteAllTextAsync(file, string.Create(CultureInfo.InvariantCulture, $"""
            port {port}
            bind 127.0.0.1
            dir {folder.FullName}
            sentinel monitor {Name} 127.0.0.1 {Primary.Port} 2
            sentinel down-after-milliseconds {Name} 1000
            sentinel failover-timeout {Name} 5000

            """));
        sentinels.Add((port, await OwnProcess.StartAsync("redis-server", [file, "--sentinel"], "+monitor master")));
    }

    private async Task<bool> KnowEachOtherAsync()
    {
        foreach (var (port, _) in sentinels)
        {
            var info = await RedisCli.RunAsync(port, "info", "sentinel");
            if (!info.Contains("slaves=" + Ports.Text(Replicas.Count) + ",sentinels=3", StringComparison.Ordinal))
                return false;
        }

        return true;
    }
}

/// <summary>Three masters that share the slots, each with a replica.</summary>
internal sealed class RedisCluster : IDisposable
{
    private const int Masters = 3;

    private readonly List<RedisServer> nodes = [];

    private RedisCluster()
    {
    }

    public IReadOnlyList<RedisServer> Nodes => nodes;

    public string ConnectionString => string.Join(',', nodes.Select(node => node.Address));

    public static async Task<RedisCluster> StartAsync()
    {
        RedisServer.MustBeInstalled();
        var cluster = new RedisCluster();
        for (var i = 0; i < 2 * Masters; i++)
            cluster.nodes.Add(
                await RedisServer.StartAsync("--cluster-enabled", "yes", "--cluster-node-timeout", "1000",
                "--cluster-replica-validity-factor", "0"));
        await RedisCli.RunAsync(null,
            ["--cluster", "create", .. cluster.nodes.Select(node => node.Address), "--cluster-replicas", "1", "--cluster-yes"]);
        await Eventually.TrueAsync(async () =>
        {
            foreach (var node in cluster.nodes)
                if (!await IsReadyAsync(node))
                    return false;
            return true;
        }, "all nodes agree on the cluster, and every replica has its master's data", TimeSpan.FromSeconds(30));
        return cluster;
    }

    /// <summary>A node that serves slots, as <paramref name="asked"/> reports it.</summary>
    public async Task<RedisServer> MasterAsync(RedisServer asked)
    {
        var line = (await RedisCli.RunAsync(asked.Port, "cluster", "nodes")).Split('\n')
            .First(line => line.Contains("master", StringComparison.Ordinal) && !line.Contains("fail", StringComparison.Ordinal)
                && !line.Contains("myself", StringComparison.Ordinal));
        return nodes.Single(node => line.Contains(node.Address + "@", StringComparison.Ordinal));
    }

    /// <summary>The replica of a master takes over although the master is well, as before a maintenance. Waits until the replica is the
    /// master.</summary>
    public async Task FailOverAsync(RedisServer master)
    {
        var lines = (await RedisCli.RunAsync(master.Port, "cluster", "nodes")).Split('\n');
        var id = lines.Single(line => line.Contains("myself", StringComparison.Ordinal)).Split(' ')[0];
        var line = lines.Single(line => line.Contains("slave " + id, StringComparison.Ordinal));
        var follower = nodes.Single(node => line.Contains(node.Address + "@", StringComparison.Ordinal));
        (await RedisCli.RunAsync(follower.Port, "cluster", "failover")).Trim().ShouldBe("OK");
        await Eventually.TrueAsync(async () => (await RedisCli.RunAsync(follower.Port, "info", "replication"))
            .Contains("role:master", StringComparison.Ordinal), "the replica takes over", TimeSpan.FromSeconds(20));
    }

    /// <summary>Waits until the others have noticed that a master was killed, and a replica has taken over.</summary>
    /// <returns>The time from the notice until then.</returns>
    public async Task<TimeSpan> PromotedAsync()
    {
        await Eventually.TrueAsync(async () => !await IsWholeAsync(nodes[^1]), "the others notice", TimeSpan.FromSeconds(60));
        return await Eventually.TrueAsync(() => IsWholeAsync(nodes[^1]), "a replica takes over", TimeSpan.FromSeconds(60));
    }

    /// <summary>Whether every slot is served, as <paramref name="asked"/> reports it.</summary>
    private static async Task<bool> IsWholeAsync(RedisServer asked) =>
        (await RedisCli.RunAsync(asked.Port, "cluster", "info")).Contains("cluster_state:ok", StringComparison.Ordinal);

    /// <summary>A replica without its master's data cannot take over.</summary>
    private static async Task<bool> IsReadyAsync(RedisServer node)
    {
        var replication = await RedisCli.RunAsync(node.Port, "info", "replication");
        return await IsWholeAsync(node)
            && (await RedisCli.RunAsync(node.Port, "cluster", "nodes")).Split('\n')
                .Count(line => line.Contains("slave", StringComparison.Ordinal)) == Masters
            && (replication.Contains("role:slave", StringComparison.Ordinal)
                ? replication.Contains("master_link_status:up", StringComparison.Ordinal)
                : replication.Contains("connected_slaves:1", StringComparison.Ordinal)
                    && replication.Contains("state=online", StringComparison.Ordinal));
    }

    public void Dispose()
    {
        foreach (var node in nodes)
            node.Dispose();
    }
}

/// <summary>redis-cli, for commands that a client library hides.</summary>
internal static class RedisCli
{
    public static async Task<string> RunAsync(int? port, params string[] arguments)
    {
        string[] all = port is { } at ? ["-p", Ports.Text(at), .. arguments] : arguments;
        var start = new ProcessStartInfo("redis-cli", all)
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var cli = Process.Start(start)!;
        var said = await cli.StandardOutput.ReadToEndAsync();
        await cli.WaitForExitAsync();
        return said;
    }

    /// <summary>The keys of the sessions that a server has.</summary>
    public static async Task<IReadOnlySet<string>> SessionsAsync(int port) =>
        (await RunAsync(port, "--scan", "--pattern", "calls:*:session:*")).Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .ToHashSet(StringComparer.Ordinal);
}
