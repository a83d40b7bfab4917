using Calls.Api.Lifecycle;
using Calls.Infrastructure.Outbox;
using StackExchange.Redis;

namespace Calls.Api.Endpoints;

/// <summary>What Kubernetes and people ask about the process. Live and ready say nothing of Redis: a pod that can still speak TwiML is worth more than an empty service.</summary>
internal static class Health
{
    /// <summary>A round takes a second; a loop that has not come round for this long will not do so any more.</summary>
    private static readonly TimeSpan LongestSilence = TimeSpan.FromSeconds(30);

    public static void MapHealth(this IEndpointRouteBuilder app)
    {
        var health = app.MapGroup("/healthz").ExcludeFromDescription().AllowAnonymous();
        health.MapGet("/startup", (GracefulStop life) => Answer(life.HasStarted, "started", "starting"));
        health.MapGet("/live", (Heartbeat pulse) => Answer(pulse.Age < LongestSilence, "live", "the worker loop stands still"));
        health.MapGet("/ready", (GracefulStop life) => Answer(life.IsServing, "ready", "not ready"));
        health.MapGet("/dependencies", async (IConnectionMultiplexer redis) =>
        {
            var latency = await PingAsync(redis);
            return TypedResults.Json(
                new Dependencies(new Dependency(latency is null ? "unreachable" : "ok", latency?.TotalMilliseconds)),
                statusCode: latency is null ? StatusCodes.Status503ServiceUnavailable : StatusCodes.Status200OK);
        });
    }

    /// <summary>Whether a path is for whoever runs the service, and answers on the management port where there is one.</summary>
    public static bool IsManagement(PathString path) => path.StartsWithSegments("/healthz", StringComparison.Ordinal) || path.StartsWithSegments("/metrics", StringComparison.Ordinal);

    private static IResult Answer(bool good, string yes, string no) =>
        good ? TypedResults.Text(yes) : TypedResults.Text(no, statusCode: StatusCodes.Status503ServiceUnavailable);

    private static async Task<TimeSpan?> PingAsync(IConnectionMultiplexer redis)
    {
        try
        {
            return await redis.GetDatabase().PingAsync();
        }
        catch (Exception e) when (e is RedisException or TimeoutException)
        {
            return null;
        }
    }

    internal sealed record Dependencies(Dependency Redis);

    internal sealed record Dependency(string State, double? LatencyMs);
}
