using System.Diagnostics;
using Calls.Application.Ports;
using StackExchange.Redis;

namespace Calls.Infrastructure.Redis;

/// <summary>Every command goes through here: a client span by OpenTelemetry's database conventions, a duration, and one exception for a Redis that is away.</summary>
/// <remarks>No key, no argument and no script text is in a span; keys hold session ids. A command that belongs to no trace begins none: the sweeper asks all day.</remarks>
internal static class RedisCommands
{
    /// <exception cref="SessionStoreUnavailableException">No answer, or none that says that the command was run.</exception>
    public static async Task<T> RunAsync<T>(this IConnectionMultiplexer redis, string name, Func<Task<T>> command)
    {
        using var span = Activity.Current is null ? null : RedisTelemetry.Start(redis, name);
        return await TimedAsync(name, span, command);
    }

    /// <summary>A command that is sent with another one's round trip, and waited for together with it: no span.</summary>
    /// <exception cref="SessionStoreUnavailableException">No answer, or none that says that the command was run.</exception>
    public static Task<T> RunBesideAsync<T>(string name, Func<Task<T>> command) => TimedAsync(name, null, command);

    private static async Task<T> TimedAsync<T>(string name, Activity? span, Func<Task<T>> command)
    {
        var began = Stopwatch.GetTimestamp();
        try
        {
            var answer = await command();
            RedisTelemetry.Answered(name, "ok", Stopwatch.GetElapsedTime(began));
            return answer;
        }
        catch (Exception e)
        {
            RedisTelemetry.Answered(name, IsUnavailable(e) ? "unavailable" : "error", Stopwatch.GetElapsedTime(began));
            span?.SetTag("error.type", e.GetType().Name).SetStatus(ActivityStatusCode.Error);
            if (IsUnavailable(e))
                throw new SessionStoreUnavailableException($"Redis did not answer {name}: {e.GetType().Name}", e);
            throw;
        }
    }

    /// <summary>A time-out, a lost connection, or a server that says that it cannot serve now. What it refuses for good is a defect, and is thrown as it is.</summary>
    private static bool IsUnavailable(Exception e) => e is RedisConnectionException or RedisTimeoutException or TimeoutException or ObjectDisposedException
        || (e is RedisServerException server && Passing.Any(prefix => server.Message.StartsWith(prefix, StringComparison.Ordinal)));

    private static readonly string[] Passing = ["READONLY", "LOADING", "CLUSTERDOWN", "MASTERDOWN", "TRYAGAIN", "MOVED", "NOREPLICAS", "BUSY", "OOM", "No connection"];
}
