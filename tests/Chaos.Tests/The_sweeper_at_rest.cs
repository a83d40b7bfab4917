using System.Globalization;
using Calls.Chaos.Tests.Harness;
using StackExchange.Redis;

namespace Calls.Chaos.Tests;

/// <summary>
/// This is a measurement and not a test: <c>dotnet run --project tests/Chaos.Tests -- -explicit only</c>. The figures are in
/// docs/sweeper-at-rest.md.
/// </summary>
public sealed class The_sweeper_at_rest
{
    private const int Sessions = 100_000;
    private const int Partitions = 64;
    private static readonly TimeSpan For = TimeSpan.FromSeconds(20);

    [Fact(Explicit = true)]
    public async Task A_hundred_thousand_live_sessions_of_which_none_is_due()
    {
        using var redis = await RedisServer.StartAsync();
        await using (var multiplexer = await ConnectionMultiplexer.ConnectAsync(redis.Address + ",allowAdmin=true"))
            await FillAsync(multiplexer.GetDatabase());
        foreach (var replicas in new[] { 1, 3 })
        {
            await using var deployment = await Deployment.StartAsync(redis.Address, replicas: replicas);
            await Task.Delay(TimeSpan.FromSeconds(10));
            var (commands, cpu, redisCpu) = (await InfoAsync(redis, "stats", "total_commands_processed"),
                deployment.Replicas.Sum(r => r.ProcessorTime.TotalSeconds), await RedisCpuAsync(redis));
            await Task.Delay(For);
            commands = (await InfoAsync(redis, "stats", "total_commands_processed") - commands) / For.TotalSeconds;
            cpu = (deployment.Replicas.Sum(r => r.ProcessorTime.TotalSeconds) - cpu) / replicas / For.TotalSeconds;
            redisCpu = (await RedisCpuAsync(redis) - redisCpu) / For.TotalSeconds;
            var memory = await InfoAsync(redis, "memory", "used_memory") / 1e6;
            Report.Line(string.Create(CultureInfo.InvariantCulture,
                $"{Sessions} live sessions at rest, {replicas} replicas: {commands:0} Redis commands/s in all (scripts and the commands "
                    + $"in them), {cpu:0.0%} of a core for each replica, {redisCpu:0.0%} for Redis, which holds {memory:0} MB"));
        }
    }

    /// <summary>
    /// Sessions of a usual size whose next deadline is an hour away. They are never read: the sweeper reads only the deadlines.
    /// </summary>
    private static async Task FillAsync(IDatabase database)
    {
        var later = TimeProvider.System.GetUtcNow().AddHours(1).ToUnixTimeMilliseconds();
        var data = new string('x', 900);
        foreach (var chunk in Enumerable.Range(0, Sessions).Chunk(2_000))
            await Task.WhenAll(chunk.SelectMany(n =>
            {
                var (partition, id) = (n % Partitions, string.Create(CultureInfo.InvariantCulture, $"rest-{n}"));
                return new Task[]
                {
                    database.HashSetAsync($"calls:{{{partition}}}:session:{id}",
                        [new("data", data), new("ver", 9), new("etag", Guid.NewGuid().ToString("n")),
                        new("wid", Guid.NewGuid().ToString("n"))]),
                    database.SortedSetAddAsync($"calls:{{{partition}}}:due", id, later + n),
                };
            }));
    }

    private static async Task<double> RedisCpuAsync(RedisServer redis) =>
        await InfoAsync(redis, "cpu", "used_cpu_user") + await InfoAsync(redis, "cpu", "used_cpu_sys");

    private static async Task<double> InfoAsync(RedisServer redis, string section, string field) => double.Parse(
        (await RedisCli.RunAsync(redis.Port, "info", section)).Split('\n')
            .Single(line => line.StartsWith(field + ":", StringComparison.Ordinal)).Split(':')[1], CultureInfo.InvariantCulture);
}
