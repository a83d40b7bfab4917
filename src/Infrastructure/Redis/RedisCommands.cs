using System.Diagnostics.Metrics;
using System.Net;
using StackExchange.Redis;

namespace Calls.Infrastructure.Redis;

/// <summary>Every request to Redis goes through here: a client span and a measurement by OpenTelemetry's database conventions
/// (opentelemetry.io/docs/specs/semconv/database), and one exception if Redis is away.</summary>
/// <remarks>A span has no key, no argument and no script, because keys hold session ids. A request outside of any trace, such as a sweep,
/// has no span.</remarks>
internal static class RedisCommands
{
    /// <summary>The name of the activity source and of the meter.</summary>
    public const string Name = "Calls.Redis";

    private static readonly ActivitySource Source = new(Name);
    private static readonly Meter Meter = new(Name);

    private static readonly double[] Seconds = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2];

    private static readonly Histogram<double> Duration = Meter.CreateHistogram(
        "db.client.operation.duration",
        "s",
        "Duration of requests to Redis, by operation and error.",
        advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = Seconds });

    private static readonly Counter<long> Saves = Meter.CreateCounter<long>(
        "calls.session.saves", "{save}",
        "Saves of sessions: written, repeated (an earlier write had no answer), conflict, replayed, unavailable.");

    private static readonly Counter<long> Due = Meter.CreateCounter<long>(
        "calls.sweeper.due", "{session}", "Due sessions that the sweeper of this replica claimed.");

    /// <summary>The client library's own time-out is shorter. This one is for a command whose reply the library has lost, because the
    /// other requests about that session wait for this one.</summary>
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(3);

    /// <summary>The clock of <see cref="Longest"/>. The simulation replaces it, because its Redis answers each command in virtual
    /// time.</summary>
    internal static TimeProvider Clock { get; set; } = TimeProvider.System;

    /// <summary>Runs one operation.</summary>
    /// <exception cref="SessionStoreUnavailableException">Redis did not answer, or answered that it cannot serve now.</exception>
    public static async Task<T> RunAsync<T>(IConnectionMultiplexer redis, string operation, Func<Task<T>> command)
    {
        using var span = Activity.Current is null ? null : Source.StartActivity(operation, ActivityKind.Client);
        var began = TimeProvider.System.GetTimestamp();
        var tags = new TagList { { "db.system.name", "redis" }, { "db.operation.name", operation } };
        try
        {
            return await command().WaitAsync(Longest, Clock);
        }
        catch (Exception e) when (IsUnavailable(e))
        {
            var cause = e is RedisServerException refusal ? RedisRefusal.CodeOf(refusal.Message) : e.GetType().Name;
            tags.Add("error.type", cause);
            span?.SetStatus(ActivityStatusCode.Error);
            throw new SessionStoreUnavailableException($"Redis did not serve {operation}: {cause}", e);
        }
        finally
        {
            Duration.Record(TimeProvider.System.GetElapsedTime(began).TotalSeconds, tags);
            if (span is not null)
                Describe(span, redis, tags);
        }
    }

    /// <summary>An increase is seen only of a series that exists before it (docs/telemetry.md).</summary>
    public static void StartAtZero()
    {
        foreach (var outcome in new[] { "written", "repeated", "conflict", "replayed", "unavailable" })
            Saves.Add(0, new KeyValuePair<string, object?>("outcome", outcome));
        Due.Add(0);
    }

    public static void Saved(string outcome) => Saves.Add(1, new KeyValuePair<string, object?>("outcome", outcome));

    public static void Claimed(int sessions) => Due.Add(sessions);

    /// <summary>The address is the first configured one, also with Sentinel and Cluster.</summary>
    private static void Describe(Activity span, IConnectionMultiplexer redis, TagList tags)
    {
        foreach (var (name, value) in tags)
            span.SetTag(name, value);
        var (host, port) = redis.GetEndPoints() switch
        {
            [DnsEndPoint dns, ..] => (dns.Host, (int?)dns.Port),
            [IPEndPoint ip, ..] => (ip.Address.ToString(), ip.Port),
            _ => (null, null),
        };
        span.SetTag("server.address", host).SetTag("server.port", port);
    }

    /// <summary>A time-out, a lost connection, or a refusal of Redis. A refusal that shows a defect of the service is thrown
    /// unchanged.</summary>
    private static bool IsUnavailable(Exception e) =>
        e is RedisConnectionException or RedisTimeoutException or TimeoutException or ObjectDisposedException
        || (e is RedisServerException server && !RedisRefusal.IsDefect(server.Message));
}
