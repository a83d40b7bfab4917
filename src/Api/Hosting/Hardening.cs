using Calls.Infrastructure.Twilio;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Http.Timeouts;
using Microsoft.AspNetCore.HttpOverrides;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Options;

namespace Calls.Api;

/// <summary>What bounds a request before anybody has looked at it, and what every answer carries.</summary>
internal static class Hardening
{
    /// <summary>Proxies, as addresses or networks in CIDR form, whose <c>X-Forwarded-For</c> is believed; from anybody else it counts for nothing.</summary>
    public const string ProxiesKey = "Calls:TrustedProxies";

    private const long MaxBody = 64 * 1024;

    /// <summary>Longer than a webhook can take (Redis is given 800 ms for each of at most five tries), shorter than Twilio waits.</summary>
    private static readonly TimeSpan RequestTimeout = TimeSpan.FromSeconds(10);

    public static void AddHardening(this WebApplicationBuilder builder)
    {
        builder.WebHost.ConfigureKestrel(kestrel => Limit(kestrel));
        builder.Services.Configure<FormOptions>(form => (form.ValueCountLimit, form.KeyLengthLimit, form.ValueLengthLimit) = (256, 256, (int)MaxBody));
        builder.Services.AddRequestTimeouts(timeouts => timeouts.DefaultPolicy = new RequestTimeoutPolicy { Timeout = RequestTimeout, TimeoutStatusCode = StatusCodes.Status503ServiceUnavailable });
        var proxies = builder.Configuration.GetSection(ProxiesKey).Get<string[]>() ?? [];
        builder.Services.Configure<ForwardedHeadersOptions>(forwarded =>
        {
            forwarded.ForwardedHeaders = proxies.Length > 0 ? ForwardedHeaders.XForwardedFor : ForwardedHeaders.None;
            forwarded.KnownProxies.Clear();
            forwarded.KnownIPNetworks.Clear();
            foreach (var proxy in proxies)
                forwarded.KnownIPNetworks.Add(ParseNetwork(proxy));
        });
    }

    public static void UseHardening(this WebApplication app)
    {
        app.UseForwardedHeaders();
        var isHttps = app.Services.GetRequiredService<IOptions<TwilioOptions>>().Value.PublicBaseUrl.StartsWith("https:", StringComparison.OrdinalIgnoreCase);
        app.Use((http, next) =>
        {
            var headers = http.Response.Headers;
            headers.XContentTypeOptions = "nosniff";
            headers["Referrer-Policy"] = "no-referrer";
            if (!http.Request.Path.StartsWithSegments("/docs", StringComparison.OrdinalIgnoreCase))
                headers.ContentSecurityPolicy = "default-src 'none'; frame-ancestors 'none'";
            if (isHttps)
                headers.StrictTransportSecurity = "max-age=31536000";
            return next(http);
        });
    }

    /// <summary>A webhook of Twilio's has about 2 KB and 30 headers. Connections are few, since Twilio and proxies keep them; the bound is against whoever opens them and says nothing.</summary>
    private static void Limit(KestrelServerOptions kestrel)
    {
        kestrel.AddServerHeader = false;
        kestrel.Limits.MaxRequestBodySize = MaxBody;
        kestrel.Limits.MaxRequestHeadersTotalSize = 32 * 1024;
        kestrel.Limits.MaxRequestHeaderCount = 100;
        kestrel.Limits.MaxRequestLineSize = 8 * 1024;
        kestrel.Limits.RequestHeadersTimeout = TimeSpan.FromSeconds(10);
        kestrel.Limits.KeepAliveTimeout = TimeSpan.FromSeconds(130);
        kestrel.Limits.MaxConcurrentConnections = 20_000;
    }

    private static System.Net.IPNetwork ParseNetwork(string text) =>
        System.Net.IPNetwork.TryParse(text, out var network) ? network
        : System.Net.IPAddress.TryParse(text, out var address) ? new System.Net.IPNetwork(address, address.GetAddressBytes().Length * 8)
        : throw new OptionsValidationException(ProxiesKey, typeof(CallsOptions), [$"{ProxiesKey} has an entry that is neither an address nor a network: {text}"]);
}
