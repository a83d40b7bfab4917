using Microsoft.AspNetCore.Http.Timeouts;
using Microsoft.AspNetCore.HttpOverrides;

namespace Calls.Api.Limits;

/// <summary>The bounds of every request, before the service reads it, and the headers of every answer that protect browsers.</summary>
internal static class Hardening
{
    /// <summary>In bytes. Twilio's webhooks have less than 4 KB, and a REST body is a number and a label.</summary>
    public const long MaxBody = 64 * 1024;
    /// <summary>A webhook has some twenty fields.</summary>
    public const int MaxFields = 200;
    /// <summary>In characters, as they were sent.</summary>
    public const int MaxFieldName = 256, MaxFieldValue = 8 * 1024;
    /// <summary>The longest time for one request, and for the arrival of its body. Twilio waits 15 s for an answer.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);
    /// <summary>How long a connection may be idle, also before its first request.</summary>
    private static readonly TimeSpan KeepAlive = TimeSpan.FromSeconds(20);

    public static void AddHardening(this WebApplicationBuilder builder, int? managementPort)
    {
        builder.Services.AddRequestTimeouts(timeouts => timeouts.DefaultPolicy = new RequestTimeoutPolicy { Timeout = Patience });
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            var limits = kestrel.Limits;
            limits.MaxRequestBodySize = MaxBody;
            limits.MaxRequestHeaderCount = 64;
            limits.MaxRequestHeadersTotalSize = 16 * 1024;
            limits.RequestHeadersTimeout = Patience;
            limits.MaxConcurrentUpgradedConnections = 0;
            limits.KeepAliveTimeout = KeepAlive;
            // The server is made before the options are checked, and it listens after that.
            var services = kestrel.ApplicationServices;
            var connections = new Lazy<ConnectionLimits>(() => new(
                services.GetRequiredService<IOptions<CallsOptions>>().Value, managementPort,
                services.GetRequiredService<CallsTelemetry>()));
            kestrel.ConfigureEndpointDefaults(listen => listen.Use(connections.Value.Limit));
        });
    }

    /// <summary>Takes the client's address and scheme from known proxies. Signatures do not depend on them.</summary>
    public static void UseKnownProxies(this WebApplication app, CallsOptions.Proxies proxies)
    {
        if (proxies.KnownProxies.Count + proxies.KnownNetworks.Count == 0)
            return;
        const ForwardedHeaders Believed = ForwardedHeaders.XForwardedFor | ForwardedHeaders.XForwardedProto;
        var options = new ForwardedHeadersOptions { ForwardedHeaders = Believed, ForwardLimit = null };
        options.KnownProxies.Clear();
        options.KnownIPNetworks.Clear();
        foreach (var proxy in proxies.ParseAddresses())
            options.KnownProxies.Add(proxy);
        foreach (var network in proxies.ParseNetworks())
            options.KnownIPNetworks.Add(network);
        app.UseForwardedHeaders(options);
    }

    /// <summary>Set when the answer starts, so that an error has them too. HSTS goes by the public address: a proxy may end TLS.</summary>
    public static void UseSecurityHeaders(this WebApplication app, bool isPublicOverHttps)
    {
        Func<object, Task> set = response =>
        {
            var headers = ((HttpResponse)response).Headers;
            headers.XContentTypeOptions = "nosniff";
            headers["Referrer-Policy"] = "no-referrer";
            if (headers.ContentSecurityPolicy.Count == 0)
                headers.ContentSecurityPolicy = "frame-ancestors 'none'";
            // Answers have names, numbers and tokens. An endpoint whose answer may be kept says so itself.
            if (headers.CacheControl.Count == 0)
                headers.CacheControl = "no-store";
            if (isPublicOverHttps)
                headers.StrictTransportSecurity = "max-age=31536000";
            return Task.CompletedTask;
        };
        app.Use((http, next) =>
        {
            http.Response.OnStarting(set, http.Response);
            return next(http);
        });
    }
}
