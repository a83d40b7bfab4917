namespace Calls.Api.Endpoints;

/// <summary>The probes of Kubernetes, and the state of Redis for operators. Liveness and readiness do not depend on Redis,
/// because a pod that can still answer TwiML is worth more than an empty service.</summary>
internal static class Health
{
    /// <summary>A round of the sweeper takes a second. A sweeper without a round for this long has stopped.</summary>
    private static readonly TimeSpan LongestSilence = TimeSpan.FromSeconds(30);

    public static void MapHealth(this IEndpointRouteBuilder app)
    {
        // Every method is answered, so that no other answer tells that the route exists.
        var health = app.MapGroup("/healthz").ExcludeFromDescription().AllowAnonymous().WithMetadata(ManagementPort.Endpoint);
        health.Map("/startup", (GracefulStop life) => Answer(life.HasStarted, "started", "starting"));
        health.Map("/live", (Heartbeat heartbeat) => Answer(heartbeat.Age < LongestSilence, "live", "the sweeper has stopped"));
        health.Map("/ready", (GracefulStop life) => Answer(life.IsServing, "ready", "not ready"));
        health.Map("/dependencies", async (IStorePing store, CancellationToken cancellationToken) =>
        {
            var latency = await store.PingAsync(cancellationToken);
            var redis = new { State = latency is null ? "unreachable" : "ok", LatencyMs = latency?.TotalMilliseconds };
            return Results.Json(new { Redis = redis }, statusCode: latency is null ? 503 : 200);
        });
    }

    private static IResult Answer(bool good, string yes, string no) =>
        good ? TypedResults.Text(yes) : TypedResults.Text(no, statusCode: 503);
}
