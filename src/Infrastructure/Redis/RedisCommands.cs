using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Net;
using System.Runtime.CompilerServices;
using Calls.Application;
using Calls.Application.Ports;
using StackExchange.Redis;

namespace Calls.Infrastructure.Redis;

/// <summary>Every command goes through here: a client span by OpenTelemetry's database conventions, its duration, and one exception for a Redis that is away.</summary>
/// <remarks>No key, no argument and no script text is in a span; keys hold session ids. What nobody asked for, such as a sweeper's round, makes no span of its own.</remarks>
internal static class RedisCommands
{
    /// <summary>The name of the activity source and of the meter.</summary>
    public const string Name = "Calls.Redis";

    private static readonly ActivitySource Source = new(Name);
    private static readonly Meter Meter = new(Name);

    private static readonly Histogram<double> Duration = Meter.CreateHistogram("calls.redis.duration", "s", "Duration of operations in Redis, by operation and outcome.",
        advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2] });

    private static readonly TallyCounter Saves = new(Meter, "calls.session.saves", "{save}", "Saves of sessions: written, repeated (written before, and not acknowledged), conflict, unavailable.", "outcome");

    private static readonly Counter<long> Due = Meter.CreateCounter<long>("calls.sweeper.due", "{session}", "Sessions that were due, and were taken by this replica's sweeper.");

    private static readonly ConditionalWeakTable<IConnectionMultiplexer, Server> Servers = [];

    /// <exception cref="SessionStoreUnavailableException">No answer, or none that says that the command was run.</exception>
    public static async Task<T> RunAsync<T>(IConnectionMultiplexer redis, string name, Func<Task<T>> command)
    {
        var operation = new RedisOperation(redis, name);
        try
        {
            return await command();
        }
        catch (Exception e) when (operation.IsAway(e))
        {
            throw operation.Unavailable();
        }
        finally
        {
            operation.End();
        }
    }

    /// <summary>A command that is sent with another one's round trip, and waited for together with it: no span.</summary>
    /// <exception cref="SessionStoreUnavailableException">No answer, or none that says that the command was run.</exception>
    public static async Task<T> RunBesideAsync<T>(string name, Func<Task<T>> command)
    {
        try
        {
            return await command();
        }
        catch (Exception e) when (IsUnavailable(e))
        {
            throw Unavailable(name, e);
        }
    }

    public static void Saved(string outcome) => Saves.Add(outcome);

    public static void Claimed(int sessions)
    {
        if (sessions > 0)
            Due.Add(sessions);
    }

    internal static Activity? Begin(string name) => Activity.Current is null ? null : Source.StartActivity(name, ActivityKind.Client);

    internal static void End(Activity? span, DeferredSpans? deferred, IConnectionMultiplexer redis, string name, TimeSpan took, Exception? failure)
    {
        Describe(span, redis, name, failure);
        Duration.Record(took.TotalSeconds, new("operation", name), new("outcome", failure is null ? "ok" : "unavailable"));
        deferred?.Add(() => Afterwards(redis, name, took, failure));
        span?.Dispose();
    }

    private static void Afterwards(IConnectionMultiplexer redis, string name, TimeSpan took, Exception? failure)
    {
        var now = TimeProvider.System.GetUtcNow();
        using var span = Activity.Current is { } parent ? Source.StartActivity(name, ActivityKind.Client, parent.Context, startTime: now - took) : null;
        Describe(span, redis, name, failure);
        span?.SetEndTime(now.UtcDateTime);
    }

    private static void Describe(Activity? span, IConnectionMultiplexer redis, string name, Exception? failure)
    {
        if (span is null)
            return;
        var server = Servers.GetValue(redis, static redis => Server.Of(redis.GetEndPoints()));
        span.AddTag("db.system.name", "redis").AddTag("db.operation.name", name).AddTag("server.address", server.Address).AddTag("server.port", server.Port);
        if (failure is not null)
            span.SetTag("error.type", failure.GetType().Name).SetStatus(ActivityStatusCode.Error);
    }

    internal static SessionStoreUnavailableException Unavailable(string name, Exception failure) => new($"Redis did not answer {name}: {failure.GetType().Name}", failure);

    /// <summary>A time-out, a lost connection, or a server that says that it cannot serve now. What it refuses for good is a defect, and is thrown as it is.</summary>
    internal static bool IsUnavailable(Exception e) => e is RedisConnectionException or RedisTimeoutException or TimeoutException or ObjectDisposedException
        || (e is RedisServerException server && Passing.Any(prefix => server.Message.StartsWith(prefix, StringComparison.Ordinal)));

    private static readonly string[] Passing = ["READONLY", "LOADING", "CLUSTERDOWN", "MASTERDOWN", "TRYAGAIN", "MOVED", "NOREPLICAS", "BUSY", "OOM", "No connection"];

    /// <summary>Where Redis is: of Sentinel and Cluster, the first address that was configured.</summary>
    private sealed record Server(string? Address, object? Port)
    {
        public static Server Of(EndPoint[] endPoints) => endPoints switch
        {
            [DnsEndPoint dns, ..] => new(dns.Host, dns.Port),
            [IPEndPoint ip, ..] => new(ip.Address.ToString(), ip.Port),
            _ => new(null, null),
        };
    }
}

/// <summary>One operation that is under way: its span, and its duration. For whoever awaits it where they are, which spares a save an asynchronous layer.</summary>
internal struct RedisOperation(IConnectionMultiplexer redis, string name)
{
    private readonly DeferredSpans? deferred = DeferredSpans.Current;
    private readonly Activity? span = RedisCommands.Begin(name);
    private readonly long began = TimeProvider.System.GetTimestamp();
    private Exception? failure;

    /// <summary>Whether it failed because Redis is away; noted, if so.</summary>
    public bool IsAway(Exception e)
    {
        if (!RedisCommands.IsUnavailable(e))
            return false;
        failure = e;
        return true;
    }

    /// <summary>What whoever asked is told.</summary>
    public readonly SessionStoreUnavailableException Unavailable() =>
        RedisCommands.Unavailable(name, failure!);

    public readonly void End() => RedisCommands.End(span, deferred, redis, name, TimeProvider.System.GetElapsedTime(began), failure);
}
