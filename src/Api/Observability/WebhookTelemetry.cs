using System.Diagnostics.Metrics;
using Calls.Application;
using Calls.Domain;

namespace Calls.Api;

/// <summary>The Api's own metrics, and the span of each webhook; the rest are ASP.NET Core's.</summary>
internal sealed class WebhookTelemetry : IDisposable
{
    public const string MeterName = "Calls.Api";

    private readonly Meter meter;
    private readonly TallyCounter webhooks;
    private readonly Histogram<double> duration;
    private readonly Counter<long> refusals;
    private readonly Counter<long> unusable;
    private readonly Counter<long> holds;

    public WebhookTelemetry(IMeterFactory meters)
    {
        meter = meters.Create(MeterName);
        webhooks = new TallyCounter(meter, "calls.webhooks", "{request}", "Webhooks by kind and outcome: accepted, ignored, duplicate, late, refused, unavailable.", "kind", "outcome");
        duration = meter.CreateHistogram("calls.webhook.duration", "s", "From a webhook's arrival to its answer, by kind and outcome. Twilio gives up after 15 s.",
            advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 15] });
        refusals = meter.CreateCounter<long>("calls.webhooks.refused", "{request}", "Webhooks that were not signed by Twilio, by likely cause.");
        unusable = meter.CreateCounter<long>("calls.webhooks.unusable", "{request}", "Signed voice webhooks that were answered with words and a hang-up, by cause.");
        holds = meter.CreateCounter<long>("calls.webhooks.held", "{request}", "Voice webhooks answered with a pause and a redirect, because the session store was away.");
    }

    public void Refused(string kind, string cause)
    {
        refusals.Add(1, new KeyValuePair<string, object?>("cause", cause));
        webhooks.Add(kind, "refused");
    }

    public void Unusable(string cause) => unusable.Add(1, new KeyValuePair<string, object?>("cause", cause));

    public void Held() => holds.Add(1);

    /// <summary>A signed webhook has its answer.</summary>
    public void Answered(string kind, string outcome, TimeSpan took)
    {
        webhooks.Add(kind, outcome);
        duration.Record(took.TotalSeconds, new("kind", kind), new("outcome", outcome));
    }

    public void Dispose() => meter.Dispose();
}

/// <summary>Which webhook a route is for.</summary>
/// <param name="Name">As the metrics have it: voice, join, conference, call_status, left, wait.</param>
/// <param name="Route">The route's template.</param>
internal sealed record WebhookKind(string Name, string Route)
{
    public string PostName { get; } = "POST " + Route;

    public string GetName { get; } = "GET " + Route;
}

/// <summary>What became of a webhook, in the words of the metrics.</summary>
internal static class WebhookOutcomes
{
    public static string Of(CallTrace trace, int status) => status >= StatusCodes.Status500InternalServerError || trace.IsHeld ? "unavailable" : trace.Decision switch
    {
        { Refused: not null } => "refused",
        { Ignored: IgnoreReason.NothingNew } => "duplicate",
        { Ignored: IgnoreReason.LegAlreadyGone or IgnoreReason.CallIsOver or IgnoreReason.Overtaken or IgnoreReason.OfAnEarlierCall } => "late",
        { Ignored: not null } => "ignored",
        _ => "accepted",
    };
}
