using System.Threading.RateLimiting;
using Microsoft.AspNetCore.RateLimiting;

namespace Calls.Api.Limits;

/// <summary>Limits the REST requests and the event streams of one bearer. Each replica counts for itself.</summary>
/// <remarks>Headers of draft-ietf-httpapi-ratelimit-headers-11: <c>RateLimit-Policy</c> and <c>RateLimit</c>.</remarks>
internal static class RestLimits
{
    /// <summary>The endpoint policy of event streams. A stream counts until it ends.</summary>
    public const string Streams = "streams";
    private const string Requests = "requests";

    public static void AddRestLimits(this IServiceCollection services) => services.AddRateLimiter()
        .AddOptions<RateLimiterOptions>().Configure<IOptions<CallsOptions>, CallsTelemetry>((limiter, options, telemetry) =>
        {
            var limits = options.Value.Limits;
            var (burst, perSecond, second) = (limits.Burst, limits.RequestsPerSecond, TimeSpan.FromSeconds(1));
            limiter.GlobalLimiter = PartitionedRateLimiter.Create<HttpContext, string>(http => IsRest(http)
                ? RateLimitPartition.GetTokenBucketLimiter(
                    BearerOf(http), _ => new() { TokenLimit = burst, TokensPerPeriod = perSecond, ReplenishmentPeriod = second })
                : RateLimitPartition.GetNoLimiter(""));
            limiter.AddPolicy(Streams, http => RateLimitPartition.GetConcurrencyLimiter(
                BearerOf(http), _ => new() { PermitLimit = limits.StreamsPerBearer }));
            // Only the token bucket says when to ask again. The end of another stream is not known, so the answer says ten seconds.
            limiter.OnRejected = async (rejected, _) => await (rejected.Lease.TryGetMetadata(MetadataName.RetryAfter, out var wait)
                ? Problems.TooMany(rejected.HttpContext, telemetry, Requests, "Calls:Limits:RequestsPerSecond", wait)
                : Problems.TooMany(rejected.HttpContext, telemetry, Streams, "Calls:Limits:StreamsPerBearer", TimeSpan.FromSeconds(10)))
                .ExecuteAsync(rejected.HttpContext);
        });

    /// <summary>After the authentication, because a bearer is counted by its <c>sub</c>. Webhooks end before it.</summary>
    public static void UseRestLimits(this WebApplication app)
    {
        var limits = app.Services.GetRequiredService<IOptions<CallsOptions>>().Value.Limits;
        var limiter = app.Services.GetRequiredService<IOptions<RateLimiterOptions>>().Value.GlobalLimiter;
        app.Use((http, next) =>
        {
            if (IsRest(http))
                http.Response.OnStarting(() => Describe(http));
            return next(http);
        });
        app.UseRateLimiter();

        Task Describe(HttpContext http)
        {
            var left = limiter?.GetStatistics(http)?.CurrentAvailablePermits ?? 0;
            var headers = http.Response.Headers;
            headers["RateLimit-Policy"] = FormattableString.Invariant($"\"{Requests}\";q={limits.Burst};w={Seconds(limits.Burst)}");
            headers["RateLimit"] = FormattableString.Invariant($"\"{Requests}\";r={left};t={Seconds(limits.Burst - left)}");
            return Task.CompletedTask;
        }

        // Until this many requests are available again.
        long Seconds(long requests) => (requests + limits.RequestsPerSecond - 1) / limits.RequestsPerSecond;
    }

    /// <summary>Whether the request is for REST, also by the path of the tutorial.</summary>
    internal static bool IsRest(HttpContext http) =>
        http.Request.Path.StartsWithSegments("/v1", StringComparison.OrdinalIgnoreCase)
        || http.Request.Path.StartsWithSegments("/addUser", StringComparison.OrdinalIgnoreCase);

    /// <summary>A request without a valid bearer counts for its address, so that guessed bearers are limited too.</summary>
    private static string BearerOf(HttpContext http) =>
        http.User.Subject() ?? "ip:" + http.Connection.RemoteIpAddress;
}
