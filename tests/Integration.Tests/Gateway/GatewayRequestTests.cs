using System.Text;
using System.Text.Json;
using Calls.Application.Ports;
using Calls.Domain;

namespace Calls.Integration.Tests.Gateway;

/// <summary>What each operation sends, against Twilio's own description of it.</summary>
public sealed class GatewayRequestTests
{
    private const string Account = "/2010-04-01/Accounts/" + GatewayFixture.AccountSid;

    private static readonly CancellationToken None = CancellationToken.None;

    [Fact]
    public async Task A_client_is_rung_from_the_callers_own_address_with_an_answer_url_and_all_four_events()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        gateway.Twilio.Says(Answer.Call);

        var outcome = await gateway.Gateway.CreateCallAsync(Given.ACall, None);

        outcome.ShouldBeOfType<GatewayOutcome<CallSid>.Accepted>().Value.ShouldBe(Given.Leg);
        var request = gateway.Twilio.Requests.ShouldHaveSingleItem();
        request.Method.ShouldBe("POST");
        request.Path.ShouldBe(Account + "/Calls.json");
        Flat(request).ShouldBe(new Dictionary<string, string>
        {
            ["To"] = "client:bob?SessionID=s:42&CallerIdentity=alice",
            ["From"] = "client:alice",
            ["Url"] = "https://calls.example.com/twilio/sessions/s:42/nonce234/participants/callee/join#rc=2&rp=5xx,ct,rt&ct=1500&rt=3000",
            ["Method"] = "POST",
            ["StatusCallback"] = "https://calls.example.com/twilio/sessions/s:42/nonce234/participants/callee/status#rc=5&rp=5xx,ct,rt",
            ["StatusCallbackMethod"] = "POST",
            ["StatusCallbackEvent"] = "initiated|ringing|answered|completed",
            ["Timeout"] = "30",
            ["TimeLimit"] = "14400",
        }, ignoreOrder: true);
    }

    [Fact]
    public async Task A_phone_is_rung_from_the_caller_id()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        gateway.Twilio.Says(Answer.Call);

        await gateway.Gateway.CreateCallAsync(Given.CallTo(new Party.Phone(Given.Number("+15551234567"))), None);

        var form = Flat(gateway.Twilio.Requests.ShouldHaveSingleItem());
        form["To"].ShouldBe("+15551234567");
        form["From"].ShouldBe(GatewayFixture.CallerNumber);
    }

    [Theory]
    [InlineData(MachineDetection.Off, null)]
    [InlineData(MachineDetection.Enable, "Enable")]
    [InlineData(MachineDetection.DetectMessageEnd, "DetectMessageEnd")]
    public async Task Machines_are_detected_before_the_answer_url_is_requested(MachineDetection detection, string? sent)
    {
        await using var gateway = await GatewayFixture.StartAsync();
        gateway.Twilio.Says(Answer.Call);
        await gateway.Gateway.CreateCallAsync(Given.ACall with { MachineDetection = detection }, None);
        var form = Flat(gateway.Twilio.Requests.ShouldHaveSingleItem());
        form.GetValueOrDefault("MachineDetection").ShouldBe(sent);
        form.ShouldNotContainKey("AsyncAmd");
    }

    [Fact]
    public async Task A_guest_is_added_by_the_conferences_sid_with_its_label_and_the_rooms_callbacks()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        gateway.Twilio.Says(Answer.Participant);

        var outcome = await gateway.Gateway.CreateParticipantAsync(Given.AGuest, None);

        outcome.ShouldBeOfType<GatewayOutcome<CallSid>.Accepted>().Value.ShouldBe(Given.Leg);
        var request = gateway.Twilio.Requests.ShouldHaveSingleItem();
        request.Method.ShouldBe("POST");
        request.Path.ShouldBe($"{Account}/Conferences/{Answer.ConferenceSid}/Participants.json");
        Flat(request).ShouldBe(new Dictionary<string, string>
        {
            ["To"] = "+15551234567",
            ["From"] = GatewayFixture.CallerNumber,
            ["Label"] = "guest-1",
            ["Timeout"] = "30",
            ["TimeLimit"] = "14400",
            ["EarlyMedia"] = "false",
            ["Beep"] = "false",
            ["WaitUrl"] = "",
            ["EndConferenceOnExit"] = "false",
            ["StatusCallback"] = "https://calls.example.com/twilio/sessions/s:42/nonce234/participants/guest-1/status#rc=5&rp=5xx,ct,rt",
            ["StatusCallbackMethod"] = "POST",
            ["StatusCallbackEvent"] = "initiated|ringing|answered|completed",
            ["ConferenceStatusCallback"] = "https://calls.example.com/twilio/sessions/s:42/nonce234/conference#rc=5&rp=5xx,ct,rt",
            ["ConferenceStatusCallbackMethod"] = "POST",
            ["ConferenceStatusCallbackEvent"] = "start|end|join|leave|mute|hold",
        }, ignoreOrder: true);
    }

    [Theory]
    [InlineData(true, null, "Muted=true")]
    [InlineData(null, false, "Hold=false")]
    [InlineData(false, true, "Hold=true Muted=false")]
    public async Task Mute_and_hold_are_sent_where_they_are_set(bool? muted, bool? hold, string form)
    {
        await using var gateway = await GatewayFixture.StartAsync();
        gateway.Twilio.Says(Answer.Participant);

        var outcome = await gateway.Gateway.UpdateParticipantAsync(Given.Conference, Given.Leg, muted, hold, ringback: false, None);

        outcome.ShouldBeOfType<GatewayOutcome<ParticipantView>.Accepted>().Value.ShouldBe(
            new ParticipantView(Given.Leg, "guest-1", Connected: true, Muted: true, Hold: false));
        var request = gateway.Twilio.Requests.ShouldHaveSingleItem();
        request.Path.ShouldBe($"{Account}/Conferences/{Answer.ConferenceSid}/Participants/{Answer.CallSid}.json");
        string.Join(' ', Flat(request).OrderBy(f => f.Key, StringComparer.Ordinal).Select(f => $"{f.Key}={f.Value}")).ShouldBe(form);
    }

    [Fact]
    public async Task A_call_is_ended_by_status_completed()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        gateway.Twilio.Says(Answer.Call);

        (await gateway.Gateway.CompleteCallAsync(Given.Leg, None)).ShouldBeOfType<GatewayOutcome<CallView>.Accepted>()
            .Value.ShouldBe(new CallView(Given.Leg, LegStatus.Queued, "client:bob", "client:alice",
                new DateTimeOffset(2010, 8, 31, 20, 36, 28, TimeSpan.Zero)));

        gateway.Twilio.Requests.Select(r => $"{r.Method} {r.Path} {string.Join(' ', Flat(r))}").ShouldBe([
            $"POST {Account}/Calls/{Answer.CallSid}.json [Status, completed]",
        ]);
    }

    [Fact]
    public async Task A_leg_is_redirected_by_its_document()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        gateway.Twilio.Says(Answer.Call);

        (await gateway.Gateway.RedirectCallAsync(Given.Leg, "<Response><Hangup/></Response>", None))
            .ShouldBeOfType<GatewayOutcome<CallView>.Accepted>();

        gateway.Twilio.Requests.Select(r => $"{r.Method} {r.Path} {string.Join(' ', Flat(r))}").ShouldBe([
            $"POST {Account}/Calls/{Answer.CallSid}.json [Twiml, <Response><Hangup/></Response>]",
        ]);
    }

    [Fact]
    public async Task A_list_follows_every_page_and_sends_its_credentials_nowhere_else()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        gateway.Twilio.Says(
            ParticipantsPage("CA1", "https://elsewhere.example/2010-04-01/Accounts/AC/x.json?PageSize=100&Page=1&PageToken=PAx%2By"),
            ParticipantsPage("CA2", "/2010-04-01/Accounts/AC/x.json?PageSize=100&Page=2&PageToken=PAz"),
            ParticipantsPage("CA3", null));

        var all = (await gateway.Gateway.ListParticipantsAsync(Given.Conference, None))
            .ShouldBeOfType<GatewayOutcome<IReadOnlyList<ParticipantView>>.Accepted>().Value;

        all.Select(p => (p.CallSid.Value[..3], p.Connected)).ShouldBe([("CA1", false), ("CA2", false), ("CA3", false)]);
        gateway.Twilio.Requests.Select(
            r => (r.Query.GetValueOrDefault("Page").ToString(), r.Query.GetValueOrDefault("PageToken").ToString()))
            .ShouldBe([("", ""), ("1", "PAx+y"), ("2", "PAz")]);
    }

    [Fact]
    public async Task A_redirect_is_not_followed_and_no_credentials_go_to_its_address()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        await using var elsewhere = await FakeTwilio.StartAsync();
        var redirect = new Answer(302, "") { Headers = new Dictionary<string, string> { ["Location"] = elsewhere.Url + "/Calls.json" } };
        gateway.Twilio.Says(redirect, redirect);

        (await gateway.Gateway.CreateCallAsync(Given.ACall, None)).ShouldBe(new GatewayOutcome<CallSid>.Refused(Refusal.BadRequest, null));
        (await gateway.Gateway.FetchCallAsync(Given.Leg, None)).ShouldBe(new GatewayOutcome<CallView>.Refused(Refusal.BadRequest, null));
        gateway.Twilio.Requests.Count.ShouldBe(2);
        elsewhere.Requests.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_list_that_never_ends_and_one_that_breaks_off_are_unknown_for_half_a_list_is_none()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        gateway.Twilio.Otherwise = _ => ParticipantsPage("CA1", "/x.json?Page=1&PageToken=PA");
        (await gateway.Gateway.ListParticipantsAsync(Given.Conference, None)).ShouldBeOfType<GatewayOutcome<IReadOnlyList<ParticipantView>>
            .Unknown>();
        gateway.Twilio.Requests.Count.ShouldBe(10);

        gateway.Twilio.Otherwise = _ => Answer.Error(404, 20404);
        gateway.Twilio.Says(ParticipantsPage("CA1", "/x.json?Page=1&PageToken=PA"));
        (await gateway.Gateway.ListParticipantsAsync(Given.Conference, None)).ShouldBeOfType<GatewayOutcome<IReadOnlyList<ParticipantView>>
            .Refused>().Meaning.ShouldBe(Refusal.NotFound);
    }

    [Fact]
    public async Task Conferences_are_found_by_name_in_every_state_but_completed()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        gateway.Twilio.Says(new Answer(200, """{"conferences":[],"next_page_uri":null}"""), new Answer(200, $$"""
            {"conferences":[{"sid":"{{Sid("CF1")}}","friendly_name":"room-1","status":"completed"},{"sid":"{{Sid("CF2")}}",
            "friendly_name":"room-1","status":"in-progress"}],"next_page_uri":null}
            """));

        var found = (await gateway.Gateway.ListConferencesAsync("room-1", None))
            .ShouldBeOfType<GatewayOutcome<IReadOnlyList<ConferenceView>>.Accepted>().Value;

        found.ShouldHaveSingleItem().Sid.Value.ShouldBe(Sid("CF2"));
        gateway.Twilio.Requests.Select(request => request.Query["FriendlyName"].ToString()).ShouldBe(["room-1", "room-1"]);
        gateway.Twilio.Requests.Select(request => request.Query.GetValueOrDefault("Status").ToString()).ShouldBe(["init", ""]);
    }

    [Fact]
    public async Task Calls_are_listed_by_both_addresses_back_to_the_day_that_was_asked_for()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        gateway.Twilio.Says(CallsPage("/x.json?Page=1&PageToken=PA", "Wed, 01 Sep 2010 00:00:05 +0000", "Tue, 31 Aug 2010 20:36:28 +0000"),
            CallsPage(null, "Mon, 30 Aug 2010 23:59:59 +0000"));

        var since = new DateTimeOffset(2010, 8, 31, 23, 0, 0, TimeSpan.Zero);
        var calls = (await gateway.Gateway.ListCallsAsync("+15551234567", "client:alice", since, None))
            .ShouldBeOfType<GatewayOutcome<IReadOnlyList<CallView>>.Accepted>().Value;

        calls.Count.ShouldBe(2);
        gateway.Twilio.Requests.Count.ShouldBe(2);
        gateway.Twilio.Requests[0].Query["To"].ToString().ShouldBe("+15551234567");
        gateway.Twilio.Requests[0].Query["From"].ToString().ShouldBe("client:alice");
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_call_of_an_app_is_looked_up_with_its_parameters_and_then_without_them(bool hasParameters)
    {
        await using var gateway = await GatewayFixture.StartAsync();
        var found = CallsPage(null, "Wed, 01 Sep 2010 00:00:05 +0000");
        gateway.Twilio.Says(hasParameters ? [found] : [CallsPage(null), found]);

        var (to, from) = gateway.Gateway.AddressesOf(
            new Party.Client(Given.Identity("bob")), Given.Session, new Party.Phone(Given.Number("+15551234567")));
        var calls = (await gateway.Gateway.ListCallsAsync(to, from, DateTimeOffset.UnixEpoch, None))
            .ShouldBeOfType<GatewayOutcome<IReadOnlyList<CallView>>.Accepted>().Value;

        calls.ShouldHaveSingleItem();
        string[] asked = ["client:bob?SessionID=s:42&CallerIdentity=%2B15551234567", "client:bob"];
        gateway.Twilio.Requests.Select(request => request.Query["To"].ToString()).ShouldBe(asked.Take(hasParameters ? 1 : 2));
        gateway.Twilio.Requests.Select(request => request.Query["From"].ToString()).Distinct().ShouldBe(["+15551234567"]);
    }

    [Theory]
    [InlineData("", "", GatewayFixture.AccountSid + ":the-auth-token")]
    [InlineData(
        "SK00000000000000000000000000000002", "the-secret-0123456789abcdef01234",
        "SK00000000000000000000000000000002:the-secret-0123456789abcdef01234")]
    public async Task An_api_key_goes_before_the_auth_token(string sid, string secret, string credentials)
    {
        await using var gateway = await GatewayFixture.StartAsync(
            null, ("Twilio:Client:ApiKeySid", sid), ("Twilio:Client:ApiKeySecret", secret));
        gateway.Twilio.Says(Answer.Call);

        await gateway.Gateway.FetchCallAsync(Given.Leg, None);

        gateway.Twilio.Requests.ShouldHaveSingleItem().Headers["Authorization"].ToString().ShouldBe(
            "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes(credentials)));
    }

    [Fact]
    public async Task Every_operation_is_one_that_twilio_describes_with_parameters_that_it_knows_and_all_that_it_requires()
    {
        using var spec = JsonDocument.Parse(Published.OpenApi);
        await using var gateway = await GatewayFixture.StartAsync();
        gateway.Twilio.Otherwise = _ => Answer.Error(404, 20404);
        var its = gateway.Gateway;
        await its.CreateCallAsync(Given.ACall, None);
        await its.CreateParticipantAsync(Given.AGuest, None);
        await its.CompleteCallAsync(Given.Leg, None);
        await its.UpdateParticipantAsync(Given.Conference, Given.Leg, true, true, false, None);
        await its.FetchCallAsync(Given.Leg, None);
        await its.ListCallsAsync("client:bob", "client:alice", DateTimeOffset.UnixEpoch, None);
        await its.FetchConferenceAsync(Given.Conference, None);
        await its.ListConferencesAsync("room-1", None);
        await its.FetchParticipantAsync(Given.Conference, Given.Participant("guest-1"), None);
        await its.ListParticipantsAsync(Given.Conference, None);

        var described = gateway.Twilio.Requests.Select(r => Describe(spec, r)).ToList();

        described.ShouldBe([
            "CreateCall", "CreateParticipant", "UpdateCall", "UpdateParticipant", "FetchCall", "ListCall", "FetchConference",
            "ListConference", "FetchParticipant", "ListParticipant",
        ]);
    }

    /// <summary>The operation that a request is one of; fails where it has a parameter that is not described, or lacks a required
    /// one.</summary>
    private static string Describe(JsonDocument spec, Asked request)
    {
        var path = request.Path.Replace(GatewayFixture.AccountSid, "{AccountSid}", StringComparison.Ordinal);
        path = path.Contains("/Participants", StringComparison.Ordinal)
            ? path.Replace("/" + Answer.ConferenceSid, "/{ConferenceSid}", StringComparison.Ordinal).Replace(
                Answer.CallSid, "{CallSid}", StringComparison.Ordinal).Replace("guest-1", "{CallSid}", StringComparison.Ordinal)
            : path.Replace(
                Answer.ConferenceSid, "{Sid}", StringComparison.Ordinal).Replace(Answer.CallSid, "{Sid}", StringComparison.Ordinal);
        var operation = spec.RootElement.GetProperty("paths").GetProperty(path).GetProperty(request.Method.ToLowerInvariant());
        var known = operation.GetProperty("parameters").EnumerateArray().Where(
            p => p.GetProperty("in").GetString() == "query").Select(p => p.GetProperty("name").GetString()!).ToList();
        request.Query.Keys.ShouldBeSubsetOf(known);
        if (operation.TryGetProperty("requestBody", out var body))
        {
            var form = body.GetProperty("content").GetProperty("application/x-www-form-urlencoded").GetProperty("schema");
            request.Form.Keys.ShouldBeSubsetOf(form.GetProperty("properties").EnumerateObject().Select(p => p.Name));
            if (form.TryGetProperty("required", out var required))
                required.EnumerateArray().Select(r => r.GetString()!).ShouldBeSubsetOf(request.Form.Keys);
            request.Headers["Content-Type"].ToString().ShouldStartWith("application/x-www-form-urlencoded");
        }

        return operation.GetProperty("operationId").GetString()!;
    }

    private static Dictionary<string, string> Flat(Asked request) =>
        request.Form.ToDictionary(f => f.Key, f => string.Join('|', f.Value.AsEnumerable()));

    private static string Sid(string start) => start.PadRight(34, '0');

    private static Answer ParticipantsPage(string call, string? next) => new(200, $$"""
        {"participants":[{"call_sid":"{{Sid(call)}}","label":"","muted":false,"hold":false,"status":"ringing"}],
        "next_page_uri":{{JsonSerializer.Serialize(next)}},"page":0,"page_size":100}
        """);

    private static Answer CallsPage(string? next, params string[] created)
    {
        var calls = created.Select((date, i) => $$"""
            {"sid":"{{Sid("CA" + i)}}","status":"ringing","to":"+15551234567","from":"client:alice","date_created":"{{date}}"}
            """);
        return new(200, $$"""{"calls":[{{string.Join(',', calls)}}],"next_page_uri":{{JsonSerializer.Serialize(next)}}}""");
    }
}
