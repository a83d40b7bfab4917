using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http.Timeouts;
using Microsoft.AspNetCore.HttpOverrides;

namespace Calls.Api;

/// <summary>What bounds any request, whoever sends it, before anything looks into it; and what every answer says to browsers.</summary>
internal static class Hardening
{
    /// <summary>Twilio's webhooks are below 4 KB, and a REST body is a number and a label.</summary>
    public const long MaxBody = 64 * 1024;

    /// <summary>A webhook has some twenty fields.</summary>
    public const int MaxFields = 200;

    /// <summary>In characters, as they were sent.</summary>
    public const int MaxFieldName = 256;

    /// <summary>In characters, as they were sent.</summary>
    public const int MaxFieldValue = 8 * 1024;

    /// <summary>Twilio waits for 15 s; who has not got an answer by then has none.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

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
            var connections = new ConnectionLimit(builder.Configuration.GetValue(CallsOptions.Section + ":Limits:Connections", CallsOptions.RequestLimits.DefaultConnections));
            kestrel.ConfigureEndpointDefaults(listen => listen.Use(next => connection =>
                connection.LocalEndPoint is IPEndPoint local && local.Port == managementPort ? next(connection) : connections.ServeAsync(connection, next)));
        });
    }

    /// <summary>Who a request comes from, where a proxy that we know says so. Nothing else that it forwards is believed: signatures are checked against <c>PublicBaseUrl</c> alone.</summary>
    public static void UseKnownProxies(this WebApplication app, CallsOptions.Proxies proxies)
    {
        if (proxies.KnownProxies.Count + proxies.KnownNetworks.Count == 0)
            return;
        var options = new ForwardedHeadersOptions { ForwardedHeaders = ForwardedHeaders.XForwardedFor | ForwardedHeaders.XForwardedProto, ForwardLimit = null };
        options.KnownProxies.Clear();
        options.KnownIPNetworks.Clear();
        foreach (var proxy in proxies.KnownProxies)
            options.KnownProxies.Add(IPAddress.Parse(proxy));
        foreach (var network in proxies.KnownNetworks)
            options.KnownIPNetworks.Add(System.Net.IPNetwork.Parse(network));
        app.UseForwardedHeaders(options);
    }

    /// <summary>Set last, so that an error's answer has them too. HSTS goes by the public address, since TLS may end before us.</summary>
    public static void UseSecurityHeaders(this WebApplication app, bool isPublicOverHttps) => app.Use((http, next) =>
    {
        http.Response.OnStarting(isPublicOverHttps ? SetSecurityAndHsts : SetSecurity, http);
        return next(http);
    });

    private static readonly Func<object, Task> SetSecurity = http =>
    {
        var headers = ((HttpContext)http).Response.Headers;
        headers.XContentTypeOptions = "nosniff";
        headers["Referrer-Policy"] = "no-referrer";
        headers.ContentSecurityPolicy = "frame-ancestors 'none'";
        return Task.CompletedTask;
    };

    private static readonly Func<object, Task> SetSecurityAndHsts = http =>
    {
        ((HttpContext)http).Response.Headers.StrictTransportSecurity = "max-age=31536000";
        return SetSecurity(http);
    };

    /// <summary>Closes what comes on top, so that a flood costs sockets and not memory. The management port is not counted: a probe that finds no place would have the process killed for its popularity.</summary>
    private sealed class ConnectionLimit(int most)
    {
        private int open;

        public async Task ServeAsync(ConnectionContext connection, ConnectionDelegate next)
        {
            try
            {
                if (Interlocked.Increment(ref open) <= most)
                    await next(connection);
                else
                    connection.Abort(new ConnectionAbortedException("There are as many connections as Calls:Limits:Connections allows"));
            }
            finally
            {
                Interlocked.Decrement(ref open);
            }
        }
    }
}
