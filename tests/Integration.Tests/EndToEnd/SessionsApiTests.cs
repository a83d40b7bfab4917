using System.Net;
using System.Text.Json;
using Calls.Integration.Tests.Redis;
using Calls.Sandbox;
using Calls.Sandbox.Twilio;

namespace Calls.Integration.Tests.EndToEnd;

/// <summary>REST as a frontend meets it: who may see and change a call, and what bad input is told.</summary>
public sealed class SessionsApiTests(RedisFixture redis) : IAsyncLifetime
{
    private const string Session = "s-42";
    private const string Lawyer = "+15550100101";
    private const string Refused = "+15550100199";

    private SandboxHost host = null!;

    public async ValueTask InitializeAsync()
    {
        host = await SandboxHost.StartAsync(new SandboxOptions
        {
            RedisConnectionString = await redis.NewDatabaseAsync(),
            Twilio = new() { RefusedNumbers = new Dictionary<string, int>(StringComparer.Ordinal) { [Refused] = 21215 } },
            Settings = [new("Calls:Dialing:PerSession", "3")],
        });
        await host.Twilio.Client("bob").BehaveAsync(PhoneBehaviour.Answer);
        await host.Twilio.Client("alice").CallAsync("bob", Session);
        await host.Twilio.Client("bob").TalksAsync();
        await Eventually.TrueAsync(async () => (await GetAsync("alice")).Body.Contains("\"live\"", StringComparison.Ordinal));
    }

    public ValueTask DisposeAsync() => host.DisposeAsync();

    [Fact]
    public async Task People_on_the_call_and_operators_see_it_and_nobody_else()
    {
        (await GetAsync("alice")).Status.ShouldBe(HttpStatusCode.OK);
        (await GetAsync("bob")).Status.ShouldBe(HttpStatusCode.OK);
        (await host.RestAsync(HttpMethod.Get, $"/v1/sessions/{Session}", host.TokenFor("olga", "calls.operate"))).Status
            .ShouldBe(HttpStatusCode.OK);
        (await GetAsync("carol")).Status.ShouldBe(HttpStatusCode.NotFound, "another's session does not exist");
        (await host.RestAsync(HttpMethod.Get, $"/v1/sessions/{Session}", host.TokenFor("carol", "calls.look"))).Status
            .ShouldBe(HttpStatusCode.NotFound);
        (await host.RestAsync(HttpMethod.Get, $"/v1/sessions/{Session}", null)).Status.ShouldBe(HttpStatusCode.Unauthorized);
        (await host.RestAsync(HttpMethod.Get, $"/v1/sessions/{Session}", "nonsense")).Status.ShouldBe(HttpStatusCode.Unauthorized);
        (await host.RestAsync(HttpMethod.Get, "/v1/sessions/no-such", host.TokenFor("alice"))).Status.ShouldBe(HttpStatusCode.NotFound);
        (await AddAsync("carol", Lawyer)).Status.ShouldBe(HttpStatusCode.NotFound);
        (await host.Twilio.Phone(Lawyer).LookAsync()).Rings.ShouldBe(0);
    }

    [Fact]
    public async Task The_document_is_the_contracts()
    {
        var session = JsonDocument.Parse((await GetAsync("alice")).Body).RootElement;
        session.EnumerateObject().Select(p => p.Name).ShouldBe(
            ["sessionId", "state", "version", "startedAt", "answeredAt", "endedAt", "endReason", "endedBy", "participants"]);
        var caller = session.GetProperty("participants")[0];
        caller.EnumerateObject().Select(p => p.Name).ShouldBe(
        [
            "id", "role", "state", "reason", "identity", "phoneNumber", "label", "muted", "hold", "heldBy", "addedBy", "removedBy",
            "candidates",
        ]);
        caller.GetProperty("id").GetString().ShouldBe("caller");
        caller.GetProperty("state").GetString().ShouldBe("connected");
        caller.GetProperty("identity").GetString().ShouldBe("alice");
    }

    [Theory]
    [InlineData("""{"label": "doctor"}""", "phoneNumber")]
    [InlineData("""{"phoneNumber": ""}""", "phoneNumber")]
    [InlineData("""{"phoneNumber": "5550100101"}""", "phoneNumber")]
    [InlineData("""{"phoneNumber": "+1555010010199999"}""", "phoneNumber")]
    [InlineData("""{"phoneNumber": "client:bob"}""", "phoneNumber")]
    [InlineData("""{"phoneNumber": "+15550100101", "label": "a\u0000b"}""", "label")]
    public async Task A_field_that_cannot_be_used_is_named(string json, string field)
    {
        var (status, body) = await host.RestAsync(HttpMethod.Post, $"/v1/sessions/{Session}/participants", host.TokenFor("alice"), json);
        status.ShouldBe(HttpStatusCode.BadRequest, body);
        var problem = JsonDocument.Parse(body).RootElement;
        problem.GetProperty("type").GetString().ShouldBe("urn:calls:problem:invalid-request");
        problem.GetProperty("errors").TryGetProperty(field, out _).ShouldBeTrue(body);
        problem.TryGetProperty("traceId", out _).ShouldBeTrue();
    }

    [Theory]
    [InlineData("{")]
    [InlineData("[]")]
    [InlineData("\"+15550100101\"")]
    [InlineData("")]
    public async Task What_is_no_such_JSON_is_a_400(string json) =>
        (await host.RestAsync(HttpMethod.Post, $"/v1/sessions/{Session}/participants", host.TokenFor("alice"), json)).Status.ShouldBe(
            HttpStatusCode.BadRequest);

    [Theory]
    [InlineData("+41791234567", HttpStatusCode.Forbidden, "country-not-allowed")]
    [InlineData("+19005550100", HttpStatusCode.Forbidden, "number-blocked")]
    [InlineData(Refused, HttpStatusCode.UnprocessableEntity, "refused-by-twilio")]
    public async Task A_number_that_is_not_rung_is_told_why(string number, HttpStatusCode expected, string code)
    {
        var (status, body) = await AddAsync("alice", number);
        status.ShouldBe(expected, body);
        JsonDocument.Parse(body).RootElement.GetProperty("code").GetString().ShouldBe(code);
        if (number == Refused)
            body.ShouldContain("21215");
    }

    [Fact]
    public async Task A_phone_is_added_once_and_only_so_many_are()
    {
        (await AddAsync("alice", Lawyer)).Status.ShouldBe(HttpStatusCode.Created);
        (await AddAsync("bob", Lawyer)).Body.ShouldContain("already-on-the-call");
        (await AddAsync("alice", "+15550100102")).Status.ShouldBe(HttpStatusCode.Created);
        (await AddAsync("alice", "+15550100103")).Status.ShouldBe(HttpStatusCode.Created);
        (await AddAsync("alice", "+15550100104")).Body.ShouldContain("too-many-guests");
    }

    [Fact]
    public async Task The_same_request_with_the_same_key_rings_once_and_another_one_is_refused()
    {
        var json = $$"""{"phoneNumber": "{{Lawyer}}", "label": "lawyer"}""";
        var answers = await Task.WhenAll(Enumerable.Range(0, 10).Select(_ =>
            host.RestAsync(HttpMethod.Post, $"/v1/sessions/{Session}/participants", host.TokenFor("alice"), json, "key-1")));
        answers.Select(a => JsonDocument.Parse(a.Body).RootElement.GetProperty("id").GetString()).Distinct().Count().ShouldBe(1);
        await host.Twilio.Phone(Lawyer).RingsAsync();
        (await host.Twilio.Phone(Lawyer).LookAsync()).Legs.Count.ShouldBe(1);
        var (status, body) = await host.RestAsync(HttpMethod.Post, $"/v1/sessions/{Session}/participants", host.TokenFor("alice"),
            """{"phoneNumber": "+15550100102"}""", "key-1");
        status.ShouldBe(HttpStatusCode.UnprocessableEntity, body);
    }

    [Fact]
    public async Task A_phone_that_is_added_before_the_room_is_open_is_accepted_and_rung_when_it_is()
    {
        host.Faults(new WebhookFault
        {
            Kind = WebhookKind.Conference,
            UrlContains = "early",
            MinDelay = TimeSpan.FromSeconds(5),
            MaxDelay = TimeSpan.FromSeconds(5)
        });
        // Nor does a look at Twilio find it before that.
        host.Twilio.Faults.Add(new RestFault { Operation = RestOperation.ListConferences, Kind = RestFaultKind.Unavailable });
        await host.Twilio.Client("carol").CallAsync("dave", "early");
        await host.Twilio.Client("dave").RingsAsync();
        (await host.AddPhoneAsync("early", "carol", Lawyer)).Status.ShouldBe(HttpStatusCode.Accepted);
        await host.Twilio.Phone(Lawyer).RingsAsync();
        await host.Twilio.Client("carol").HangUpAsync();
    }

    [Fact]
    public async Task A_call_that_is_over_takes_nobody_on()
    {
        await host.Twilio.Client("alice").HangUpAsync();
        await Eventually.TrueAsync(async () => (await GetAsync("alice")).Body.Contains("\"ended\"", StringComparison.Ordinal));
        (await AddAsync("alice", Lawyer)).Body.ShouldContain("call-is-over");
    }

    [Fact]
    public async Task Somebody_is_muted_taken_off_and_the_call_is_ended()
    {
        (await AddAsync("alice", Lawyer)).Status.ShouldBe(HttpStatusCode.Created);
        await host.Twilio.Phone(Lawyer).RingsAsync();
        await host.Twilio.Phone(Lawyer).AnswerAsync();
        await host.Twilio.Phone(Lawyer).TalksAsync();
        (await host.RestAsync(HttpMethod.Patch, $"/v1/sessions/{Session}/participants/callee", host.TokenFor("alice"),
            """{"muted": true}""")).Status.ShouldBe(HttpStatusCode.Accepted);
        await host.Twilio.WaitUntilAsync(
            cloud => cloud.Conferences.Single().Participants.Single(p => p.Label == "callee").Muted, "the callee is muted");
        await Eventually.TrueAsync(async () =>
            JsonDocument.Parse((await GetAsync("alice")).Body).RootElement.GetProperty("participants")[1].GetProperty("muted")
            .GetBoolean());
        (await host.RestAsync(HttpMethod.Patch, $"/v1/sessions/{Session}/participants/callee", host.TokenFor("alice"), "{}")).Status
            .ShouldBe(HttpStatusCode.BadRequest);
        (await host.RestAsync(HttpMethod.Patch, $"/v1/sessions/{Session}/participants/nobody", host.TokenFor("alice"),
            """{"muted": true}""")).Status.ShouldBe(HttpStatusCode.NotFound);
        (await host.RestAsync(HttpMethod.Delete, $"/v1/sessions/{Session}/participants/callee", host.TokenFor("carol"))).Status
            .ShouldBe(HttpStatusCode.NotFound);
        (await host.RestAsync(HttpMethod.Delete, $"/v1/sessions/{Session}/participants/callee", host.TokenFor("alice"))).Status
            .ShouldBe(HttpStatusCode.NoContent);
        await host.Twilio.Client("bob").IsIdleAsync();
        await host.Twilio.Client("alice").TalksAsync();
        (await host.RestAsync(HttpMethod.Delete, $"/v1/sessions/{Session}", host.TokenFor("alice"))).Status
            .ShouldBe(HttpStatusCode.NoContent);
        await host.Twilio.WaitUntilAsync(cloud => !cloud.LiveLegs().Any(), "every line has ended");
        (await GetAsync("alice")).Body.ShouldContain("ended-by-person");
    }

    [Theory]
    [InlineData("application/json")]
    [InlineData("text/plain")]
    [InlineData("application/x-www-form-urlencoded")]
    [InlineData(null)]
    public async Task The_tutorials_body_is_accepted_under_any_content_type(string? contentType)
    {
        var body = $$"""{"PhoneNumber": "{{Lawyer}}", "SessionID": "{{Session}}"}""";
        var (status, answer) = await Rest.SendAsync(
            HttpMethod.Post, new Uri(host.Address, "/addUser"), host.TokenFor("alice"), body, contentType);
        (status, answer).ShouldBe((HttpStatusCode.OK, """{"status_code":200}"""));
        await host.Twilio.Phone(Lawyer).RingsAsync();
        (await Rest.SendAsync(HttpMethod.Post, new Uri(host.Address, "/addUser"), host.TokenFor("alice"), "no JSON", contentType)).Status
            .ShouldBe(HttpStatusCode.BadRequest);
    }

    private Task<(HttpStatusCode Status, string Body)> GetAsync(string identity) =>
        host.RestAsync(HttpMethod.Get, $"/v1/sessions/{Session}", host.TokenFor(identity));

    private Task<(HttpStatusCode Status, string Body)> AddAsync(string identity, string number) =>
        host.AddPhoneAsync(Session, identity, number);
}
