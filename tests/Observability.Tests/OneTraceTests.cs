using System.Net;
using System.Text.RegularExpressions;
using Calls.Chaos.Tests.Harness;
using Calls.Sandbox.Redis;
using Calls.Sandbox.Twilio;

namespace Calls.Observability.Tests;

/// <summary>Two replicas run as processes and export to a real receiver. The tests check the trace, logs and metrics of a call.</summary>
public sealed partial class OneTraceTests : IAsyncLifetime
{
    private const string Session = "s-42";
    private const string Alice = "marker-alice-77";
    private const string Bob = "marker-bob-78";
    private const string Lawyer = "+15550142424";

    private readonly CustomerSystem customer = new();

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private EmbeddedRedis redis = null!;
    private OtlpReceiver receiver = null!;
    private Deployment deployment = null!;

    private TwilioEmulator Twilio => deployment.Twilio;

    public async ValueTask InitializeAsync()
    {
        redis = await Task.Run(EmbeddedRedis.Start);
        receiver = await OtlpReceiver.StartAsync();
        deployment = await Deployment.StartAsync(redis.ConnectionString, settings:
        [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.Address), ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
            ("OTEL_METRIC_EXPORT_INTERVAL", "500"),
            ("OTEL_BSP_SCHEDULE_DELAY", "100"), ("OTEL_BLRP_SCHEDULE_DELAY", "100"), ("Calls:ReviewInterval", "00:01:00"),
            ("Logging:LogLevel:Default", "Information"), ("Logging:LogLevel:Calls", "Debug"),
            .. customer.Settings,
        ]);
    }

    public async ValueTask DisposeAsync()
    {
        await deployment.DisposeAsync();
        await customer.DisposeAsync();
        await receiver.DisposeAsync();
        await redis.DisposeAsync();
    }

    [Fact]
    public async Task A_call_of_three_over_two_replicas_is_one_trace_with_everything_that_was_done_for_it()
    {
        await PlayAsync();
        // The last callbacks of a call may come after its phones are idle, so both sides are counted until they agree.
        var (webhooks, requests) = (0, 0);
        await Eventually.TrueAsync(
            () =>
            {
                webhooks = Twilio.Journal.OfType<WebhookAnswered>().Count(answer => answer.Status is 200 or 204);
                requests = Twilio.Journal.OfType<RestRequested>().Count;
                var spans = receiver.Spans;
                return Task.FromResult(spans.Count(span => span.Kind == 2 && span["calls.webhook.kind"] is not null) == webhooks
                    && spans.Count(IsToTwilio) == requests && spans.Any(span => span.Name == "call") && AreAllThere(spans)
                    && receiver.Logs.Any(log => log.Trace.Length > 0));
            },
            "as many webhooks and requests are exported as there were, and each span has its parent", Patience);

        var root = receiver.Spans.Single(span => span["calls.webhook.kind"] == "voice");
        root.Parent.ShouldBe("", "the first webhook is the root");
        root.Name.ShouldBe("POST /twilio/voice");
        root["http.response.status_code"].ShouldBe("200");
        var trace = receiver.Spans.Where(span => span.Trace == root.Trace).ToList();
        trace.Count(span => span.Kind == 2).ShouldBe(webhooks, "each webhook of the call is in its trace");
        trace.Count(IsToTwilio).ShouldBe(requests);
        trace.Where(IsToTwilio).ShouldAllBe(span => span["twilio.outcome"] == "accepted");
        trace.Select(span => span.Name).ShouldContain("effect Dial");
        trace.Where(span => span.Name == "StartCall" || span.Name == "LegProgressed").ShouldAllBe(span => span["calls.outcome"] != null);
        trace.Where(span => span["db.system.name"] == "redis").Select(span => span["db.operation.name"]).Distinct()
            .ShouldBe(["HMGET", "bind", "save", "take"], ignoreOrder: true);
        var call = trace.Single(span => span.Name == "call");
        (call.Parent, call["calls.end_reason"], call["calls.participants"]).ShouldBe((root.Id, "OnePersonLeft", "3"));
        receiver.Spans.Where(span => span["calls.session.id"] == Session && span.Trace != root.Trace)
            .ShouldAllBe(span => span.LinkedTraces.Contains(root.Trace),
                "a frontend's request is in its own trace, which links to the call's");
        receiver.Logs.ShouldContain(log => log.Trace == root.Trace);
    }

    [Fact]
    public async Task Each_attempt_to_deliver_an_event_is_in_the_trace_of_its_call()
    {
        await PlayAsync();
        await Eventually.TrueAsync(() => Task.FromResult(EventSpans().Any(span => span["calls.outcome"] == "failed")),
            "an attempt has failed, since the receiver is away", Patience);
        await customer.StartAsync();
        await Eventually.TrueAsync(
            () => Task.FromResult(EventSpans().Any(span => span is { Name: "event session.ended" } && span["calls.outcome"] == "delivered")
                && receiver.Spans.Any(span => span["calls.webhook.kind"] == "voice")),
            "the end is delivered", Patience);
        var root = receiver.Spans.Single(span => span["calls.webhook.kind"] == "voice");
        foreach (var span in EventSpans())
        {
            (span.Trace, span.Parent, span["calls.session.id"], span["calls.event.receiver"]).ShouldBe(
                (root.Trace, root.Id, Session, "crm"));
            span.Name.ShouldBe("event " + span["calls.event.type"]);
            (span["error.type"] is null).ShouldBe(span["calls.outcome"] == "delivered");
        }

        EventSpans().Select(span => span["calls.event.attempt"]).ShouldContain("1");
        EventSpans().ShouldContain(span => span["calls.outcome"] == "delivered" && span["calls.event.attempt"] != "1");
        receiver.Spans.ShouldNotContain(span => span.Parent.Length > 0 && EventSpans().Any(parent => parent.Id == span.Parent));
    }

    [Fact]
    public async Task A_trace_that_a_webhook_claims_to_be_part_of_is_not_believed_and_a_frontends_is()
    {
        const string Forged = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", Frontends = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
        await PlayAsync();
        // The trace context travels in the URL that the service gave to Twilio.
        var url = new Uri(Twilio.Journal.OfType<WebhookSent>().First(sent => sent.Webhook == WebhookKind.Conference).Url);
        url.Query.ShouldStartWith("?trace=00-");
        var form = new Parameters
        {
            { "StatusCallbackEvent", "conference-start" },
            { "ConferenceSid", "CF00000000000000000000000000000001" },
        };
        using var webhook = new HttpRequestMessage(HttpMethod.Post, url)
        {
            Content = new StringContent(form.ToForm(), System.Text.Encoding.UTF8, "application/x-www-form-urlencoded"),
        };
        webhook.Headers.Add("X-Twilio-Signature", Signer.Sign(Twilio.Options.AuthToken, url.AbsoluteUri, form));
        webhook.Headers.Add("traceparent", $"00-{Forged}-bbbbbbbbbbbbbbbb-01");
        (await SendAsync(webhook)).ShouldBe(HttpStatusCode.NoContent);
        using var asked = new HttpRequestMessage(HttpMethod.Get, new Uri(deployment.Address, "/v1/sessions/" + Session));
        asked.Headers.Authorization = new("Bearer", deployment.TokenFor(Alice));
        asked.Headers.Add("traceparent", $"00-{Frontends}-bbbbbbbbbbbbbbbb-01");
        (await SendAsync(asked)).ShouldBe(HttpStatusCode.OK);
        await Eventually.TrueAsync(
            () => Task.FromResult(receiver.Spans.Any(span => span.Trace == Frontends && span.Kind == 2)
                && receiver.Spans.Any(span => span["twilio.conference_sid"] == "CF00000000000000000000000000000001")
                && receiver.Spans.Any(span => span["calls.webhook.kind"] == "voice")),
            "both are exported, and the call's first webhook", Patience);
        receiver.Contains(Forged).ShouldBeFalse();
        receiver.Spans.ShouldNotContain(span => span.Trace == Forged);
        var root = receiver.Spans.Single(span => span["calls.webhook.kind"] == "voice");
        receiver.Spans.Single(span => span["twilio.conference_sid"] == "CF00000000000000000000000000000001").Trace.ShouldBe(root.Trace);
        var rest = receiver.Spans.Single(span => span.Trace == Frontends && span.Kind == 2);
        (rest.Name, rest.Parent, rest["http.route"], rest["http.request.method"], rest["http.response.status_code"])
            .ShouldBe(("GET /v1/sessions/{sessionId}/", "bbbbbbbbbbbbbbbb", "/v1/sessions/{sessionId}/", "GET", "200"));
    }

    [Fact]
    public async Task Nothing_personal_and_nothing_secret_is_exported_written_or_scraped()
    {
        await PlayAsync();
        // Failures write more telemetry than successes.
        Twilio.Faults.Add(new RestFault { Kind = RestFaultKind.ServerErrorAfterActing, Probability = 0.5 });
        await Twilio.Client(Bob).CallAsync("+15550142425", "s-43");
        using var bad = new HttpRequestMessage(HttpMethod.Post, new Uri(deployment.Address, $"/v1/sessions/{Session}/participants"))
        {
            Content = new StringContent($$"""{"phoneNumber": "{{Lawyer}}", "label": "marker-label"}""", System.Text.Encoding.UTF8,
                "application/json"),
        };
        bad.Headers.Authorization = new("Bearer", deployment.TokenFor(Alice));
        await SendAsync(bad);
        using var unsigned = new HttpRequestMessage(HttpMethod.Post, new Uri(deployment.Address, "/twilio/voice?From=marker-query"))
        {
            Content = new StringContent($"From=client%3A{Alice}&To=%2B15550142424", System.Text.Encoding.UTF8,
                "application/x-www-form-urlencoded"),
        };
        unsigned.Headers.Add("X-Twilio-Signature", "marker-signature");
        (await SendAsync(unsigned)).ShouldBe(HttpStatusCode.Forbidden);
        await Eventually.TrueAsync(
            () => Task.FromResult(receiver.Logs.Any(log => log.Body.StartsWith("A webhook was refused", StringComparison.Ordinal))
            && receiver.Metrics.Contains("calls.ended")), "all three signals are exported", Patience);
        var scraped = string.Concat(
            await Task.WhenAll(
            deployment.Replicas.Select(async replica => (await Http.SendAsync(HttpMethod.Get, new Uri(replica.Address, "/metrics")))
            .Body)));
        scraped.ShouldContain("calls_webhook_duration_seconds_bucket");
        var signatures = Twilio.Journal.OfType<WebhookSent>().Take(50)
            .Select(sent => Signer.Sign(Twilio.Options.AuthToken, new Uri(sent.Url).AbsoluteUri, sent.Parameters));
        var secrets = new[] { Alice, Bob, Lawyer, Lawyer[1..], "15550142425", "%2B1555", "+15550100000", "marker-label", "marker-query",
            "marker-signature", Twilio.Options.AuthToken, deployment.TokenFor(Alice).Split('.')[1] }.Concat(signatures);
        foreach (var secret in secrets)
        {
            receiver.Contains(secret).ShouldBeFalse(secret);
            scraped.Contains(secret, StringComparison.Ordinal).ShouldBeFalse(secret);
            deployment.Said().Contains(secret, StringComparison.Ordinal).ShouldBeFalse(secret);
        }
    }

    [Fact]
    public async Task An_exemplar_leads_from_a_webhooks_duration_to_its_trace()
    {
        await PlayAsync();
        await Eventually.TrueAsync(() => Task.FromResult(receiver.Spans.Any(span => span.Name == "call")), "the call is exported",
            Patience);
        var traces = receiver.Spans.Select(span => span.Trace).ToHashSet(StringComparer.Ordinal);
        var scraped = string.Concat(
            await Task.WhenAll(
            deployment.Replicas.Select(
            async replica =>
            (await Http.SendAsync(HttpMethod.Get, new Uri(replica.Address, "/metrics"),
            headers: ("Accept", "application/openmetrics-text; version=1.0.0"))).Body)));
        var exemplars = Exemplar().Matches(scraped).Select(match => match.Groups["trace"].Value).ToList();
        exemplars.ShouldNotBeEmpty();
        exemplars.ShouldAllBe(trace => traces.Contains(trace));
    }

    private IReadOnlyList<Span> EventSpans() =>
        [.. receiver.Spans.Where(span => span is { Kind: 3 } && span.Name.StartsWith("event ", StringComparison.Ordinal))];

    /// <summary>A span is exported when it ends. Its parent ends later and may come with a later batch.</summary>
    private static bool AreAllThere(IEnumerable<Span> told)
    {
        var spans = told.ToList();
        var root = spans.FirstOrDefault(span => span["calls.webhook.kind"] == "voice");
        var ids = spans.Select(span => span.Id).ToHashSet(StringComparer.Ordinal);
        return spans.Where(span => span.Trace == root?.Trace && span != root).All(span => ids.Contains(span.Parent));
    }

    private static bool IsToTwilio(Span span) => span is { Kind: 3 } && span.Name.StartsWith("Twilio ", StringComparison.Ordinal);

    private static async Task<HttpStatusCode> SendAsync(HttpRequestMessage request)
    {
        using var http = new HttpMessageInvoker(new SocketsHttpHandler { ActivityHeadersPropagator = null });
        using var response = await http.SendAsync(request, CancellationToken.None);
        return response.StatusCode;
    }

    private async Task PlayAsync()
    {
        await Twilio.Client(Alice).CallAsync(Bob, Session);
        await Twilio.Client(Bob).RingsAsync();
        await Twilio.Client(Bob).AnswerAsync();
        await Twilio.Client(Bob).TalksAsync();
        using var add = new HttpRequestMessage(HttpMethod.Post, new Uri(deployment.Address, $"/v1/sessions/{Session}/participants"))
        {
            Content = new StringContent($$"""{"phoneNumber": "{{Lawyer}}"}""", System.Text.Encoding.UTF8, "application/json"),
        };
        add.Headers.Authorization = new("Bearer", deployment.TokenFor(Alice));
        (await SendAsync(add)).ShouldBeOneOf(HttpStatusCode.Created, HttpStatusCode.Accepted);
        await Twilio.Phone(Lawyer).RingsAsync();
        await Twilio.Phone(Lawyer).AnswerAsync();
        await Twilio.Phone(Lawyer).TalksAsync();
        await AnsweredAsync();
        await Twilio.Client(Alice).HangUpAsync();
        await Twilio.Client(Bob).HangUpAsync();
        await Twilio.Phone(Lawyer).IsIdleAsync();
        await AnsweredAsync();
    }

    /// <summary>Without this wait, the webhooks of the leaves may overtake the lawyer's join, by way of the other replica.</summary>
    private Task AnsweredAsync() =>
        Twilio.WaitUntilAsync(cloud => cloud.Journal.OfType<WebhookSent>().Count == cloud.Journal.OfType<WebhookAnswered>().Count,
            "every webhook has its answer");

    [GeneratedRegex("calls_webhook_duration_seconds_bucket.*# \\{.*trace_id=\"(?<trace>[0-9a-f]{32})\"", RegexOptions.ExplicitCapture,
        matchTimeoutMilliseconds: 5000)]
    private static partial Regex Exemplar();
}
