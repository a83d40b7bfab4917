using System.Net.Http.Headers;
using System.Text;
using Calls.Observability.Tests.Harness;

namespace Calls.Observability.Tests;

/// <summary>A call of three through two replicas, and everything that they export of it.</summary>
public sealed class One_call_is_one_trace
{
    private const string Session = "s-observed";
    private const string Caller = "marker-caller-7f3a";
    private const string Callee = "marker-callee-91bd";
    private const string Guest = "+15550142857";
    private const string FrontendsTrace = "0af7651916cd43dd8448eb211c80319c";
    private const string ForgedTrace = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

    [Fact]
    public async Task A_call_through_two_replicas_is_one_trace_without_orphans_and_nothing_that_is_exported_names_a_person_or_a_secret()
    {
        await using var installation = await Installation.StartAsync();
        installation.Front.Forged = new Dictionary<string, string>
        {
            ["traceparent"] = $"00-{ForgedTrace}-bbbbbbbbbbbbbbbb-01",
            ["baggage"] = "who=" + ForgedTrace,
        };
        await PlayAsync(installation);
        var metrics = new List<string>();
        foreach (var replica in installation.Replicas)
            metrics.Add(await replica.MetricsAsync());
        await installation.StopReplicasAsync();
        installation.Replicas.ShouldAllBe(replica => replica.ExitCode == 0);

        var spans = installation.Collector.Spans.ToList();
        var calls = spans.Where(span => span.Trace != FrontendsTrace).ToList();
        var said = string.Join('\n', spans);
        calls.Select(span => span.Trace).Distinct().Count().ShouldBe(1, said);
        calls.Count(span => span.Parent.Length == 0).ShouldBe(1, said);
        var root = calls.Single(span => span.Parent.Length == 0);
        root.Name.ShouldBe("POST /twilio/voice");
        root.Kind.ShouldBe(Span.Server);
        calls.Where(span => span.Parent.Length > 0 && calls.TrueForAll(other => other.Id != span.Parent)).ShouldBeEmpty(said);
        calls.Select(span => span.Replica).Distinct().Count().ShouldBe(2, "both replicas served it");
        spans.ShouldAllBe(span => span.Trace != ForgedTrace);

        var names = calls.Select(span => span.Name).ToHashSet(StringComparer.Ordinal);
        foreach (var expected in new[] { "StartCall", "JoinCall", "ParticipantJoined", "ParticipantLeft", "effect Dial", "Twilio Calls.create", "Twilio Participants.create", "HMGET", "save", "call" })
            names.ShouldContain(expected, said);
        calls.Where(span => span.Name == "call").ShouldHaveSingleItem().Tags["calls.end.reason"].ShouldBe("OnePersonLeft");
        calls.Where(span => span.Name == "call").ShouldHaveSingleItem().Tags["calls.participants"].ShouldBe("3");
        calls.Where(span => span.Scope == "Calls.Redis").ShouldAllBe(span => span.Kind == Span.Client && span.Tags["db.system.name"] == "redis" && span.Tags.ContainsKey("server.port"));
        calls.Where(span => span.Scope == "Calls.Twilio").ShouldAllBe(span => span.Kind == Span.Client && span.Tags.ContainsKey("twilio.outcome"));
        calls.Where(span => span.Kind == Span.Server).ShouldAllBe(span => span.Tags["http.response.status_code"] == "200" || span.Tags["http.response.status_code"] == "204");

        var rest = spans.Where(span => span.Trace == FrontendsTrace && span.Kind == Span.Server).ShouldHaveSingleItem();
        rest.Parent.ShouldBe("b7ad6b7169203331", "a frontend's context is continued");
        rest.LinkedTraces.ShouldContain(root.Trace, "and leads to the call's");

        installation.Collector.TracesOfLogs.ShouldContain(root.Trace, "log lines carry the call's trace");
        installation.Collector.TracesOfLogs.ShouldNotContain(ForgedTrace);
        foreach (var name in new[] { "calls.webhooks", "calls.webhook.duration", "calls.live", "calls.time_to_ring", "calls.line_end.delay", "calls.participants", "calls.redis.duration", "calls.effects.delay", "calls.twilio.circuit", "calls.sweeper.lag" })
            installation.Collector.Metrics.ShouldContain(name);
        metrics.ShouldContain(text => text.Contains($"trace_id=\"{root.Trace}\"", StringComparison.Ordinal), "an exemplar leads from a webhook's duration to its trace");

        var exported = installation.Collector.Received.Select(r => Encoding.Latin1.GetString(r.Bytes)).Concat(metrics).Concat(installation.Replicas.Select(r => r.Output)).ToList();
        exported.Sum(text => text.Length).ShouldBeGreaterThan(10_000, "or there was nothing to search");
        exported.ShouldContain(text => text.Contains(Session, StringComparison.Ordinal), "the search finds what is there");
        string[] forbidden = [Caller, Callee, Guest[1..], installation.Twilio.Options.AuthToken, installation.Twilio.Options.ApiKeySecret, .. installation.Front.SecretsSeen];
        forbidden.Length.ShouldBeGreaterThan(10, "signatures and bearers were seen");
        foreach (var marker in forbidden.SelectMany(text => new[] { text, Uri.EscapeDataString(text) }).Distinct(StringComparer.Ordinal))
            exported.Where(text => text.Contains(marker, StringComparison.Ordinal)).ShouldBeEmpty($"{marker[..4]}… must not be exported");
    }

    private static async Task PlayAsync(Installation installation)
    {
        var (caller, callee, guest) = (installation.Twilio.Client(Caller), installation.Twilio.Client(Callee), installation.Twilio.Phone(Guest));
        await caller.CallAsync(Callee, Session);
        await callee.RingsAsync();
        await callee.AnswerAsync();
        await callee.TalksAsync();
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(installation.Front.Address, $"/v1/sessions/{Session}/participants"));
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", installation.TokenFor(Caller));
        request.Headers.Add("traceparent", $"00-{FrontendsTrace}-b7ad6b7169203331-01");
        request.Content = new StringContent($$"""{"phoneNumber": "{{Guest}}", "label": "marker-label-55"}""", Encoding.UTF8, "application/json");
        using var http = new HttpMessageInvoker(new SocketsHttpHandler { ActivityHeadersPropagator = null, UseProxy = false });
        using var response = await http.SendAsync(request, TestContext.Current.CancellationToken);
        response.IsSuccessStatusCode.ShouldBeTrue(await response.Content.ReadAsStringAsync());
        await guest.RingsAsync();
        await guest.AnswerAsync();
        await guest.TalksAsync();
        await caller.HangUpAsync();
        await callee.HangUpAsync();
        await guest.IsIdleAsync();
        await installation.Twilio.WaitUntilAsync(cloud => !cloud.LiveLegs().Any(), "every line has ended");
    }
}
