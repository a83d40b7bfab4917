using System.Diagnostics;
using System.Globalization;
using Calls.Api.Endpoints;
using Calls.Application;
using Microsoft.AspNetCore.Diagnostics;

namespace Calls.Api;

/// <summary>The span of a request that is no webhook and no probe: an HTTP server's, in the trace that its <c>traceparent</c> names (opentelemetry.io/docs/specs/semconv/http/http-spans, "HTTP server").</summary>
/// <remarks>Ours, as a webhook's is, and not that of ASP.NET Core's instrumentation: that one is begun for every request, and thrown away again for each webhook (docs/adr/0011-fast-by-measurement.md).</remarks>
internal static class RestSpan
{
    public static Task TraceAsync(HttpContext http, RequestDelegate next) =>
        WebhookRoutes.IsWebhook(http.Request.Path) || Health.IsManagement(http.Request.Path) ? next(http) : TraceRestAsync(http, next);

    private static async Task TraceRestAsync(HttpContext http, RequestDelegate next)
    {
        var request = http.Request;
        var isPart = ActivityContext.TryParse(request.Headers.TraceParent, request.Headers.TraceState, isRemote: true, out var frontend);
        using var span = CallsTelemetry.Rest(request.Method, isPart ? frontend : default);
        span?.AddTag("http.request.method", request.Method).AddTag("url.path", request.Path.Value).AddTag("url.scheme", request.Scheme).AddTag("network.protocol.version", WebhookSpan.VersionOf(request.Protocol));
        try
        {
            await next(http);
        }
        catch (Exception e)
        {
            // Nobody could answer it any more.
            span?.SetTag("error.type", e.GetType().FullName).SetStatus(ActivityStatusCode.Error);
            throw;
        }
        finally
        {
            if (span is not null)
                Describe(span, http);
        }
    }

    /// <summary>What is known once it is answered. Whoever handles an exception hides the endpoint that threw it.</summary>
    private static void Describe(Activity span, HttpContext http)
    {
        var status = http.Response.StatusCode;
        span.SetTag("http.response.status_code", status);
        if ((http.GetEndpoint() ?? http.Features.Get<IExceptionHandlerFeature>()?.Endpoint) is RouteEndpoint { RoutePattern.RawText: { } route })
        {
            span.SetTag("http.route", route);
            span.DisplayName = $"{http.Request.Method} {route}";
        }

        if (status < StatusCodes.Status500InternalServerError || span.Status == ActivityStatusCode.Error)
            return;
        span.SetTag("error.type", http.Features.Get<IExceptionHandlerFeature>()?.Error.GetType().FullName ?? status.ToString(CultureInfo.InvariantCulture)).SetStatus(ActivityStatusCode.Error);
    }
}
