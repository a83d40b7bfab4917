using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Net;
using StackExchange.Redis;

namespace Calls.Infrastructure.Redis;

/// <summary>Every span, metric and attribute name of the store, spelled once.</summary>
public sealed class RedisTelemetry : IDisposable
{
    /// <summary>The name of the activity source and of the meters.</summary>
    public const string Name = "Calls.Redis";

    private static readonly ActivitySource Source = new(Name);
    private static readonly Meter Commands = new(Name);

    private static readonly Histogram<double> Duration = Commands.CreateHistogram("calls.redis.duration", "s", "Duration of Redis commands, by operation and outcome.",
        advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.8, 1, 2.5] });

    private static readonly Counter<long> Saves = Commands.CreateCounter<long>("calls.session.saves", "{save}", "Saves of sessions, by outcome.");

    private readonly Meter meter;
    private readonly Counter<long> swept;
    private readonly long[] indexed = new long[RedisKeys.Partitions];
    private readonly long[] overdue = new long[RedisKeys.Partitions];

    public RedisTelemetry(IMeterFactory meters, IConnectionMultiplexer redis)
    {
        meter = meters.Create(Name);
        swept = meter.CreateCounter<long>("calls.sweeper.due", "{session}", "Sessions that were due and were taken by a sweeper.");
        meter.CreateObservableGauge("calls.live", () => indexed.Sum(), "{call}", "Calls that go on, or have lines left to end: as the index of deadlines had them within the last round. Every replica sees the same.");
        meter.CreateObservableGauge("calls.sweeper.lag", () => overdue.Max() / 1000d, "s", "How long the oldest session that was due had been waiting for a sweeper, in the last round.");
        meter.CreateObservableGauge("calls.redis.connected", () => redis.IsConnected ? 1 : 0, "1", "Whether this process is connected to Redis.");
    }

    public void Dispose() => meter.Dispose();

    /// <summary>A command that was run before its trace was known.</summary>
    public static void ReadAhead(IConnectionMultiplexer redis, DateTimeOffset began, DateTimeOffset ended, Exception? failure)
    {
        using var span = Start(redis, "HMGET", began);
        if (failure is not null)
            span?.SetTag("error.type", (failure.InnerException ?? failure).GetType().Name).SetStatus(ActivityStatusCode.Error);
        span?.SetEndTime(ended.UtcDateTime);
    }

    internal static Activity? Start(IConnectionMultiplexer redis, string operation, DateTimeOffset began = default)
    {
        var span = Source.StartActivity(ActivityKind.Client, startTime: began, name: operation)?.SetTag("db.system.name", "redis").SetTag("db.operation.name", operation);
        if (span is not { IsAllDataRequested: true } || redis.GetEndPoints(configuredOnly: true) is not [var endpoint, ..])
            return span;
        var (host, port) = endpoint switch
        {
            DnsEndPoint dns => (dns.Host, dns.Port),
            IPEndPoint ip => (ip.Address.ToString(), ip.Port),
            _ => (endpoint.ToString(), 0),
        };
        return span.SetTag("server.address", host).SetTag("server.port", port);
    }

    internal static void Answered(string operation, string outcome, TimeSpan took) => Duration.Record(took.TotalSeconds, new("operation", operation), new("outcome", outcome));

    /// <param name="outcome">written, repeated (this very write had been made before), conflict or unavailable.</param>
    internal static void Saved(string outcome) => Saves.Add(1, new KeyValuePair<string, object?>("outcome", outcome));

    internal void Swept(int partition, int claimed, long sessions, long overdueFor)
    {
        (indexed[partition], overdue[partition]) = (sessions, overdueFor);
        if (claimed > 0)
            swept.Add(claimed);
    }
}
