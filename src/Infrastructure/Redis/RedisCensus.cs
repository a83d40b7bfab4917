using System.Diagnostics.Metrics;
using Calls.Application.Ports;
using Microsoft.Extensions.Hosting;
using StackExchange.Redis;

namespace Calls.Infrastructure.Redis;

/// <summary>Counts, now and then, the sessions that have not come to rest, and how overdue the oldest of them is: what no replica can know of itself. All replicas say the same.</summary>
internal sealed class RedisCensus(IConnectionMultiplexer redis, IMeterFactory meters, TimeProvider clock) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(10);

    private readonly Meter meter = meters.Create("Calls.Sessions");
    private long? live;
    private double? lag;

    public override Task StartAsync(CancellationToken cancellationToken)
    {
        // Nothing is said of what could not be counted: a number that stands still looks like one that is true.
        meter.CreateObservableGauge("calls.live", () => Observed(live), "{session}", "Sessions that have not come to rest, in all of the store.");
        meter.CreateObservableGauge("calls.sweeper.lag", () => Observed(lag), "s", "How overdue the most overdue session is; 0 where none is.");
        meter.CreateObservableGauge("calls.redis.connected", () => redis.IsConnected ? 1 : 0, "{connection}", "Whether this replica reaches Redis.");
        meter.CreateObservableCounter(
            "calls.sessions.unreadable", () => RedisSessionStore.Unreadable, "{session}",
            "Reads of a stored session that this version cannot read.");
        return base.StartAsync(cancellationToken);
    }

    public override void Dispose()
    {
        meter.Dispose();
        base.Dispose();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Interval, clock);
        try
        {
            do
                await CountAsync();
            while (await timer.WaitForNextTickAsync(stoppingToken));
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The host stops.
        }
    }

    private async Task CountAsync()
    {
        try
        {
            var partitions = await Task.WhenAll(Enumerable.Range(0, RedisKeys.Partitions).Select(CountAsync));
            live = partitions.Sum(partition => partition.Count);
            lag = partitions.Max(partition => partition.Lag);
        }
        catch (SessionStoreUnavailableException)
        {
            (live, lag) = (null, null);
        }
    }

    private async Task<(long Count, double Lag)> CountAsync(int partition)
    {
        var database = redis.GetDatabase();
        var count = database.SortedSetLengthAsync(RedisKeys.Due(partition), flags: CommandFlags.DemandMaster);
        var oldest = database.SortedSetRangeByRankWithScoresAsync(RedisKeys.Due(partition), 0, 0, flags: CommandFlags.DemandMaster);
        var (counted, first) = (await RedisCommands.RunBesideAsync("ZCARD", () => count), await RedisCommands.RunBesideAsync("ZRANGE", () => oldest));
        return (counted, first is [var most] ? Math.Max(0, clock.GetUtcNow().ToUnixTimeMilliseconds() - most.Score) / 1000 : 0);
    }

    private static IEnumerable<Measurement<T>> Observed<T>(T? value)
        where T : struct => value is { } known ? [new Measurement<T>(known)] : [];
}
