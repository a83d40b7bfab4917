using System.Diagnostics;
using Calls.Application.Ports;
using Calls.Domain;
using Calls.Infrastructure.Twilio;

namespace Calls.Integration.Tests.Gateway;

/// <summary>What the gateway tells of its requests, and of whom it does not.</summary>
[Collection(nameof(TelemetrySink))]
public sealed class GatewayTelemetryTests
{
    private const string Number = "+15557654321";
    private const string Callee = "marker-callee";
    private const string Caller = "marker-caller";
    private const string CallerId = "+15559876543";
    private const string Token = "marker-token";
    private const string Nonce = "markernonce";

    private static readonly CancellationToken None = CancellationToken.None;

    [Fact]
    public async Task A_request_is_one_span_and_one_count_whatever_the_number_of_its_attempts()
    {
        using var sink = new TelemetrySink(GatewayTelemetry.Name);
        await using var gateway = await GatewayFixture.StartAsync();
        gateway.Twilio.Says(
            Answer.TooMany(), Answer.Participant with
            {
                Headers = new Dictionary<string,
                string>
                { ["Twilio-Concurrent-Requests"] = "7" }
            }, Answer.Error(400, 16026), Answer.Error(500, 20500));
        var conference = Given.AGuest with
        {
            Conference = ConferenceSid.TryParse("CFfeedfeedfeedfeedfeedfeedfeedfeed",
            out var sid) ? sid : throw new UnreachableException()
        };

        await gateway.Gateway.CreateParticipantAsync(conference, None);
        await gateway.Gateway.CreateParticipantAsync(conference, None);
        await gateway.Gateway.CreateParticipantAsync(conference, None);

        var spans = sink.Spans.Where(s => Equals(s.GetTagItem("twilio.conference_sid"), conference.Conference.Value)).ToList();
        spans.Select(
            s => (s.DisplayName, s.Kind)).Distinct().ShouldHaveSingleItem().ShouldBe(("Twilio Participants.create", ActivityKind.Client));
        spans.Select(s => (s.GetTagItem("twilio.operation"), s.GetTagItem("twilio.outcome"), s.GetTagItem("twilio.error_code"),
            s.GetTagItem("twilio.attempts"), s.Status)).ShouldBe([
            ("Participants.create", "accepted", null, 2, ActivityStatusCode.Unset),
            ("Participants.create", "refused", 16026, 1, ActivityStatusCode.Unset),
            ("Participants.create", "unknown", null, 1, ActivityStatusCode.Error),
        ]);
        spans.Select(s => (s.GetTagItem("http.response.status_code"), s.GetTagItem("http.request.resend_count"),
            s.GetTagItem("error.type"))).ShouldBe([
            (201, 1, null), (400, null, null), (500, null, "500"),
        ]);
        var url = new Uri(gateway.Twilio.Url);
        spans.Select(s => (s.GetTagItem("http.request.method"), s.GetTagItem("server.address"), s.GetTagItem("server.port"))).Distinct()
            .ShouldHaveSingleItem().ShouldBe(("POST", url.Host, url.Port));
        spans.SelectMany(s => s.TagObjects).ShouldNotContain(tag => tag.Key == "url.full", "it may hold phone numbers");
        spans[0].GetTagItem("twilio.call_sid").ShouldBe(Answer.CallSid);
        var retry = spans[0].Events.ShouldHaveSingleItem();
        retry.Name.ShouldBe("retry");
        retry.Tags.Single(tag => tag.Key == "http.response.status_code").Value.ShouldBe(429);
        foreach (var outcome in new[] { "accepted", "refused", "unknown" })
            sink.Of(gateway).ShouldContain(("calls.twilio.requests", 1d, $"operation=Participants.create outcome={outcome}"));
        sink.Of(gateway).ShouldContain(m => m.Name == "calls.twilio.request.duration");
        sink.Of(gateway).ShouldContain(("calls.twilio.concurrent_requests", 7d, ""));
        sink.Measurements.ShouldContain(m => m.Name.StartsWith("resilience.polly", StringComparison.Ordinal), "Polly's own metrics");
    }

    [Fact]
    public async Task A_request_that_the_service_itself_stopped_has_no_span_and_is_no_refusal_by_Twilio()
    {
        using var sink = new TelemetrySink(GatewayTelemetry.Name);
        await using var gateway = await GatewayFixture.StartAsync(GatewayFixture.Quick with
        {
            Creates = GatewayFixture.Quick.Creates with
            {
                Permits = 1,
                Breaker = new() { MinimumThroughput = 2, Break = GatewayFixture.S(60) },
            },
        });
        var reached = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        gateway.Twilio.Otherwise = _ =>
        {
            reached.TrySetResult();
            return Answer.Never;
        };
        CallSid.TryParse("CAbeefbeefbeefbeefbeefbeefbeefbeef", out var leg).ShouldBeTrue();
        var conference = Given.AGuest with
        {
            Conference = ConferenceSid.TryParse("CFbeefbeefbeefbeefbeefbeefbeefbeef", out var sid) ? sid : throw new UnreachableException(),
        };
        var first = gateway.Gateway.CreateParticipantAsync(conference, None);
        await reached.Task.WaitAsync(GatewayFixture.S(10), None);
        (await gateway.Gateway.CreateParticipantAsync(conference, None)).ShouldBe(
            new GatewayOutcome<CallSid>.NotSent(NotSentCause.Limiter), "the one permit is taken");
        gateway.Twilio.Otherwise = _ => Answer.Error(500, 20500);
        await first;
        await gateway.Gateway.CreateParticipantAsync(conference, None);
        (await gateway.Gateway.CreateParticipantAsync(conference, None)).ShouldBeOfType<GatewayOutcome<CallSid>.NotSent>().Cause
            .ShouldBe(NotSentCause.Breaker);

        gateway.Twilio.Requests.Count.ShouldBe(2);
        sink.Spans.Count(s => Equals(s.GetTagItem("twilio.conference_sid"), conference.Conference.Value)).ShouldBe(2, "two were sent");
        foreach (var cause in new[] { "limiter", "breaker" })
            sink.Of(gateway).ShouldContain(
                ("calls.twilio.requests", 1d, $"operation=Participants.create outcome=not_sent cause={cause}"));
        var lines = gateway.Logs.Lines.Where(l => l.Contains("not sent", StringComparison.Ordinal)).ToList();
        lines.Count.ShouldBe(2);
        lines.ShouldAllBe(l => l.StartsWith("Debug", StringComparison.Ordinal));
        gateway.Logs.Lines.ShouldNotContain(l => l.Contains("refuse", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_hundred_failures_are_one_log_line()
    {
        await using var gateway = await GatewayFixture.StartAsync(Logged);
        for (var i = 0; i < 100; i++)
            await gateway.Gateway.CompleteCallAsync(Given.Leg, None);
        var warnings = gateway.Logs.Lines.Where(l => l.StartsWith("Warning", StringComparison.Ordinal)).ToList();
        warnings.ShouldHaveSingleItem().ShouldContain("Calls.update");
    }

    [Fact]
    public async Task A_request_that_fails_says_of_its_error_what_the_http_conventions_say()
    {
        using var sink = new TelemetrySink(GatewayTelemetry.Name);
        await using var gateway = await GatewayFixture.StartAsync(Logged);
        gateway.Twilio.Says(
            Answer.CutOff, Answer.CutOff, Answer.Error(503, 20503), Answer.CutOff, new Answer(200, "<html/>"), Answer.Error(401, 20003));
        CallSid.TryParse("CAfeedfeedfeedfeedfeedfeedfeedfeed", out var leg).ShouldBeTrue();
        for (var i = 0; i < 4; i++)
            await gateway.Gateway.FetchCallAsync(leg!, None);

        var spans = sink.Spans.Where(s => Equals(s.GetTagItem("twilio.call_sid"), leg!.Value)).ToList();
        spans.ShouldAllBe(s => s.Status == ActivityStatusCode.Error && Equals(s.GetTagItem("http.request.method"), "GET"));
        spans.Select(s => (s.GetTagItem("http.response.status_code"), s.GetTagItem("http.request.resend_count"),
            s.GetTagItem("error.type"))).ShouldBe([
            (null, 1, "System.Net.Http.HttpRequestException"),
            (null, 1, "System.Net.Http.HttpRequestException"),
            (200, null, "unreadable_answer"),
            (401, null, "401"),
        ]);
    }

    [Fact]
    public async Task Nothing_that_is_traced_measured_or_logged_names_a_number_a_person_or_a_secret()
    {
        using var sink = new TelemetrySink();
        await using var gateway = await GatewayFixture.StartAsync(Logged, ("Twilio:AuthToken", Token), ("Twilio:Voice:CallerId", CallerId));
        var quoting = new Answer(400, $$"""{"code":21211,"message":"{{Number}} of client:{{Callee}} is not valid","status":400}""");
        gateway.Twilio.Otherwise = r => (r.Method, r.Path) switch
        {
            ("POST", var p) when p.EndsWith("/Calls.json", StringComparison.Ordinal) => quoting,
            ("GET", var p) when p.EndsWith("/Calls.json", StringComparison.Ordinal) => Answer.Error(500, 20500),
            (_, var p) when p.EndsWith("/Participants.json", StringComparison.Ordinal) => Answer.CutOff,
            _ => new Answer(200, $$"""{"sid":"{{Answer.CallSid}}","to":"{{Number}}","from":"client:{{Caller}}","status":"ringing"}"""),
        };

        var call = Given.CallTo(new Party.Client(Given.Identity(Callee))) with
        {
            Caller = new Party.Client(Given.Identity(Caller)),
            Nonce = Nonce,
        };
        await gateway.Gateway.CreateCallAsync(call, None);
        await gateway.Gateway.CreateCallAsync(call with { To = new Party.Phone(Given.Number(Number)) }, None);
        await gateway.Gateway.CreateParticipantAsync(Given.AGuest with { To = new Party.Phone(Given.Number(Number)), Nonce = Nonce }, None);
        await gateway.Gateway.ListCallsAsync(Number, "client:" + Caller, DateTimeOffset.UnixEpoch, None);
        await gateway.Gateway.FetchCallAsync(Given.Leg, None);
        await gateway.Gateway.CompleteCallAsync(Given.Leg, None);

        gateway.Twilio.Requests.ShouldContain(r => r.Form.ContainsKey("To") && r.Form["To"] == Number, "the marker was sent");
        gateway.Logs.Lines.ShouldContain(l => l.Contains("Calls.create", StringComparison.Ordinal), "something was logged");
        sink.Spans.ShouldContain(s => s.DisplayName == "Twilio Calls.create", "something was traced");
        foreach (var words in new[] { string.Join('\n', gateway.Logs.Lines), Ours(sink) })
            foreach (var secret in new[] { Number[1..], Callee, Caller, CallerId[1..], Token, Nonce })
                words.ShouldNotContain(secret);
        string.Join('\n', gateway.Logs.Lines).ShouldNotContain("http://127", Case.Insensitive);
    }

    [Fact]
    public async Task Twilio_is_sent_no_trace_and_no_baggage()
    {
        using var sink = new TelemetrySink();
        await using var gateway = await GatewayFixture.StartAsync();
        gateway.Twilio.Says(Answer.Call);
        using var span = new Activity("outside").AddBaggage("person", "alice").Start();

        await gateway.Gateway.FetchCallAsync(Given.Leg, None);

        gateway.Twilio.Requests.ShouldHaveSingleItem().Headers.Keys.Order(StringComparer.OrdinalIgnoreCase)
            .ShouldBe(["Accept", "Authorization", "Host"], ignoreOrder: false);
    }

    /// <summary>With the smallest retries, so that every path logs.</summary>
    private static GatewaySettings Logged => GatewayFixture.Quick with { Reads = GatewayFixture.Quick.Reads with { Retries = 1 } };

    /// <summary>All that was recorded but what the scripted server's own host says of itself.</summary>
    private static string Ours(TelemetrySink sink) =>
        string.Join('\n', sink.Everything.Split('\n').Where(l => !l.StartsWith("Microsoft.AspNetCore", StringComparison.Ordinal)));
}
