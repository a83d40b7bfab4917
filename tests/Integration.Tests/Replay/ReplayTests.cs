using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Calls.Sandbox;
using Calls.Sandbox.Demo;
using Calls.Sandbox.Page;
using Calls.Sandbox.Replay;
using Calls.Sandbox.Twilio;

namespace Calls.Integration.Tests.Replay;

/// <summary>A recorded call is played again: the same webhooks in the same order give the same end, and what differs is shown.</summary>
public sealed class ReplayTests
{
    private const string Session = "s-42";

    private static readonly JsonSerializerOptions Json = new(RecordingFile.Json) { WriteIndented = true };

    public static TheoryData<string> EveryFlow() => [.. Flows.All.Select(flow => flow.Name)];

    [Theory]
    [MemberData(nameof(EveryFlow))]
    public async Task Every_call_of_the_demonstration_ends_as_it_did(string name)
    {
        await using var host = await StartAsync();
        await Flows.All.Single(flow => flow.Name == name).PlayAsync(host, Session);
        // A call from a phone has the session id of its leg, and Alice is not on it.
        var first = await host.Twilio.AskAsync(cloud => cloud.Legs.First(leg => leg.Inbound));
        await OverAsync(host, first.Phone.IsClient ? "alice" : "bob", first.Custom["SessionID"] ?? first.Sid);
        var (code, output, errors) = await ReplayAsync(await ExportAsync(host));
        code.ShouldBe(0, output + errors);
        output.ShouldContain("The replay ended like the recording.");
        output.ShouldContain("= ended ");
    }

    [Fact]
    public async Task Mute_hold_a_removal_and_a_repeated_request_are_replayed_and_a_call_may_go_on()
    {
        await using var host = await StartAsync();
        var lawyer = await TalkWithLawyerAsync(host, "key-1");
        (await host.RestAsync(HttpMethod.Post, $"/v1/sessions/{Session}/participants", host.TokenFor("alice"),
            """{"phoneNumber": "+15550100101", "label": "lawyer"}""", "key-1")).Status.ShouldBe(HttpStatusCode.Created);
        (await host.RestAsync(HttpMethod.Patch, $"/v1/sessions/{Session}/participants/callee", host.TokenFor("olga", "calls.operate"),
            """{"muted": true}""")).Status.ShouldBe(HttpStatusCode.Accepted);
        await Eventually.TrueAsync(async () => (await SessionAsync(host)).Contains("\"muted\":true", StringComparison.Ordinal));
        (await host.RestAsync(HttpMethod.Delete, $"/v1/sessions/{Session}/participants/{await GuestAsync(host)}", host.TokenFor("bob")))
            .Status.ShouldBe(HttpStatusCode.NoContent);
        await lawyer.IsIdleAsync();
        await Eventually.TrueAsync(async () => (await SessionAsync(host)).Contains("\"left\"", StringComparison.Ordinal));
        var (code, output, errors) = await ReplayAsync(await ExportAsync(host));
        code.ShouldBe(0, output + errors);
        output.ShouldContain("callee person-2 connected muted");
        output.ShouldContain("UpdateParticipant");
    }

    [Fact]
    public async Task A_call_that_lost_its_webhooks_is_put_right_again_at_its_own_time()
    {
        await using var host = await StartAsync(KeyValuePair.Create<string, string?>("Calls:ReviewInterval", "00:00:02"));
        await TalkAsync(host);
        using (host.Twilio.Faults.Add(new WebhookFault { Kind = WebhookKind.Conference, Drop = true }))
        using (host.Twilio.Faults.Add(new WebhookFault { Kind = WebhookKind.CallStatus, Drop = true }))
        using (host.Twilio.Faults.Add(new WebhookFault { Kind = WebhookKind.DialAction, Drop = true }))
        {
            await host.Twilio.Client("alice").HangUpAsync();
            await host.Twilio.Client("bob").IsIdleAsync();
            await OverAsync(host);
        }

        var file = await ExportAsync(host);
        Steps(file).ShouldContain(step => (string?)step!["name"] == "FetchConference", "the service found out by asking");
        var (code, output, errors) = await ReplayAsync(file);
        code.ShouldBe(0, output + errors);
    }

    [Fact]
    public async Task A_call_with_webhooks_that_came_twice_and_a_request_that_was_cut_ends_as_it_did()
    {
        await using var host = await StartAsync();
        using (host.Twilio.Faults.Add(new WebhookFault { Duplicates = 1 }))
        using (host.Twilio.Faults.Add(new RestFault { Operation = RestOperation.UpdateCall, Kind = RestFaultKind.Cut, Times = 1 }))
        {
            await TalkAsync(host);
            await host.Twilio.Client("bob").HangUpAsync();
            await host.Twilio.Client("alice").IsIdleAsync();
            await OverAsync(host);
        }

        var (code, output, errors) = await ReplayAsync(await ExportAsync(host));
        code.ShouldBe(0, output + errors);
    }

    [Fact]
    public async Task A_changed_webhook_is_shown_beside_what_was_recorded()
    {
        await using var host = await StartAsync();
        await Flows.All.Single(flow => flow.Name.StartsWith("5 ", StringComparison.Ordinal)).PlayAsync(host, Session);
        await OverAsync(host);
        var file = await ExportAsync(host);
        var changed = 0;
        foreach (var pair in Steps(file).Where(step => (string?)step!["name"] is { } name
            && name.StartsWith("CallStatus", StringComparison.Ordinal)).SelectMany(step => step!["parameters"]!.AsArray()))
        {
            if ((string?)pair![0] == "CallStatus" && (string?)pair[1] == "busy")
            {
                pair[1] = "failed";
                changed++;
            }
        }

        changed.ShouldBeGreaterThan(0);
        var (code, output, _) = await ReplayAsync(file);
        code.ShouldBe(1, output);
        Regex.IsMatch(
            output, "≠ ended callee-declined +ended callee-unreachable", RegexOptions.None, TimeSpan.FromSeconds(1)).ShouldBeTrue(output);
    }

    [Theory]
    [InlineData("version", "2", "recording.version")]
    [InlineData("steps", "[]", "recording.steps")]
    [InlineData("steps", "7", "recording.steps")]
    [InlineData("complete", "false", "recording.complete")]
    [InlineData("from", "\"yesterday\"", "recording.from")]
    [InlineData("until", "\"2001-01-01T00:00:00Z\"", "recording.until")]
    [InlineData("rules", """{"ConnectionStrings:Redis": "elsewhere"}""", "recording.rules.ConnectionStrings:Redis")]
    [InlineData("rules", """{"Calls:RingTimeout": "never"}""", "recording.rules")]
    [InlineData("steps[0].path", "\"//elsewhere.example/\"", "recording.steps[0].path")]
    [InlineData("steps[0].path", "\"http://elsewhere.example/\"", "recording.steps[0].path")]
    [InlineData("steps[0].method", "null", "recording.steps[0].method")]
    [InlineData("steps[0].kind", "\"whim\"", "recording.steps[0].kind")]
    [InlineData("steps[0].parameters", "null", "recording.steps[0].parameters")]
    [InlineData("steps[0].parameters", """[["one"]]""", "recording.steps[0].parameters")]
    [InlineData("steps[0].at", "\"1999-01-01T00:00:00Z\"", "recording.steps[0].at")]
    [InlineData("end", "null", "recording.end")]
    public async Task A_file_that_cannot_be_used_is_refused_by_the_name_of_its_field(string field, string value, string named)
    {
        var file = JsonNode.Parse("""
            {"recording": {"version": 1, "from": "2026-01-01T00:00:00Z", "until": "2026-01-01T00:01:00Z", "complete": true, "rules": {},
            "end": [], "steps": [
                {"kind": "webhook", "number": 1, "at": "2026-01-01T00:00:00Z", "method": "POST", "path": "/twilio/voice",
                "parameters": []}]}}
            """)!.AsObject();
        var recording = file["recording"]!;
        var at = field.StartsWith("steps[0].", StringComparison.Ordinal) ? recording["steps"]![0]! : recording;
        at[field.Replace("steps[0].", "", StringComparison.Ordinal)] = JsonNode.Parse(value);
        var (code, _, errors) = await ReplayAsync(file);
        code.ShouldBe(2);
        errors.ShouldContain(named);
    }

    [Theory]
    [InlineData("")]
    [InlineData("nonsense")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("""{"recording": 7}""")]
    public async Task A_file_that_is_no_recording_is_refused(string text)
    {
        var file = Path.GetTempFileName();
        await File.WriteAllTextAsync(file, text, TestContext.Current.CancellationToken);
        using var errors = new StringWriter();
        (await ReplayCommand.RunAsync(file, TextWriter.Null, errors, TestContext.Current.CancellationToken)).ShouldBe(2);
        errors.ToString().ShouldContain("cannot be replayed");
        (await ReplayCommand.RunAsync(file + ".absent", TextWriter.Null, errors, TestContext.Current.CancellationToken)).ShouldBe(2);
        File.Delete(file);
    }

    [Fact]
    public async Task Nothing_in_an_export_says_who_was_on_the_call()
    {
        await using var host = await StartAsync();
        var (marker, other) = (host.Twilio.Client("marker_identity"), host.Twilio.Client("zoe_secret"));
        await marker.CallAsync("zoe_secret", Session);
        await other.RingsAsync();
        await other.AnswerAsync();
        await other.TalksAsync();
        var phone = host.Twilio.Phone("+15557654321");
        (await host.RestAsync(HttpMethod.Post, $"/v1/sessions/{Session}/participants", host.TokenFor("marker_identity"),
            """{"phoneNumber": "+1 (555) 765-4321", "label": "Dr Marker"}""", "marker-key")).Status
            .ShouldBe(HttpStatusCode.Created);
        await phone.RingsAsync();
        await phone.AnswerAsync();
        await phone.TalksAsync();
        foreach (var one in new[] { marker, other })
            await one.HangUpAsync();
        await OverAsync(host, "marker_identity");
        var file = await ExportAsync(host);
        var text = file.ToJsonString();
        foreach (var secret in new[] { "marker", "zoe", "secret", "Dr ", "7654321", "765-4321" })
            text.Contains(secret, StringComparison.OrdinalIgnoreCase).ShouldBeFalse(Around(text, secret));
        var (code, output, errors) = await ReplayAsync(file);
        code.ShouldBe(0, output + errors);
    }

    private static Task<SandboxHost> StartAsync(params KeyValuePair<string, string?>[] settings) =>
        SandboxHost.StartAsync(new SandboxOptions
        {
            Twilio = new() { RingBuffer = TimeSpan.Zero },
            Settings = [new("Calls:RingTimeout", "00:00:05"), .. settings],
        });

    private static async Task TalkAsync(SandboxHost host)
    {
        await host.Twilio.Client("alice").CallAsync("bob", Session);
        await host.Twilio.Client("bob").RingsAsync();
        await host.Twilio.Client("bob").AnswerAsync();
        await host.Twilio.Client("bob").TalksAsync();
    }

    private static async Task<PhoneHandle> TalkWithLawyerAsync(SandboxHost host, string key)
    {
        await TalkAsync(host);
        var lawyer = host.Twilio.Phone("+15550100101");
        (await host.RestAsync(HttpMethod.Post, $"/v1/sessions/{Session}/participants", host.TokenFor("alice"),
            """{"phoneNumber": "+15550100101", "label": "lawyer"}""", key)).Status.ShouldBe(HttpStatusCode.Created);
        await lawyer.RingsAsync();
        await lawyer.AnswerAsync();
        await lawyer.TalksAsync();
        return lawyer;
    }

    private static async Task<string> SessionAsync(SandboxHost host) =>
        (await host.RestAsync(HttpMethod.Get, $"/v1/sessions/{Session}", host.TokenFor("olga", "calls.operate"))).Body;

    private static async Task<string> GuestAsync(SandboxHost host) =>
        (string)JsonNode.Parse(await SessionAsync(host))!["participants"]!.AsArray().Single(
            person => (string?)person!["role"] == "guest")!["id"]!;

    /// <summary>The call has ended, everybody has left, and Twilio has said so.</summary>
    private static async Task OverAsync(SandboxHost host, string asker = "alice", string id = Session)
    {
        await host.Twilio.WaitUntilAsync(cloud => !cloud.LiveLegs().Any(), "every line has ended");
        await Eventually.TrueAsync(async () =>
        {
            var session = JsonNode.Parse((await host.RestAsync(HttpMethod.Get, $"/v1/sessions/{id}", host.TokenFor(asker))).Body)!;
            return (string?)session["state"] == "ended" && session["participants"]!.AsArray().All(
                person => (string?)person!["state"] is "left" or "not-reached");
        });
    }

    private static async Task<JsonObject> ExportAsync(SandboxHost host) => JsonSerializer.SerializeToNode(
        await TimelineExport.OfAsync(host, [], new GuaranteeView("hold", [], 0), TestContext.Current.CancellationToken), Json)!.AsObject();

    private static string Around(string text, string secret) =>
        text.IndexOf(secret, StringComparison.OrdinalIgnoreCase) is >= 0 and var at
            ? text[Math.Max(0, at - 200)..Math.Min(text.Length, at + 100)]
            : "";

    private static JsonArray Steps(JsonObject file) => file["recording"]!["steps"]!.AsArray();

    private static async Task<(int Code, string Output, string Errors)> ReplayAsync(JsonObject recording)
    {
        var file = Path.GetTempFileName();
        await File.WriteAllTextAsync(file, recording.ToJsonString(Json), TestContext.Current.CancellationToken);
        using var output = new StringWriter();
        using var errors = new StringWriter();
        var code = await ReplayCommand.RunAsync(file, output, errors, TestContext.Current.CancellationToken);
        File.Delete(file);
        return (code, output.ToString(), errors.ToString());
    }
}
