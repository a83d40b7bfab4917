using System.Net;
using System.Text.Json;
using Calls.Integration.Tests.EndToEnd;
using Calls.Integration.Tests.Redis;
using Calls.Sandbox;

namespace Calls.Integration.Tests.RestApi;

/// <summary>To see a call and to change it are two rights. Each test has a call that goes on without the person.</summary>
public sealed class RightsTests(RedisFixture redis) : IAsyncLifetime
{
    private const string Session = "s-42";
    private const string Lawyer = "+15550100101";
    private const string Doctor = "+15550100102";

    private SandboxHost host = null!;

    public async ValueTask InitializeAsync() =>
        host = await SandboxHost.StartAsync(new SandboxOptions { RedisConnectionString = await redis.NewDatabaseAsync() });

    public ValueTask DisposeAsync() => host.DisposeAsync();

    [Fact]
    public async Task A_person_who_is_removed_sees_and_changes_nothing_more_and_the_stream_ends()
    {
        await TalkAsync(Lawyer);
        using var stream = await EventStream.OpenAsync(host, Session, host.TokenFor("bob"));
        (await stream.NextAsync()).ShouldNotBeNull();
        (await RestAsync(HttpMethod.Delete, "/participants/callee", "alice")).Status.ShouldBe(HttpStatusCode.NoContent);
        (await RestAsync(HttpMethod.Get, "", "bob")).Status.ShouldBe(HttpStatusCode.NotFound, "the removal is stored");
        await stream.ReadToEndAsync();
        await AddAsync(Doctor);

        await IsOutAsync("bob");
        await host.Twilio.Client("bob").IsIdleAsync();
        await IsOutAsync("bob");
        await OwnPartAsync("bob", "ended", "callee", "left", "removed");
        (await RestAsync(HttpMethod.Delete, "", "alice")).Status.ShouldBe(HttpStatusCode.NoContent);
        await host.Twilio.WaitUntilAsync(cloud => !cloud.LiveLegs().Any(), "every leg has ended");
        await IsOutAsync("bob");
        await OwnPartAsync("bob", "ended", "callee", "left", "removed");
    }

    [Fact]
    public async Task A_callee_who_declines_sees_and_changes_nothing_more_and_the_stream_ends()
    {
        await host.Twilio.Client("alice").CallAsync("bob", Session);
        await host.Twilio.Client("bob").RingsAsync();
        await AddAsync(Lawyer);
        await host.Twilio.Phone(Lawyer).RingsAsync();
        using var stream = await EventStream.OpenAsync(host, Session, host.TokenFor("bob"));
        (await stream.NextAsync()).ShouldNotBeNull();
        await host.Twilio.Client("bob").DeclineAsync();
        await stream.ReadToEndAsync();
        await host.Twilio.Phone(Lawyer).AnswerAsync();
        await host.Twilio.Phone(Lawyer).TalksAsync();

        await IsOutAsync("bob");
        await OwnPartAsync("bob", "ended", "callee", "not-reached", "declined");
    }

    [Fact]
    public async Task A_person_who_has_hung_up_sees_the_call_and_does_not_change_it()
    {
        await TalkAsync(Lawyer);
        await host.Twilio.Client("bob").HangUpAsync();
        await Eventually.TrueAsync(async () =>
            (await RestAsync(HttpMethod.Get, "", "alice")).Body.Contains("\"left\"", StringComparison.Ordinal));
        (await RestAsync(HttpMethod.Get, "", "bob")).Status.ShouldBe(HttpStatusCode.OK);
        using (var stream = await EventStream.OpenAsync(host, Session, host.TokenFor("bob")))
            (await stream.NextAsync()).ShouldNotBeNull();
        foreach (var (status, body) in await ChangesAsync("bob"))
        {
            status.ShouldBe(HttpStatusCode.Forbidden, body);
            body.ShouldContain("urn:calls:problem:not-on-the-call");
        }

        await host.Twilio.Client("alice").TalksAsync();
        (await host.Twilio.Phone(Doctor).LookAsync()).Rings.ShouldBe(0);
        (await RestAsync(HttpMethod.Delete, "", "olga", "calls.operate")).Status.ShouldBe(HttpStatusCode.NoContent);
        foreach (var person in new[] { "alice", "bob" })
            (await RestAsync(HttpMethod.Delete, "", person)).Status.ShouldBe(HttpStatusCode.NoContent, "the call is over: nothing changes");
    }

    private async Task TalkAsync(string phone)
    {
        await host.TalkAsync(Session);
        await AddAsync(phone);
        await host.Twilio.Phone(phone).RingsAsync();
        await host.Twilio.Phone(phone).AnswerAsync();
        await host.Twilio.Phone(phone).TalksAsync();
    }

    private async Task AddAsync(string phone) => (await host.AddPhoneAsync(Session, "alice", phone)).Status
        .ShouldBeOneOf(HttpStatusCode.Created, HttpStatusCode.Accepted);

    /// <summary>For this person the call does not exist.</summary>
    private async Task IsOutAsync(string person)
    {
        (await RestAsync(HttpMethod.Get, "", person)).Status.ShouldBe(HttpStatusCode.NotFound);
        using (var stream = await EventStream.OpenAsync(host, Session, host.TokenFor(person)))
            stream.Status.ShouldBe(HttpStatusCode.NotFound);
        foreach (var (status, body) in await ChangesAsync(person))
            status.ShouldBe(HttpStatusCode.NotFound, body);
    }

    private async Task<(HttpStatusCode Status, string Body)[]> ChangesAsync(string person) =>
    [
        await RestAsync(HttpMethod.Post, "/participants", person, json: $$"""{"phoneNumber": "{{Doctor}}"}"""),
        await RestAsync(HttpMethod.Patch, "/participants/caller", person, json: """{"muted": true}"""),
        await RestAsync(HttpMethod.Delete, "/participants/caller", person),
        await RestAsync(HttpMethod.Delete, "", person),
    ];

    /// <summary>The list of the own calls has the call with the person's own part, and no other person and no number.</summary>
    private async Task OwnPartAsync(string person, string list, string role, string state, string reason)
    {
        var (status, body) = await host.RestAsync(HttpMethod.Get, "/v1/me/sessions?state=" + list, host.TokenFor(person));
        status.ShouldBe(HttpStatusCode.OK, body);
        body.ShouldNotContain("alice");
        body.ShouldNotContain("+1555");
        var session = JsonDocument.Parse(body).RootElement.GetProperty("sessions").EnumerateArray().ShouldHaveSingleItem();
        session.GetProperty("sessionId").GetString().ShouldBe(Session);
        session.GetProperty("state").GetString().ShouldBe("ended", "it is over for this person");
        var own = session.GetProperty("participants").EnumerateArray().ShouldHaveSingleItem();
        own.GetProperty("role").GetString().ShouldBe(role);
        own.GetProperty("state").GetString().ShouldBe(state);
        own.GetProperty("reason").GetString().ShouldBe(reason);
        foreach (var member in new[] { "endReason", "endedAt", "answeredAt" })
            session.GetProperty(member).ValueKind.ShouldBe(JsonValueKind.Null, member);
    }

    private Task<(HttpStatusCode Status, string Body)> RestAsync(
        HttpMethod method, string path, string person, string? scope = null, string? json = null) =>
        host.RestAsync(method, $"/v1/sessions/{Session}{path}", host.TokenFor(person, scope), json);
}
