using System.Diagnostics;
using Calls.Api.Twilio;
using Calls.Application;

namespace Calls.Api;

/// <summary>The span, the count and the duration of one signed webhook. The span is an HTTP server's, in the call's trace: it begins when the call is known, with the time at which the webhook came.</summary>
/// <remarks>ASP.NET Core's own span is none of the call's: it takes its parent from the request's headers, and anybody can send those (docs/telemetry.md).</remarks>
internal sealed class WebhookSpan(HttpContext http, WebhookKind kind, CallTrace trace, WebhookTelemetry telemetry, TimeProvider clock)
{
    private readonly long began = clock.GetTimestamp();

    /// <summary>From here on, whatever is traced waits for the call to be known.</summary>
    public static WebhookSpan Begin(HttpContext http, WebhookKind kind, WebhookTelemetry telemetry, TimeProvider clock)
    {
        var trace = http.RequestServices.GetRequiredService<CallTrace>();
        trace.Await(HttpMethods.IsPost(http.Request.Method) ? kind.PostName : kind.GetName, clock.GetUtcNow());
        return new WebhookSpan(http, kind, trace, telemetry, clock);
    }

    /// <summary>The answer is known.</summary>
    public void End(int status, TwilioRequest request)
    {
        // A request that no use case was asked about is a trace of its own.
        trace.Begin(null);
        var outcome = WebhookOutcomes.Of(trace, status);
        // For the exemplar. It is over, and current no more, with the end of this.
        Activity.Current = trace.Span;
        telemetry.Answered(kind.Name, outcome, clock.GetElapsedTime(began));
        if (trace.Span is not { } span)
            return;
        span.AddTag("http.request.method", http.Request.Method).AddTag("http.route", kind.Route).AddTag("url.path", http.Request.Path.Value).AddTag("url.scheme", http.Request.Scheme)
            .AddTag("http.response.status_code", status).AddTag("network.protocol.version", VersionOf(http.Request.Protocol))
            .AddTag("calls.webhook.kind", kind.Name).AddTag("calls.webhook.outcome", outcome).AddTag("calls.webhook.event", request.Event ?? request.CallStatus)
            .AddTag("twilio.call_sid", request.CallSid?.Value).AddTag("twilio.conference_sid", request.ConferenceSid?.Value);
        if (status >= StatusCodes.Status500InternalServerError)
            span.SetTag("error.type", status.ToString(System.Globalization.CultureInfo.InvariantCulture)).SetStatus(ActivityStatusCode.Error);
        span.Dispose();
    }

    internal static string VersionOf(string protocol) => HttpProtocol.IsHttp11(protocol) ? "1.1" : HttpProtocol.IsHttp2(protocol) ? "2" : "1.0";
}
