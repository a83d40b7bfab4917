using System.Diagnostics;
using Calls.Application;
using Calls.Application.Ports;
using Calls.Domain;
using Calls.Infrastructure.Redis;
using StackExchange.Redis;

namespace Calls.Api;

/// <summary>Which webhook an endpoint is.</summary>
internal sealed record WebhookKind(string Name)
{
    public static readonly WebhookKind Voice = new("voice");
    public static readonly WebhookKind Join = new("join");
    public static readonly WebhookKind Conference = new("conference");
    public static readonly WebhookKind CallStatus = new("call_status");
    public static readonly WebhookKind Left = new("left");
    public static readonly WebhookKind Wait = new("wait");
}

/// <summary>Watches each webhook from its arrival to its answer: one server span in its call's trace, one count, one duration.</summary>
/// <remarks>Whatever trace context came with the request is anybody's to write, and counts for nothing. The wait document is not traced: it names no call.</remarks>
internal sealed class WebhookObserver(WebhookTelemetry telemetry, TimeProvider clock)
{
    public async Task ObserveAsync(HttpContext http, RequestDelegate next)
    {
        if (http.GetEndpoint()?.Metadata.GetMetadata<WebhookKind>() is not { } kind)
        {
            await next(http);
            return;
        }

        Activity.Current = null;
        var webhook = new ObservedWebhook(http, kind, clock.GetUtcNow());
        http.Features.Set(webhook);
        var began = clock.GetTimestamp();
        try
        {
            await next(http);
        }
        finally
        {
            using var span = webhook.Span ?? webhook.Begin(default);
            // For the exemplar, which leads from the duration to the trace.
            Activity.Current = span;
            var outcome = OutcomeOf(http, kind);
            telemetry.Answered(kind.Name, outcome, clock.GetElapsedTime(began));
            span?.SetTag("http.response.status_code", http.Response.StatusCode).SetTag("calls.webhook.outcome", outcome);
            if (http.Response.StatusCode >= 500)
                span?.SetTag("error.type", http.Response.StatusCode.ToString(System.Globalization.CultureInfo.InvariantCulture)).SetStatus(ActivityStatusCode.Error);
        }
    }

    private static string OutcomeOf(HttpContext http, WebhookKind kind) => http.Response.StatusCode switch
    {
        >= 500 => "unavailable",
        >= 400 => "refused",
        _ when kind == WebhookKind.Wait => "accepted",
        _ => http.RequestServices.GetRequiredService<RequestTrail>().Outcome,
    };
}

/// <summary>One webhook that is being served, and its span once it is known whose it is.</summary>
internal sealed class ObservedWebhook(HttpContext http, WebhookKind kind, DateTimeOffset arrived)
{
    public Activity? Span { get; private set; }

    public Activity? Begin(ActivityContext parent)
    {
        if (kind == WebhookKind.Wait)
            return null;
        var route = (http.GetEndpoint() as RouteEndpoint)?.RoutePattern.RawText;
        Span = WebhookTelemetry.Start($"{http.Request.Method} {route}", parent, arrived);
        return Span?.SetTag("http.request.method", http.Request.Method).SetTag("http.route", route).SetTag("url.scheme", http.Request.Scheme).SetTag("url.path", http.Request.Path.Value)
            .SetTag("network.protocol.version", http.Request.Protocol is "HTTP/2" ? "2" : "1.1").SetTag("calls.webhook.kind", kind.Name);
    }
}

/// <summary>Behind the signature: reads the session that the webhook is about, and hangs the webhook and all that it does under its call.</summary>
/// <remarks>The use case's own load takes what was read here. A voice webhook begins a trace: there is nothing yet that it could hang under, and one that comes again is
/// linked to its call by the load.</remarks>
internal sealed class TracedUnderItsCall(IConnectionMultiplexer redis, TimeProvider clock) : IEndpointFilter
{
    public async ValueTask<object?> InvokeAsync(EndpointFilterInvocationContext context, EndpointFilterDelegate next)
    {
        var http = context.HttpContext;
        if (http.Features.Get<ObservedWebhook>() is not { } webhook)
            return await next(context);
        if (SessionOf(http) is not { } id)
        {
            webhook.Begin(default);
            return await next(context);
        }

        var (stored, failure, began) = ((StoredSession?)null, (SessionStoreUnavailableException?)null, clock.GetUtcNow());
        try
        {
            var services = http.RequestServices;
            stored = await services.GetRequiredService<RequestTrail>().ReadAheadAsync(services.GetRequiredService<ISessionStore>(), id, http.RequestAborted);
        }
        catch (SessionStoreUnavailableException e)
        {
            // The use case meets it too, and knows what to answer.
            failure = e;
        }

        var ended = clock.GetUtcNow();
        if (webhook.Begin(CallsTelemetry.TraceOf(stored?.Session))?.SetTag("calls.session.id", id.Value) is not null)
            RedisTelemetry.ReadAhead(redis, began, ended, failure);
        return await next(context);
    }

    private static SessionId? SessionOf(HttpContext http) =>
        SessionId.TryParse((http.GetRouteValue("sessionId") ?? http.GetRouteValue("id")) as string, out var named) ? named
        : http.Features.Get<Twilio.TwilioRequest>()?.FriendlyName is { } room && http.GetEndpoint()?.Metadata.GetMetadata<WebhookKind>() == WebhookKind.Conference ? Endpoints.WebhookRoutes.SessionOf(room)
        : null;
}
