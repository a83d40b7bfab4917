using System.Diagnostics.Metrics;
using Calls.Infrastructure.Outbox;
using StackExchange.Redis;

namespace Calls.Infrastructure.Redis;

/// <summary>Counts the unsettled sessions of the whole store every ten seconds, and how overdue the most overdue one is. All replicas
/// report the same.</summary>
internal sealed class RedisCensus(IConnectionMultiplexer redis, IMeterFactory meters, FailingSessions failing, TimeProvider clock)
    : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(10);

    private readonly Meter meter = meters.Create("Calls.Sessions");
    private long? live;
    private double? lag;

    public override Task StartAsync(CancellationToken cancellationToken)
    {
        // There is no measurement where the count failed: an old number would look like a true one.
        meter.CreateObservableGauge("calls.live", () => Observed(live), "{session}", "Unsettled sessions in the whole store.");
        meter.CreateObservableGauge(
            "calls.sweeper.lag", Lag, "s",
            "How overdue the most overdue session is, by cause: waiting (no sweeper takes it), failing (it fails each time it is due).");
        meter.CreateObservableGauge(
            "calls.redis.connected", () => redis.IsConnected ? 1 : 0, "{connection}", "Whether this replica is connected to Redis.");
        meter.CreateObservableCounter(
            "calls.sessions.unreadable", () => RedisSessionStore.Unreadable, "{session}",
            "Reads of a stored session that this version cannot read.");
        RedisCommands.StartAtZero();
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
        catch (Exception e) when (e is SessionStoreUnavailableException or RedisException)
        {
            (live, lag) = (null, null);
        }
    }

    private async Task<(long Count, double Lag)> CountAsync(int partition)
    {
        var (database, due) = (redis.GetDatabase(), RedisKeys.Due(partition));
        var count = RedisCommands.RunAsync(redis, "ZCARD", () => database.SortedSetLengthAsync(due, flags: CommandFlags.DemandMaster));
        var oldest = RedisCommands.RunAsync(
            redis, "ZRANGE", () => database.SortedSetRangeByRankWithScoresAsync(due, 0, 0, flags: CommandFlags.DemandMaster));
        var (counted, first) = (await count, await oldest);
        return (counted, first is [var most] ? Math.Max(0, clock.GetUtcNow().ToUnixTimeMilliseconds() - most.Score) / 1000 : 0);
    }

    private IEnumerable<Measurement<double>> Lag()
    {
        if (lag is { } waiting)
            yield return new(waiting, new KeyValuePair<string, object?>("cause", "waiting"));
        yield return new(failing.Oldest.TotalSeconds, new KeyValuePair<string, object?>("cause", "failing"));
    }

    private static IEnumerable<Measurement<T>> Observed<T>(T? value)
        where T : struct => value is { } known ? [new Measurement<T>(known)] : [];
}
