using System.Diagnostics.Metrics;
using Polly;

namespace Calls.Infrastructure.Twilio;

/// <summary>The names of the gateway's spans, metrics and attributes.</summary>
/// <remarks>SIDs are on spans and never on metrics. Phone numbers and identities are on neither.</remarks>
public sealed class GatewayTelemetry
{
    /// <summary>The name of the activity source and of the meter. The pipelines' own meter is <c>Polly</c>.</summary>
    public const string Name = "Calls.Twilio";

    internal const string CallSid = "twilio.call_sid";
    private static readonly ActivitySource Source = new(Name);
    private readonly Counter<long> requests;
    private readonly Histogram<double> duration;
    private readonly Gauge<int> concurrent;

    public GatewayTelemetry(IMeterFactory meters)
    {
        var meter = meters.Create(Name);
        requests = meter.CreateCounter<long>(
            "calls.twilio.requests", "{request}",
            "Requests to Twilio with their retries, by operation and outcome: accepted, refused, unknown, not_sent.");
        duration = meter.CreateHistogram(
            "calls.twilio.request.duration", "s", "Duration of requests to Twilio with their retries.",
            advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = [0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 2, 3, 5, 8, 10] });
        concurrent = meter.CreateGauge<int>(
            "calls.twilio.concurrent_requests", "{request}", "The account's concurrent requests, as Twilio counted them last.");
    }

    /// <summary>The span of one request with all its attempts, by the HTTP conventions, without <c>url.full</c> (phone numbers).</summary>
    internal static Activity? Start(TwilioOperation operation, TwilioClientOptions client, ConferenceSid? conference, CallSid? leg)
    {
        if (Source.StartActivity(operation.SpanName, ActivityKind.Client) is not { } span)
            return null;
        var url = new Uri(client.BaseUrl);
        return span.SetTag("twilio.operation", operation.Name).SetTag("http.request.method", operation.Method)
            .SetTag("server.address", url.Host).SetTag("server.port", url.Port)
            .SetTag("twilio.conference_sid", conference?.Value).SetTag(CallSid, leg?.Value);
    }

    /// <summary>An attempt has ended, and another attempt follows.</summary>
    internal static void Retrying(Activity? span, int attempt, Outcome<TwilioAnswer> outcome) =>
        span?.AddEvent(new ActivityEvent("retry", tags: new ActivityTagsCollection
        {
            ["twilio.attempt"] = attempt,
            ["http.response.status_code"] = (int?)outcome.Result?.Status,
            ["error.type"] = outcome.Exception?.GetType().FullName,
        }));

    /// <summary>An increase is seen only of a series that exists before it.</summary>
    internal void StartAtZero()
    {
        foreach (var operation in TwilioOperation.All)
        {
            foreach (var outcome in new[] { "accepted", "refused", "unknown" })
                requests.Add(0, new("operation", operation.Name), new("outcome", outcome));
            foreach (var cause in Enum.GetValues<NotSentCause>())
                requests.Add(0, new("operation", operation.Name), new("outcome", "not_sent"), new("cause", WordOf(cause)));
        }
    }

    internal void Concurrent(int requests) => concurrent.Record(requests);

    /// <summary>A request has ended. <paramref name="outcome"/> is accepted, refused or unknown; <paramref name="detail"/> is the refusal's
    /// meaning, or the reason why the outcome is unknown.</summary>
    /// <remarks>It is no error if a refusal is expected, such as the refusal to end a call that has ended.</remarks>
    internal void Settled(TwilioExchange exchange, TimeSpan took, string outcome, string? detail, int? code, bool isError)
    {
        Describe(exchange, outcome, detail, code, isError);
        var tags = new TagList { { "operation", exchange.Operation.Name }, { "outcome", outcome } };
        requests.Add(1, tags);
        duration.Record(took.TotalSeconds, tags);
    }

    /// <summary>Nothing reached Twilio. There is a span only if an attempt was made, and no duration, because there was no
    /// request.</summary>
    internal void NotSent(TwilioExchange exchange, NotSentCause cause)
    {
        var word = WordOf(cause);
        Describe(exchange, "not_sent", word, code: null, isError: true);
        requests.Add(1, new("operation", exchange.Operation.Name), new("outcome", "not_sent"), new("cause", word));
    }

    private static string WordOf(NotSentCause cause) => cause.ToString().ToLowerInvariant();

    private static void Describe(TwilioExchange exchange, string outcome, string? detail, int? code, bool isError)
    {
        if (exchange.Span is not { } span)
            return;
        // The measurements that follow are exemplars of this span.
        Activity.Current = span;
        span.SetTag("twilio.outcome", outcome).SetTag("twilio.detail", detail).SetTag("twilio.error_code", code)
            .SetTag("twilio.attempts", exchange.Attempts).SetTag("http.response.status_code", exchange.LastStatus)
            .SetTag("http.request.resend_count", exchange.Attempts > 1 ? exchange.Attempts - 1 : null);
        if (isError)
            span.SetStatus(ActivityStatusCode.Error, detail).SetTag("error.type", exchange.Outcome switch
            {
                { Exception: { } exception } => exception.GetType().FullName,
                { Result: { IsSuccess: false } answer } => ((int)answer.Status).ToString(CultureInfo.InvariantCulture),
                _ => "unreadable_answer",
            });
    }
}
