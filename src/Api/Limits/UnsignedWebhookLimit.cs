using System.Threading.RateLimiting;

namespace Calls.Api.Limits;

/// <summary>Limits the webhooks of one address that are not signed by Twilio. Each replica counts for itself.</summary>
/// <remarks>ASP.NET Core's middleware counts every request before it is served. This class counts only failed signatures.</remarks>
internal sealed class UnsignedWebhookLimit(IOptions<CallsOptions> options, CallsTelemetry telemetry) : IDisposable
{
    private const string Policy = "unsigned-webhooks";
    private readonly int perMinute = options.Value.Limits.UnsignedPerMinute;
    private readonly PartitionedRateLimiter<HttpContext> addresses = PartitionedRateLimiter.Create<HttpContext, string>(
        http => RateLimitPartition.GetFixedWindowLimiter(
            http.Connection.RemoteIpAddress?.ToString() ?? "",
            _ => new() { PermitLimit = options.Value.Limits.UnsignedPerMinute, Window = TimeSpan.FromMinutes(1) }));

    /// <summary>Counts one webhook whose signature is missing or wrong. Null below the limit, else the answer 429.</summary>
    public IResult? Unsigned(HttpContext http)
    {
        using var lease = addresses.AttemptAcquire(http);
        if (lease.IsAcquired)
            return null;
        var wait = lease.TryGetMetadata(MetadataName.RetryAfter, out var after) ? after : TimeSpan.FromMinutes(1);
        http.Response.Headers["RateLimit-Policy"] = FormattableString.Invariant($"\"{Policy}\";q={perMinute};w=60");
        http.Response.Headers["RateLimit"] = $"\"{Policy}\";r=0;t={Problems.Seconds(wait)}";
        return Problems.TooMany(http, telemetry, Policy, "Calls:Limits:UnsignedPerMinute", wait);
    }

    public void Dispose() => addresses.Dispose();
}
