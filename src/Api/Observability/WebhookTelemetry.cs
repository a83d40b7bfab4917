using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace Calls.Api;

/// <summary>The Api's own spans and metrics; the rest are ASP.NET Core's.</summary>
internal sealed class WebhookTelemetry : IDisposable
{
    public const string MeterName = "Calls.Api";

    private static readonly ActivitySource Source = new(MeterName);

    private readonly Meter meter;
    private readonly Counter<long> webhooks;
    private readonly Histogram<double> duration;
    private readonly Counter<long> limited;
    private readonly Counter<long> refusals;
    private readonly Counter<long> unusable;
    private readonly Counter<long> holds;

    public WebhookTelemetry(IMeterFactory meters)
    {
        meter = meters.Create(MeterName);
        refusals = meter.CreateCounter<long>("calls.webhooks.refused", "{request}", "Webhooks that were not signed by Twilio, by likely cause.");
        unusable = meter.CreateCounter<long>("calls.webhooks.unusable", "{request}", "Signed voice webhooks that were answered with words and a hang-up, by cause.");
        holds = meter.CreateCounter<long>("calls.webhooks.held", "{request}", "Voice webhooks answered with a pause and a redirect, because the session store was away.");
        webhooks = meter.CreateCounter<long>("calls.webhooks", "{request}", "Webhooks by kind and outcome.");
        duration = meter.CreateHistogram("calls.webhook.duration", "s", "From the arrival of a webhook to its answer, by kind and outcome.",
            advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 15] });
        limited = meter.CreateCounter<long>("calls.limits.refused", "{request}", "Requests that were answered 429, by rule.");
    }

    /// <summary>A webhook, from its arrival on, under its call or under nothing.</summary>
    public static Activity? Start(string name, ActivityContext parent, DateTimeOffset arrived) => Source.StartActivity(name, ActivityKind.Server, parent, startTime: arrived);

    public void Answered(string kind, string outcome, TimeSpan took)
    {
        var tags = new TagList { { "kind", kind }, { "outcome", outcome } };
        webhooks.Add(1, tags);
        duration.Record(took.TotalSeconds, tags);
    }

    public void Limited(string rule) => limited.Add(1, new KeyValuePair<string, object?>("rule", rule));

    public void Refused(string cause) => refusals.Add(1, new KeyValuePair<string, object?>("cause", cause));

    public void Unusable(string cause) => unusable.Add(1, new KeyValuePair<string, object?>("cause", cause));

    public void Held() => holds.Add(1);

    public void Dispose() => meter.Dispose();
}
