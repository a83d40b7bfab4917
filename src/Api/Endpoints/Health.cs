using StackExchange.Redis;

namespace Calls.Api.Endpoints;

/// <summary>What Kubernetes and people ask about the process. Live and ready say nothing of Redis: a pod that can still speak TwiML is worth more than an empty service.</summary>
internal static class Health
{
    public static void MapHealth(this IEndpointRouteBuilder app)
    {
        var health = app.MapGroup("/healthz").ExcludeFromDescription().AllowAnonymous();
        health.MapGet("/live", () => TypedResults.Text("live"));
        // Kestrel listens before everything has started, and the options have been validated by then.
        health.MapGet("/startup", (IHostApplicationLifetime lifetime) =>
            lifetime.ApplicationStarted.IsCancellationRequested ? Results.Text("started") : Results.Text("starting", statusCode: StatusCodes.Status503ServiceUnavailable));
        health.MapGet("/ready", (IHostApplicationLifetime lifetime) =>
            lifetime.ApplicationStarted.IsCancellationRequested && !lifetime.ApplicationStopping.IsCancellationRequested
                ? Results.Text("ready")
                : Results.Text("not ready", statusCode: StatusCodes.Status503ServiceUnavailable));
        health.MapGet("/dependencies", async (IConnectionMultiplexer redis) =>
        {
            var latency = await PingAsync(redis);
            return TypedResults.Json(
                new Dependencies(new Dependency(latency is null ? "unreachable" : "ok", latency?.TotalMilliseconds)),
                statusCode: latency is null ? StatusCodes.Status503ServiceUnavailable : StatusCodes.Status200OK);
        });
    }

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
