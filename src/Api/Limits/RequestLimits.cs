using System.Globalization;
using System.Threading.RateLimiting;
using Calls.Application.Telemetry;
using Microsoft.Extensions.Options;

namespace Calls.Api;

/// <summary>How much one bearer may ask, and how many unsigned webhooks one address may send, before the answer is 429. Each replica counts for itself.</summary>
/// <remarks>Headers by draft-ietf-httpapi-ratelimit-headers-11: <c>RateLimit-Policy</c> is the rule, <c>RateLimit</c> what is left of it.</remarks>
internal sealed class RequestLimits : IDisposable
{
    private const string Requests = "requests";
    private const string Streams = "streams";
    private const string UnsignedWebhooks = "unsigned-webhooks";

    private readonly CallsTelemetry telemetry;
    private readonly CallsOptions.RequestLimits limits;
    private readonly PartitionedRateLimiter<HttpContext> bearers;
    private readonly PartitionedRateLimiter<HttpContext> streams;
    private readonly PartitionedRateLimiter<HttpContext> addresses;

    public RequestLimits(IOptions<CallsOptions> options, CallsTelemetry telemetry)
    {
        this.telemetry = telemetry;
        limits = options.Value.Limits;
        bearers = PartitionedRateLimiter.Create<HttpContext, string>(http => RateLimitPartition.GetTokenBucketLimiter(BearerOf(http), _ => new TokenBucketRateLimiterOptions
        {
            TokenLimit = limits.Burst,
            TokensPerPeriod = limits.RequestsPerSecond,
            ReplenishmentPeriod = TimeSpan.FromSeconds(1),
        }));
        streams = PartitionedRateLimiter.Create<HttpContext, string>(http =>
            RateLimitPartition.GetConcurrencyLimiter(BearerOf(http), _ => new ConcurrencyLimiterOptions { PermitLimit = limits.StreamsPerBearer }));
        addresses = PartitionedRateLimiter.Create<HttpContext, string>(http => RateLimitPartition.GetFixedWindowLimiter(AddressOf(http), _ => new FixedWindowRateLimiterOptions
        {
            PermitLimit = limits.UnsignedPerMinute,
            Window = TimeSpan.FromMinutes(1),
        }));
    }

    /// <summary>REST alone: webhooks are Twilio's, and health is the platform's.</summary>
    public async Task LimitAsync(HttpContext http, RequestDelegate next)
    {
        if (!http.Request.Path.StartsWithSegments("/v1", StringComparison.OrdinalIgnoreCase) && !http.Request.Path.StartsWithSegments("/addUser", StringComparison.OrdinalIgnoreCase))
        {
            await next(http);
            return;
        }

        using var lease = bearers.AttemptAcquire(http);
        var left = bearers.GetStatistics(http)?.CurrentAvailablePermits ?? 0;
        var headers = http.Response.Headers;
        headers["RateLimit-Policy"] = string.Create(CultureInfo.InvariantCulture, $"\"{Requests}\";q={limits.Burst};w={Seconds(limits.Burst)}");
        headers["RateLimit"] = string.Create(CultureInfo.InvariantCulture, $"\"{Requests}\";r={left};t={Seconds(limits.Burst - left)}");
        if (lease.IsAcquired)
            await next(http);
        else
            await TooMany(http, Requests, "Calls:Limits:RequestsPerSecond", TimeSpan.FromSeconds(1)).ExecuteAsync(http);
    }

    /// <summary>Counts one more stream of that bearer, until what is returned is disposed. Null with a refusal where there are as many as there may be.</summary>
    public IDisposable? Stream(HttpContext http, out IResult? refusal)
    {
        var lease = streams.AttemptAcquire(http);
        refusal = null;
        if (lease.IsAcquired)
            return lease;
        lease.Dispose();
        // When one of the others ends nobody knows; a browser that comes back in a while finds room or hears it again.
        refusal = TooMany(http, Streams, "Calls:Limits:StreamsPerBearer", TimeSpan.FromSeconds(10));
        return null;
    }

    /// <summary>Counts one webhook that Twilio has not signed. Null while its address has sent few.</summary>
    public IResult? Unsigned(HttpContext http)
    {
        using var lease = addresses.AttemptAcquire(http);
        if (lease.IsAcquired)
            return null;
        http.Response.Headers["RateLimit-Policy"] = string.Create(CultureInfo.InvariantCulture, $"\"{UnsignedWebhooks}\";q={limits.UnsignedPerMinute};w=60");
        var wait = lease.TryGetMetadata(MetadataName.RetryAfter, out var after) ? after : TimeSpan.FromMinutes(1);
        http.Response.Headers["RateLimit"] = $"\"{UnsignedWebhooks}\";r=0;t={Problems.Seconds(wait)}";
        return TooMany(http, UnsignedWebhooks, "Calls:Limits:UnsignedPerMinute", wait);
    }

    public void Dispose()
    {
        bearers.Dispose();
        streams.Dispose();
        addresses.Dispose();
    }

    private IResult TooMany(HttpContext http, string policy, string key, TimeSpan wait)
    {
        telemetry.Refused(policy);
        http.Response.Headers.RetryAfter = Problems.Seconds(wait);
        return Problems.Of(429, "too-many-requests", $"Too many requests; see {key}.", ("policy", policy));
    }

    /// <summary>Until this many requests have been made good for.</summary>
    private long Seconds(long requests) => (requests + limits.RequestsPerSecond - 1) / limits.RequestsPerSecond;

    /// <summary>Whoever has no valid bearer is counted by address: guesses at bearers are requests too.</summary>
    private static string BearerOf(HttpContext http) => http.User.FindFirst("sub")?.Value is { } sub ? "sub:" + sub : AddressOf(http);

    private static string AddressOf(HttpContext http) => "ip:" + http.Connection.RemoteIpAddress;
}
