using System.Diagnostics;
using Calls.Application.Ports;
using StackExchange.Redis;

namespace Calls.Infrastructure.Redis;

/// <summary>Every command goes through here: a client span by OpenTelemetry's database conventions, and one exception for a Redis that is away.</summary>
/// <remarks>No key, no argument and no script text is in a span; keys hold session ids.</remarks>
internal static class RedisCommands
{
    private static readonly ActivitySource Source = new("Calls.Redis");

    /// <exception cref="SessionStoreUnavailableException">No answer, or none that says that the command was run.</exception>
    public static async Task<T> RunAsync<T>(string name, Func<Task<T>> command)
    {
        using var span = Source.StartActivity(name, ActivityKind.Client);
        span?.SetTag("db.system.name", "redis").SetTag("db.operation.name", name);
        try
        {
            return await command();
        }
        catch (Exception e) when (IsUnavailable(e))
        {
            span?.SetTag("error.type", e.GetType().Name).SetStatus(ActivityStatusCode.Error);
            throw new SessionStoreUnavailableException($"Redis did not answer {name}: {e.GetType().Name}", e);
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
            throw new SessionStoreUnavailableException($"Redis did not answer {name}: {e.GetType().Name}", e);
        }
    }

    /// <summary>A time-out, a lost connection, or a server that says that it cannot serve now. What it refuses for good is a defect, and is thrown as it is.</summary>
    private static bool IsUnavailable(Exception e) => e is RedisConnectionException or RedisTimeoutException or TimeoutException or ObjectDisposedException
        || (e is RedisServerException server && Passing.Any(prefix => server.Message.StartsWith(prefix, StringComparison.Ordinal)));

    private static readonly string[] Passing = ["READONLY", "LOADING", "CLUSTERDOWN", "MASTERDOWN", "TRYAGAIN", "MOVED", "NOREPLICAS", "BUSY", "OOM", "No connection"];
}
