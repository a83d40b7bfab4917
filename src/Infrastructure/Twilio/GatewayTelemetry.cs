using System.Diagnostics.Metrics;

namespace Calls.Infrastructure.Twilio;

/// <summary>The names of the gateway's spans, metrics and attributes.</summary>
/// <remarks>SIDs are on spans and never on metrics. Phone numbers and identities are on neither.</remarks>
public sealed class GatewayTelemetry : IDisposable
{
    /// <summary>The name of the activity source and of the meter. The pipelines' own meter is <c>Polly</c>.</summary>
    public const string Name = "Calls.Twilio";

    private static readonly ActivitySource Source = new(Name);

    private readonly Meter meter;
    private readonly Counter<long> requests;
    private readonly Histogram<double> duration;
    private readonly Gauge<int> concurrent;

    public GatewayTelemetry(IMeterFactory meters)
    {
        meter = meters.Create(Name);
        requests = meter.CreateCounter<long>(
            "calls.twilio.requests", "{request}", "Requests to Twilio with their retries, by operation and outcome.");
        duration = meter.CreateHistogram(
            "calls.twilio.request.duration", "s", "Duration of requests to Twilio with their retries.",
            advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = [0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 2, 3, 5, 8, 10] });
        concurrent = meter.CreateGauge<int>(
            "calls.twilio.concurrent_requests", "{request}", "The account's concurrent requests, as Twilio counted them last.");
    }

    public void Dispose() => meter.Dispose();

    /// <summary>The span of one request with all its attempts, by the HTTP conventions. It has no <c>url.full</c>, which may hold phone
    /// numbers.</summary>
    internal static Activity? Start(TwilioOperation operation, TwilioClientOptions client)
    {
        if (Source.StartActivity(operation.SpanName, ActivityKind.Client) is not { } span)
            return null;
        var url = new Uri(client.BaseUrl);
        return span.SetTag("twilio.operation", operation.Name).SetTag("http.request.method", operation.Method)
            .SetTag("server.address", url.Host).SetTag("server.port", url.Port);
    }

    internal static void CallSid(Activity? span, string? sid) => span?.SetTag("twilio.call_sid", sid);

    internal static void ConferenceSid(Activity? span, string? sid) => span?.SetTag("twilio.conference_sid", sid);

    /// <summary>An attempt of the current request has ended, and another attempt follows.</summary>
    internal static void Retrying(int attempt, int? status, string? error) =>
        Activity.Current?.AddEvent(new ActivityEvent("retry", tags: new ActivityTagsCollection
        {
            ["twilio.attempt"] = attempt,
            ["http.response.status_code"] = status,
            ["error.type"] = error,
        }));

    internal void Concurrent(int requests) => concurrent.Record(requests);

    /// <param name="span">The request's span.</param>
    /// <param name="operation">The operation that was requested.</param>
    /// <param name="outcome">accepted, refused or unknown.</param>
    /// <param name="detail">The refusal's meaning, or the reason why the outcome is unknown.</param>
    /// <param name="code">Twilio's error code.</param>
    /// <param name="error">The type of the error; null for a success and for a refusal that is expected, such as the end of a call that
    /// has ended.</param>
    /// <param name="progress">The attempts.</param>
    /// <param name="took">The duration of the request with all its attempts.</param>
    internal void Settled(
        Activity? span, TwilioOperation operation, string outcome, string? detail, int? code, string? error, RequestProgress progress,
        TimeSpan took)
    {
        span?.SetTag("twilio.outcome", outcome).SetTag("twilio.detail", detail).SetTag("twilio.error_code", code)
            .SetTag("twilio.attempts", progress.Attempts).SetTag("http.response.status_code", progress.LastStatus)
            .SetTag("error.type", error).SetTag("http.request.resend_count", progress.Attempts > 1 ? progress.Attempts - 1 : null);
        if (error is not null)
            span?.SetStatus(ActivityStatusCode.Error, detail);
        var tags = new TagList { { "operation", operation.Name }, { "outcome", outcome } };
        requests.Add(1, tags);
        duration.Record(took.TotalSeconds, tags);
    }
}
