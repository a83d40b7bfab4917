using System.Diagnostics;
using System.Diagnostics.Metrics;
using Polly.CircuitBreaker;

namespace Calls.Infrastructure.Twilio;

/// <summary>Every span, metric and attribute name of the gateway, spelled once. SIDs go on spans alone; phone numbers and identities nowhere.</summary>
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
        requests = meter.CreateCounter<long>("calls.twilio.requests", "{request}", "Requests to Twilio with their retries, by operation and outcome.");
        duration = meter.CreateHistogram("calls.twilio.request.duration", "s", "Duration of requests to Twilio with their retries.",
            advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = [0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 2, 3, 5, 8, 10] });
        concurrent = meter.CreateGauge<int>("calls.twilio.concurrent_requests", "{request}", "The account's concurrent requests, as Twilio last counted them.");
    }

    public void Dispose() => meter.Dispose();

    /// <summary>One request, whatever the number of its attempts.</summary>
    internal static Activity? Start(TwilioOperation operation) =>
        Source.StartActivity("Twilio " + operation.Name, ActivityKind.Client)?.SetTag("twilio.operation", operation.Name);

    internal static void CallSid(Activity? span, string? sid) => span?.SetTag("twilio.call_sid", sid);

    internal static void ConferenceSid(Activity? span, string? sid) => span?.SetTag("twilio.conference_sid", sid);

    /// <summary>One attempt of the current request is over and another one follows.</summary>
    internal static void Retrying(int attempt, int? status, string? error) =>
        Activity.Current?.AddEvent(new ActivityEvent("retry", tags: new ActivityTagsCollection
        {
            ["twilio.attempt"] = attempt,
            ["http.response.status_code"] = status,
            ["error.type"] = error,
        }));

    /// <summary>Watches the breakers.</summary>
    internal void Circuits(IReadOnlyDictionary<RequestKind, CircuitBreakerStateProvider> breakers) => meter.CreateObservableGauge(
        "calls.twilio.circuit", () => breakers.Select(breaker => new Measurement<int>(StateOf(breaker.Value), new KeyValuePair<string, object?>("pipeline", breaker.Key.ToString()))),
        "{state}", "The breaker of a kind of request: 0 closed, 1 half open, 2 open.");

    private static int StateOf(CircuitBreakerStateProvider breaker) => breaker.CircuitState switch
    {
        CircuitState.Closed => 0,
        CircuitState.HalfOpen => 1,
        _ => 2,
    };

    internal void Concurrent(int requests) => concurrent.Record(requests);

    /// <param name="span">The request's span.</param>
    /// <param name="operation">What was asked.</param>
    /// <param name="outcome">accepted, refused or unknown.</param>
    /// <param name="detail">The refusal's meaning, or why nobody knows.</param>
    /// <param name="code">Twilio's error code.</param>
    /// <param name="failed">Whether somebody should look.</param>
    /// <param name="attempts">How many requests were sent.</param>
    /// <param name="took">How long it took with all of them.</param>
    internal void Settled(Activity? span, TwilioOperation operation, string outcome, string? detail, int? code, bool failed, int attempts, TimeSpan took)
    {
        span?.SetTag("twilio.outcome", outcome).SetTag("twilio.detail", detail).SetTag("twilio.error_code", code).SetTag("twilio.attempts", attempts);
        if (failed)
            span?.SetTag("error.type", detail ?? outcome).SetStatus(ActivityStatusCode.Error, detail);
        var tags = new TagList { { "operation", operation.Name }, { "outcome", outcome } };
        requests.Add(1, tags);
        duration.Record(took.TotalSeconds, tags);
    }
}
