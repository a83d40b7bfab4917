using System.Diagnostics.Metrics;

namespace Calls.Api.Observability;

/// <summary>The metrics of webhooks, and the attributes of their spans. The metrics of REST are ASP.NET Core's.</summary>
internal sealed class WebhookTelemetry : IDisposable
{
    public const string MeterName = "Calls.Api";
    private static readonly double[] Seconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 15];
    private static readonly string[] Kinds =
        ["voice", "number", "number_status", "join", "conference", "call_status", "left", "wait"];

    private static readonly string[] Causes =
    [
        "no signature", "wrong signature", "unreadable body", "content type", "shared key not configured", "shared key algorithm",
    ];

    private readonly Meter meter;
    private readonly Histogram<double> duration;
    private readonly Counter<long> webhooks, refusals, unusable, holds;

    public WebhookTelemetry(IMeterFactory meters)
    {
        meter = meters.Create(MeterName);
        webhooks = Counter("calls.webhooks", "Webhooks by kind and outcome: accepted, ignored, duplicate, late, refused, unavailable.");
        duration = meter.CreateHistogram(
            "calls.webhook.duration", "s", "From a webhook's arrival to its answer, by kind and outcome. Twilio gives up after 15 s.",
            advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = Seconds });
        refusals = Counter("calls.webhooks.refused", "Webhooks that were not signed by Twilio, by likely cause.");
        unusable = Counter("calls.webhooks.unusable", "Signed voice webhooks that placed no call or admitted no leg, by cause.");
        holds = Counter("calls.webhooks.held", "Voice webhooks that got ringback, because the session could not be read or written.");

        Counter<long> Counter(string name, string description) => meter.CreateCounter<long>(name, "{request}", description);
    }

    /// <summary>Creates the series that alerts ask for. Prometheus sees an increase only of a series that exists before it.</summary>
    public void StartAtZero()
    {
        foreach (var kind in Kinds)
            foreach (var outcome in new[] { WebhookOutcomes.Accepted, WebhookOutcomes.Unavailable })
                webhooks.Add(0, new("kind", kind), new("outcome", outcome));
        foreach (var cause in Causes)
            refusals.Add(0, new KeyValuePair<string, object?>("cause", cause));
        holds.Add(0);
    }

    public void Refused(string kind, string cause)
    {
        refusals.Add(1, new KeyValuePair<string, object?>("cause", cause));
        Count(kind, WebhookOutcomes.Refused);
    }

    public void Unusable(string cause) => unusable.Add(1, new KeyValuePair<string, object?>("cause", cause));
    public void Held() => holds.Add(1);

    /// <summary>A signed webhook has its answer. The span must still be current, for the exemplar.</summary>
    public void Answered(
        Activity? span, HttpContext http, WebhookKind kind, TwilioRequest request, int status, string outcome, TimeSpan took)
    {
        Count(kind.Name, outcome);
        duration.Record(took.TotalSeconds, new("kind", kind.Name), new("outcome", outcome));
        if (span is null)
            return;
        span.SetTag("http.request.method", http.Request.Method).SetTag("http.route", kind.Route)
            .SetTag("url.path", kind.IsPersonal ? kind.Route : http.Request.Path.Value).SetTag("url.scheme", http.Request.Scheme)
            .SetTag("http.response.status_code", status).SetTag("network.protocol.version", VersionOf(http.Request.Protocol))
            .SetTag("calls.webhook.kind", kind.Name).SetTag("calls.webhook.outcome", outcome)
            .SetTag("calls.webhook.event", request.Event ?? request.CallStatus)
            .SetTag("twilio.call_sid", request.CallSid?.Value).SetTag("twilio.conference_sid", request.ConferenceSid?.Value);
        if (status >= StatusCodes.Status500InternalServerError)
            span.SetTag("error.type", status.ToString(CultureInfo.InvariantCulture)).SetStatus(ActivityStatusCode.Error);
    }

    public void Dispose() => meter.Dispose();

    private void Count(string kind, string outcome) => webhooks.Add(1, new("kind", kind), new("outcome", outcome));
    private static string VersionOf(string name) => HttpProtocol.IsHttp11(name) ? "1.1" : HttpProtocol.IsHttp2(name) ? "2" : "1.0";
}

/// <summary>The kind of webhook, as in the metrics (voice, number, number_status, join, conference, call_status, left, wait), and the
/// route's template.
/// <paramref name="IsPersonal"/>: the path has a number or an identity, so traces have the template instead.</summary>
internal sealed record WebhookKind(string Name, string Route, bool IsPersonal = false);

/// <summary>The outcomes of webhooks, as in the metrics.</summary>
internal static class WebhookOutcomes
{
    public const string Accepted = "accepted";
    public const string Refused = "refused";
    public const string Ignored = "ignored";
    /// <summary>Redis was away.</summary>
    public const string Unavailable = "unavailable";

    public static string Of(Decision decision) => decision switch
    {
        { Refused: not null } => Refused,
        { Ignored: IgnoreReason.NothingNew } => "duplicate",
        { Ignored: IgnoreReason.LegAlreadyGone or IgnoreReason.CallIsOver or IgnoreReason.Overtaken or IgnoreReason.EarlierLeg } => "late",
        { Ignored: IgnoreReason.OfAnEarlierCall } => "late",
        { Ignored: not null } => Ignored,
        _ => Accepted,
    };
}

internal readonly record struct WebhookAnswer(IResult Result, string Outcome)
{
    public WebhookAnswer(IResult result, Decision decision) : this(result, WebhookOutcomes.Of(decision)) { }
}
