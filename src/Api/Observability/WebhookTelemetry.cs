using System.Diagnostics.Metrics;

namespace Calls.Api;

/// <summary>The Api's own metrics; the rest are ASP.NET Core's.</summary>
internal sealed class WebhookTelemetry : IDisposable
{
    public const string MeterName = "Calls.Api";

    private readonly Meter meter;
    private readonly Counter<long> refusals;
    private readonly Counter<long> unusable;
    private readonly Counter<long> holds;

    public WebhookTelemetry(IMeterFactory meters)
    {
        meter = meters.Create(MeterName);
        refusals = meter.CreateCounter<long>("calls.webhooks.refused", "{request}", "Webhooks that were not signed by Twilio, by likely cause.");
        unusable = meter.CreateCounter<long>("calls.webhooks.unusable", "{request}", "Signed voice webhooks that were answered with words and a hang-up, by cause.");
        holds = meter.CreateCounter<long>("calls.webhooks.held", "{request}", "Voice webhooks answered with a pause and a redirect, because the session store was away.");
    }

    public void Refused(string cause) => refusals.Add(1, new KeyValuePair<string, object?>("cause", cause));

    public void Unusable(string cause) => unusable.Add(1, new KeyValuePair<string, object?>("cause", cause));

    public void Held() => holds.Add(1);

    public void Dispose() => meter.Dispose();
}
