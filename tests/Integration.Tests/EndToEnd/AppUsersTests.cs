using System.Net;
using System.Text.Json;
using Calls.Integration.Tests.Redis;
using Calls.Sandbox;
using Calls.Sandbox.Demo;
using Calls.Sandbox.Twilio;

namespace Calls.Integration.Tests.EndToEnd;

/// <summary>Each app that rings can name the call, and app users are added as phones are (docs/adr/0028).</summary>
public sealed class AppUsersTests(RedisFixture redis)
{
    private const string Lawyer = "+15550100101";

    [Theory]
    [InlineData("s-42", "alice", "client:bob?SessionID=s-42&CallerIdentity=alice")]
    [InlineData("a:b.c_D", "auth0|a+b=c@x", "client:bob?SessionID=a:b.c_D&CallerIdentity=auth0%7Ca%2Bb%3Dc%40x")]
    public async Task The_app_that_is_rung_gets_the_session_and_the_caller_with_the_call(string session, string caller, string address)
    {
        await using var host = await StartAsync();
        await host.Twilio.Client(caller).CallAsync("bob", session);
        await host.Twilio.Client("bob").RingsAsync();
        var leg = host.Twilio.Client("bob").Incoming.Single();
        (leg.To, leg.Custom["SessionID"], leg.Custom["CallerIdentity"]).ShouldBe((address, session, caller));
        (await host.Twilio.AskAsync(cloud => Guarantees.Broken(cloud, allCallsOver: false))).ShouldBeEmpty();
    }

    [Fact]
    public async Task A_session_id_and_an_identity_of_the_greatest_length_ring_and_a_caller_whose_encoded_name_is_longer_hears_words()
    {
        await using var host = await StartAsync();
        var (session, caller) = (new string(':', 128), new string('a', 121));
        await host.Twilio.Client(caller).CallAsync("bob", session);
        await host.Twilio.Client("bob").RingsAsync();
        host.Twilio.Client("bob").Incoming.Single().Custom["SessionID"].ShouldBe(session);

        var (status, twiml) = await host.SignedAsync("/twilio/voice",
            ("CallSid", "CA" + new string('7', 32)), ("From", "client:" + new string('=', 43)), ("To", "bob"), ("SessionID", "s-2"));
        status.ShouldBe(HttpStatusCode.OK);
        twiml.ShouldContain("the name of the caller is too long");
        twiml.ShouldContain("<Hangup");
    }

    [Theory]
    [InlineData("to-of-a-client=with-parameters")]
    [InlineData("to-of-a-client=without-parameters")]
    public async Task Bob_knows_only_what_rang_him_and_adds_a_lawyer_and_Carol(string position)
    {
        await using var host = await StartAsync(position);
        await TalkAsync(host);
        var told = host.Twilio.Client("bob").Incoming.Single().Custom["SessionID"].ShouldNotBeNull();
        var (_, live) = await host.RestAsync(HttpMethod.Get, "/v1/me/sessions?state=live", host.TokenFor("bob"));
        SessionsOf(live).ShouldBe([told]);
        await host.Twilio.Phone(Lawyer).BehaveAsync(PhoneBehaviour.Answer);
        (await host.AddPhoneAsync(told, "bob", Lawyer, "lawyer")).Status.ShouldBe(HttpStatusCode.Created);
        await host.Twilio.Phone(Lawyer).TalksAsync();

        var carol = host.Twilio.Client("carol");
        var (status, body) = await AddAsync(host, told, "bob", """{"identity": "carol", "label": "interpreter"}""");
        status.ShouldBe(HttpStatusCode.Created, body);
        var added = JsonDocument.Parse(body).RootElement;
        (added.GetProperty("role").GetString(), added.GetProperty("state").GetString(), added.GetProperty("identity").GetString())
            .ShouldBe(("guest", "dialing", "carol"));
        added.GetProperty("label").GetString().ShouldBe("interpreter");
        await carol.RingsAsync();
        var rung = carol.Incoming.Single();
        (rung.Custom["SessionID"], rung.Custom["CallerIdentity"], rung.From).ShouldBe((told, "alice", "client:alice"));
        var (_, own) = await host.RestAsync(HttpMethod.Get, "/v1/me/sessions?state=live", host.TokenFor("carol"));
        SessionsOf(own).ShouldBe([told], "the list has a person who was added");
        await host.StateAsync(3, "ringing", told, "carol");
        await carol.AnswerAsync();
        await host.AllConnectedAsync(told, "carol");
        carol.TalksWith.ShouldBe(["client:alice", "client:bob", Lawyer], ignoreOrder: true);

        await carol.HangUpAsync();
        await host.StateAsync(3, "left", told, "bob");
        await carol.CallAsync("alice", told);
        await host.AllConnectedAsync(told, "bob");
        carol.Rings.ShouldBe(1);
    }

    [Theory]
    [InlineData("""{"identity": "carol"}""", "already-on-the-call")]
    [InlineData("""{"identity": "alice"}""", "already-on-the-call")]
    [InlineData("""{"identity": "bob"}""", "adding-oneself")]
    public async Task A_person_is_not_on_the_call_twice_and_does_not_add_themselves(string json, string code)
    {
        await using var host = await StartAsync();
        await TalkAsync(host);
        (await AddAsync(host, "s-42", "alice", """{"identity": "carol"}""")).Status.ShouldBe(HttpStatusCode.Created);
        await host.Twilio.Client("carol").RingsAsync();
        var (status, body) = await AddAsync(host, "s-42", "bob", json);
        status.ShouldBe(HttpStatusCode.Conflict, body);
        body.ShouldContain($"\"{code}\"");
        (await host.SessionAsync()).GetProperty("participants").GetArrayLength().ShouldBe(3);
        (await host.RestAsync(HttpMethod.Post, "/v1/sessions/s-42/participants", host.TokenFor("olga", "calls.operate"),
            """{"identity": "olga"}""")).Body.ShouldContain("\"adding-oneself\"");
    }

    [Theory]
    [InlineData("""{"identity": "carol", "phoneNumber": "+15550100101"}""", "phoneNumber")]
    [InlineData("""{"identity": ""}""", "identity")]
    [InlineData("""{"identity": "client:carol x"}""", "identity")]
    [InlineData("""{"identity": "carol?SessionID=other"}""", "identity")]
    [InlineData("""{"identity": "carol", "screen": "press-1"}""", "screen")]
    public async Task A_field_that_cannot_be_used_is_named(string json, string field)
    {
        await using var host = await StartAsync();
        await TalkAsync(host);
        var (status, body) = await AddAsync(host, "s-42", "alice", json);
        status.ShouldBe(HttpStatusCode.BadRequest, body);
        JsonDocument.Parse(body).RootElement.GetProperty("errors").TryGetProperty(field, out _).ShouldBeTrue(body);
    }

    [Fact]
    public async Task A_repeated_request_rings_once_and_added_people_count_for_the_person_who_adds_them()
    {
        await using var host = await StartAsync(settings: new("Calls:Dialing:PerIdentityPerHour", "2"));
        await TalkAsync(host);
        var first = await AddAsync(host, "s-42", "alice", """{"identity": "carol"}""", "key-1");
        first.Status.ShouldBe(HttpStatusCode.Created);
        (await AddAsync(host, "s-42", "alice", """{"identity": "carol"}""", "key-1")).Body.ShouldBe(first.Body);
        (await AddAsync(host, "s-42", "alice", """{"identity": "dave"}""", "key-1")).Status.ShouldBe(HttpStatusCode.UnprocessableEntity);
        (await AddAsync(host, "s-42", "alice", """{"phoneNumber": "+15550100101"}""", "key-1")).Status
            .ShouldBe(HttpStatusCode.UnprocessableEntity);
        (await AddAsync(host, "s-42", "alice", """{"identity": "dave"}""")).Status.ShouldBe(HttpStatusCode.Created);
        var (status, body) = await AddAsync(host, "s-42", "alice", """{"identity": "erin"}""");
        (status, body.Contains("\"too-many-adds\"", StringComparison.Ordinal)).ShouldBe((HttpStatusCode.TooManyRequests, true));
        (await AddAsync(host, "s-42", "bob", """{"identity": "erin"}""")).Status.ShouldBe(HttpStatusCode.Created);
        await host.Twilio.Client("carol").RingsAsync();
        host.Twilio.Client("carol").Rings.ShouldBe(1);
    }

    [Fact]
    public async Task A_stop_of_the_dialling_of_phones_stops_no_app()
    {
        await using var host = await StartAsync(settings: new("Calls:Dialing:Stopped", "true"));
        await TalkAsync(host);
        (await AddAsync(host, "s-42", "alice", """{"phoneNumber": "+15550100101"}""")).Status.ShouldBe(HttpStatusCode.Forbidden);
        (await AddAsync(host, "s-42", "alice", """{"identity": "carol"}""")).Status.ShouldBe(HttpStatusCode.Created);
        await host.Twilio.Client("carol").RingsAsync();
    }

    [Theory]
    [InlineData("to-of-a-client=with-parameters")]
    [InlineData("to-of-a-client=without-parameters")]
    public async Task An_added_person_who_declines_sees_only_the_own_part(string position)
    {
        await using var host = await StartAsync(position);
        await TalkAsync(host);
        (await AddAsync(host, "s-42", "alice", """{"identity": "carol"}""")).Status.ShouldBe(HttpStatusCode.Created);
        await host.Twilio.Client("carol").RingsAsync();
        // The report of the leave does not say that it is about an app.
        host.Faults(new WebhookFault { Kind = WebhookKind.CallStatus, UrlContains = "/participants/guest-", Drop = true });
        await host.Twilio.Client("carol").DeclineAsync();
        await host.EventuallyAsync(document => document.GetProperty("participants")[2].GetProperty("reason").GetString() == "declined");
        (await host.RestAsync(HttpMethod.Get, "/v1/sessions/s-42", host.TokenFor("carol"))).Status.ShouldBe(HttpStatusCode.NotFound);
        var (_, own) = await host.RestAsync(HttpMethod.Get, "/v1/me/sessions?state=ended", host.TokenFor("carol"));
        var part = JsonDocument.Parse(own).RootElement.GetProperty("sessions")[0].GetProperty("participants").EnumerateArray().Single();
        (part.GetProperty("role").GetString(), part.GetProperty("reason").GetString()).ShouldBe(("guest", "declined"));
    }

    [Theory]
    [InlineData("to-of-a-client=with-parameters")]
    [InlineData("to-of-a-client=without-parameters")]
    public async Task A_dial_of_an_app_whose_outcome_is_unknown_is_found_by_its_address(string position)
    {
        await using var host = await StartAsync(position);
        // Another call between the same two has the same address without parameters.
        await host.Twilio.Client("alice").CallAsync("bob", "s-1");
        await host.Twilio.Client("bob").RingsAsync();
        await host.EventuallyAsync(session => session.GetProperty("participants")[1].GetProperty("state").GetString() == "ringing", "s-1");
        // Not even its own callbacks name the second leg.
        host.Faults(new WebhookFault { Kind = WebhookKind.CallStatus, UrlContains = "/s-2/", Drop = true });
        host.Twilio.Faults.Add(new RestFault { Operation = RestOperation.CreateCall, Kind = RestFaultKind.CutAfterActing, Times = 1 });
        await host.SignedAsync("/twilio/voice", ("CallSid", "CA" + new string('8', 32)), ("From", "client:alice"), ("To", "bob"),
            ("SessionID", "s-2"));
        await host.EventuallyAsync(
            session => session.GetProperty("participants")[1].GetProperty("state").GetString() is "queued" or "ringing", "s-2");
        host.Twilio.Client("bob").Rings.ShouldBe(2);
    }

    private async Task<SandboxHost> StartAsync(string? position = null, KeyValuePair<string, string?>? settings = null) =>
        await SandboxHost.StartAsync(new SandboxOptions
        {
            RedisConnectionString = await redis.NewDatabaseAsync(),
            Twilio = position is null ? new() : new TwilioEmulatorOptions().With(position)!,
            Settings = settings is { } one ? [one] : [],
        });

    private static async Task TalkAsync(SandboxHost host)
    {
        await host.TalkAsync();
        host.Twilio.Client("bob").Rings.ShouldBe(1);
    }

    private static Task<(HttpStatusCode Status, string Body)> AddAsync(
        SandboxHost host, string session, string identity, string json, string? key = null) =>
        host.RestAsync(HttpMethod.Post, $"/v1/sessions/{session}/participants", host.TokenFor(identity), json, key);

    private static IEnumerable<string?> SessionsOf(string body) => JsonDocument.Parse(body).RootElement.GetProperty("sessions")
        .EnumerateArray().Select(session => session.GetProperty("sessionId").GetString());
}
