using System.Net;
using System.Text.Json.Nodes;
using Calls.Infrastructure.Redis;
using Calls.Integration.Tests.Redis;
using Calls.Sandbox.Demo;
using Calls.Sandbox.Twilio;

namespace Calls.Integration.Tests.Processes;

/// <summary>An upgrade and a rollback while people talk: replicas of two versions serve one call, and nothing of either is lost.</summary>
public sealed class TwoVersionsTests(RedisFixture redis) : IAsyncLifetime
{
    private const string Session = TwoVersions.Session;
    private const string Lawyer = "+15550100101";
    private const string Doctor = "+15550100102";

    private TwoVersions both = null!;

    private PhoneHandle Alice => both.Twilio.Client("alice");

    private PhoneHandle Bob => both.Twilio.Client("bob");

    public async ValueTask InitializeAsync() => both = await TwoVersions.StartAsync(redis);

    public ValueTask DisposeAsync() => both.DisposeAsync();

    [Fact]
    public async Task Upgrade_a_call_that_todays_version_started_goes_on_at_both()
    {
        both.NewerServes = _ => false;
        await Alice.CallAsync("bob", Session);
        await Bob.RingsAsync();
        (await DocumentAsync())["v"]!.GetValue<int>().ShouldBe(StoredForm.Schema);
        var marks = await TalkOfFourAsync();
        await LeaveAsync(marks);
        both.ServedByToday.ShouldBeGreaterThan(5);
        both.ServedByNewer.ShouldBeGreaterThan(5);
    }

    [Fact]
    public async Task Rollback_a_call_that_the_newer_version_started_ends_at_todays()
    {
        both.NewerServes = _ => true;
        await Alice.CallAsync("bob", Session);
        await Bob.RingsAsync();
        (await DocumentAsync())["v"]!.GetValue<int>().ShouldBe(StoredForm.Schema + 1);
        var marks = await TalkOfFourAsync();
        await both.StopNewerAsync();
        var before = both.ServedByNewer;
        await LeaveAsync(marks);
        (await DocumentAsync())["v"]!.GetValue<int>().ShouldBe(StoredForm.Schema, "today's version stored it last");
        both.ServedByNewer.ShouldBe(before);
    }

    /// <summary>Bob answers, and two phones are added. Both versions serve, and the newer one adds the second phone.</summary>
    /// <returns>What the newer version has marked in the stored document.</returns>
    private async Task<IReadOnlyList<string>> TalkOfFourAsync()
    {
        both.NewerServes = request => request % 2 == 0;
        await Bob.AnswerAsync();
        await Bob.TalksAsync();
        await AddAsync(Lawyer);
        both.NewerServes = _ => true;
        await AddAsync(Doctor);
        both.NewerServes = request => request % 2 == 0;
        await Eventually.TrueAsync(async () => Marks(await DocumentAsync()).Count == 2 + 4);
        return Marks(await DocumentAsync());
    }

    private async Task AddAsync(string number)
    {
        var json = $$"""{"phoneNumber": "{{number}}"}""";
        var (status, body) = await both.RestAsync(HttpMethod.Post, $"/v1/sessions/{Session}/participants", "bob", json);
        status.ShouldBeOneOf(HttpStatusCode.Created, HttpStatusCode.Accepted);
        body.ShouldContain("guest");
        await both.Twilio.Phone(number).RingsAsync();
        await both.Twilio.Phone(number).AnswerAsync();
        await both.Twilio.Phone(number).TalksAsync();
    }

    /// <summary>All leave, one after the other. The call ends as it should, and every mark of the newer version is what it was.</summary>
    private async Task LeaveAsync(IReadOnlyList<string> marks)
    {
        await both.Twilio.Phone(Doctor).HangUpAsync();
        await Alice.HangUpAsync();
        await both.Twilio.Phone(Lawyer).TalksAsync();
        await both.Twilio.Phone(Lawyer).HangUpAsync();
        await Bob.IsIdleAsync();
        await both.Twilio.WaitUntilAsync(cloud => !cloud.LiveLegs().Any(), "every line has ended");
        await Eventually.TrueAsync(async () => (await DocumentAsync())["p"]!.AsArray().All(p => p!["p"]!.GetValue<int>() == 5));
        Marks(await DocumentAsync()).ShouldBe(marks);
        both.Lost.ShouldBeEmpty();
        var (status, body) = await both.RestAsync(HttpMethod.Get, $"/v1/sessions/{Session}", "alice");
        status.ShouldBe(HttpStatusCode.OK, body);
        JsonNode.Parse(body)!["endReason"]!.GetValue<string>().ShouldBe("one-person-left");
        (await both.Twilio.AskAsync(cloud => Guarantees.Broken(cloud))).ShouldBeEmpty();
        both.Twilio.Journal.Entries.OfType<WebhookAnswered>().ShouldAllBe(answer => answer.Status < 300);
    }

    private async Task<JsonObject> DocumentAsync() =>
        await both.DocumentAsync() ?? throw new InvalidOperationException("Nothing is stored");

    private static IReadOnlyList<string> Marks(JsonObject session) => TwoVersions.Marks(session);
}
