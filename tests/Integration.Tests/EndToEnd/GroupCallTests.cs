using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Calls.Integration.Tests.Redis;
using Calls.Sandbox;
using Calls.Sandbox.Demo;
using Calls.Sandbox.Twilio;
using Microsoft.AspNetCore.Http;

namespace Calls.Integration.Tests.EndToEnd;

/// <summary>A group is called: several phones ring, and exactly one gets the call (docs/adr/0030), over real HTTP.</summary>
public sealed class GroupCallTests(RedisFixture redis) : IAsyncLifetime
{
    private const string Session = "s-42";
    private const string Ivan = "+15550100106";
    private const string Hotline = "+15550100000";
    private const string Office = "+15550100900";
    private const string Secret = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";
    private const string NoMember = "\"No member can be reached.\"";

    private FakeResolver resolver = null!;
    private SandboxHost host = null!;

    public async ValueTask InitializeAsync()
    {
        resolver = await FakeResolver.StartAsync();
        host = await StartAsync();
    }

    public async ValueTask DisposeAsync()
    {
        (await host.Twilio.AskAsync(cloud => Guarantees.Broken(cloud, allCallsOver: false))).ShouldBeEmpty();
        await host.DisposeAsync();
        await resolver.DisposeAsync();
    }

    [Fact]
    public async Task All_members_ring_the_first_answer_enters_and_the_other_phone_stops()
    {
        await host.Twilio.Client("alice").CallAsync("group:interpreters", Session);
        await host.Twilio.Client("ines").RingsAsync();
        await host.Twilio.Phone(Ivan).RingsAsync();
        host.Twilio.Client("ines").Incoming.Single().Custom["SessionID"].ShouldBe(Session, "the app can name the call");
        await host.EventuallyAsync(document => States(document) is ["ringing", "ringing"], Session);
        var callee = Callee(await host.SessionAsync(Session));
        (callee.GetProperty("id").GetString(), callee.GetProperty("role").GetString()).ShouldBe(("callee", "callee"));
        (callee.GetProperty("state").GetString(), callee.GetProperty("identity").GetString()).ShouldBe(("ringing", null));
        (await host.RestAsync(HttpMethod.Get, "/v1/me/sessions?state=live", host.TokenFor("ines"))).Body.ShouldContain($"\"{Session}\"");

        await host.Twilio.Client("ines").AnswerAsync();
        await host.Twilio.Client("ines").TalksAsync();
        await host.Twilio.Phone(Ivan).IsIdleAsync();
        await host.AllConnectedAsync(Session);
        await host.EventuallyAsync(document => Reasons(document) is [null, "answered-elsewhere"], Session);
        callee = Callee(await host.SessionAsync(Session));
        (callee.GetProperty("id").GetString(), callee.GetProperty("identity").GetString()).ShouldBe(("callee", "ines"));
        host.Twilio.Client("alice").TalksWith.ShouldBe(["client:ines"]);
        Creates().Count.ShouldBe(2);
    }

    [Fact]
    public async Task In_order_the_caller_waits_for_the_next_and_hears_the_tone_if_none_accepts()
    {
        await host.Twilio.Client("alice").CallAsync("group:queue", Session);
        await host.Twilio.Client("ines").RingsAsync();
        host.Twilio.Phone(Ivan).Rings.ShouldBe(0);
        await host.Twilio.Client("ines").DeclineAsync();
        await host.Twilio.Phone(Ivan).RingsAsync();
        await host.Twilio.Phone(Ivan).DeclineAsync();
        await host.HearsAsync("reorder.wav");
        await host.Twilio.Client("alice").IsIdleAsync();
        await host.EventuallyAsync(document => document.GetProperty("endReason").GetString() == "nobody-accepted", Session);
        Callee(await host.SessionAsync(Session)).GetProperty("reason").GetString().ShouldBe("nobody-accepted");
    }

    [Fact]
    public async Task All_phones_stop_if_the_caller_hangs_up_or_removes_the_callee()
    {
        await host.Twilio.Client("alice").CallAsync("group:interpreters", Session);
        await host.Twilio.Client("ines").RingsAsync();
        await host.Twilio.Phone(Ivan).RingsAsync();
        await host.Twilio.Client("alice").HangUpAsync();
        await host.Twilio.Client("ines").IsIdleAsync();
        await host.Twilio.Phone(Ivan).IsIdleAsync();

        await host.Twilio.Client("alice").CallAsync("group:interpreters", "s-43");
        await host.Twilio.Client("ines").RingsAsync();
        await host.Twilio.Phone(Ivan).RingsAsync();
        (await host.RestAsync(HttpMethod.Delete, "/v1/sessions/s-43/participants/callee", host.TokenFor("alice"))).Status
            .ShouldBe(HttpStatusCode.NoContent);
        await host.Twilio.Client("ines").IsIdleAsync();
        await host.Twilio.Phone(Ivan).IsIdleAsync();
        await host.Twilio.Client("alice").IsIdleAsync();
        await host.EventuallyAsync(document => document.GetProperty("endReason").GetString() == "ended-by-person", "s-43");
    }

    [Fact]
    public async Task A_phone_calls_a_number_that_is_a_group()
    {
        var leg = await host.Twilio.Phone("+15550100101").PlaceCallAsync(Hotline);
        await host.Twilio.Client("ines").RingsAsync();
        await host.Twilio.Client("ines").AnswerAsync();
        await host.Twilio.Client("ines").TalksAsync();
        await host.EventuallyAsync(document => Reasons(document) is [null, "answered-elsewhere"], leg.Sid, "ines");
        await host.Twilio.Phone(Ivan).IsIdleAsync();

        Answers("""{"oneOf":[{"identity":"otto"}]}""");
        await host.Twilio.Phone("+15550100102").PlaceCallAsync(Office);
        await host.Twilio.Client("otto").RingsAsync();
        JsonDocument.Parse(resolver.Asked.ShouldHaveSingleItem().Body).RootElement.GetProperty("caller").GetString()
            .ShouldBe("+15550100102");
    }

    [Fact]
    public async Task The_group_resolver_is_asked_with_a_signed_request_and_its_candidates_are_rung()
    {
        Answers($$"""{"oneOf":[{"identity":"alice"},{"identity":"otto"},{"phoneNumber":"{{Ivan}}"}],"strategy":"all","more":1}""");
        await host.Twilio.Client("alice").CallAsync("group:sales", Session);
        await host.Twilio.Client("otto").RingsAsync();
        await host.Twilio.Phone(Ivan).RingsAsync();
        var asked = resolver.Asked.ShouldHaveSingleItem();
        (asked.Method, asked.Path).ShouldBe(("POST", "/groups"));
        var body = JsonDocument.Parse(asked.Body).RootElement;
        body.EnumerateObject().Select(p => (p.Name, p.Value.GetString())).ShouldBe(
            [("group", "sales"), ("sessionId", Session), ("caller", "alice")]);
        var signed = $"{asked.Headers["webhook-id"]}.{asked.Headers["webhook-timestamp"]}.{asked.Body}";
        asked.Headers["webhook-signature"].ShouldBe(
            "v1," + Convert.ToBase64String(HMACSHA256.HashData(Convert.FromBase64String(Secret), Encoding.UTF8.GetBytes(signed))));
        asked.Headers.ContainsKey("traceparent").ShouldBeFalse();

        await host.Twilio.Client("otto").AnswerAsync();
        await host.Twilio.Client("otto").TalksAsync();
        await host.Twilio.Phone(Ivan).IsIdleAsync();
        host.Twilio.Client("alice").Rings.ShouldBe(0, "the caller is skipped");
        await host.EventuallyAsync(document => Reasons(document) is [null, "answered-elsewhere"], Session);
    }

    [Fact]
    public async Task While_the_resolver_is_slow_the_caller_hears_ringback_and_may_hang_up()
    {
        var answer = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        resolver.Answer = async http =>
        {
            await answer.Task;
            await http.Response.WriteAsync("""{"oneOf":[{"identity":"otto"}]}""");
        };
        await host.Twilio.Client("alice").CallAsync("group:sales", Session);
        await host.HearsAsync("ringback.wav");
        var callee = Callee(await host.SessionAsync(Session));
        (callee.GetProperty("id").GetString(), callee.GetProperty("state").GetString()).ShouldBe(("callee", "dialing"));
        await Eventually.TrueAsync(() => Task.FromResult(resolver.Asked.Count == 1));
        await host.Twilio.Client("alice").HangUpAsync();
        await host.EventuallyAsync(document => document.GetProperty("state").GetString() == "ended", Session);
        answer.SetResult();
        await host.Twilio.Client("alice").CallAsync("bob", "s-43");
        await host.Twilio.Client("bob").RingsAsync();
        host.Twilio.Client("otto").Rings.ShouldBe(0);
    }

    public static TheoryData<string> BadAnswers => ["never", "500", "garbage", "huge", "redirect", "empty", "21", "malformed", "strategy",
        "forbidden", "null"];

    [Theory, MemberData(nameof(BadAnswers))]
    public async Task Without_a_usable_answer_the_caller_hears_words_and_the_call_ends(string kind)
    {
        resolver.Answer = http => Bad(kind, http);
        await host.Twilio.Client("alice").CallAsync("group:sales", Session);
        await host.Twilio.WaitUntilAsync(
            cloud => cloud.Phone("client:alice").Heard.Contains(NoMember), "the caller hears words", TimeSpan.FromSeconds(30));
        await host.Twilio.Client("alice").IsIdleAsync();
        await host.EventuallyAsync(document => document.GetProperty("endReason").GetString() == "callee-unreachable", Session);
        Callee(await host.SessionAsync(Session)).GetProperty("reason").GetString().ShouldBe("unreachable");
        resolver.Asked.ShouldAllBe(question => question.Path == "/groups", "no redirect is followed");
        resolver.Asked.Select(question => question.Headers["webhook-id"]).Distinct().Count()
            .ShouldBe(1, "a repeated request has the same id");
        Creates().ShouldBeEmpty();
    }

    [Fact]
    public async Task A_request_that_fails_once_is_repeated()
    {
        var times = 0;
        resolver.Answer = http =>
        {
            http.Response.StatusCode = ++times == 1 ? 503 : 200;
            return http.Response.WriteAsync("""{"oneOf":[{"identity":"otto"}]}""");
        };
        await host.Twilio.Client("alice").CallAsync("group:sales", Session);
        await host.Twilio.Client("otto").RingsAsync();
        times.ShouldBe(2);
    }

    [Fact]
    public async Task A_number_that_the_service_does_not_ring_is_skipped()
    {
        Answers("""{"oneOf":[{"phoneNumber":"+41446681800"},{"identity":"otto"}]}""");
        await host.Twilio.Client("alice").CallAsync("group:sales", Session);
        await host.Twilio.Client("otto").RingsAsync();
        Creates().Count.ShouldBe(1);
    }

    [Fact]
    public async Task The_limits_count_the_phones_of_a_group()
    {
        await host.DisposeAsync();
        host = await StartAsync(("Calls:Dialing:PerIdentityPerHour", "1"));
        await host.Twilio.Client("alice").CallAsync("group:phones", Session);
        await host.Twilio.WaitUntilAsync(cloud => cloud.Phone("client:alice").Heard.Any(
            heard => heard.Contains("hourly limit of calls to phones", StringComparison.Ordinal)), "the caller hears the limit");
        await host.Twilio.Client("alice").IsIdleAsync();
        Answers($$"""{"oneOf":[{"phoneNumber":"{{Ivan}}"},{"phoneNumber":"+15550100107"}]}""");
        await host.Twilio.Client("alice").CallAsync("group:sales", "s-43");
        await host.Twilio.WaitUntilAsync(cloud => cloud.Phone("client:alice").Heard.Contains(NoMember), "the caller hears words");
        await host.Twilio.Client("alice").IsIdleAsync();
        Creates().ShouldBeEmpty();
        await host.Twilio.Client("alice").CallAsync("group:interpreters", "s-44");
        await host.Twilio.Phone(Ivan).RingsAsync();
    }

    [Fact]
    public async Task A_private_address_of_the_resolver_is_refused_unless_it_is_allowed()
    {
        await host.DisposeAsync();
        host = await StartAsync(("Calls:GroupResolver:AllowPrivateAddresses", "false"));
        await host.Twilio.Client("alice").CallAsync("group:sales", Session);
        await host.Twilio.WaitUntilAsync(
            cloud => cloud.Phone("client:alice").Heard.Contains(NoMember), "the caller hears words", TimeSpan.FromSeconds(30));
        resolver.Asked.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_group_that_does_not_exist_and_an_invalid_name_are_refused_in_words()
    {
        await host.DisposeAsync();
        host = await StartAsync(
            ("Calls:GroupResolver:Url", ""), ("Calls:GroupResolver:Secret", ""), ($"Calls:Inbound:{Office}", "bob"));
        (await VoiceAsync("1", "group:sales")).ShouldContain("there is no such group");
        (await VoiceAsync("2", "group:no way")).ShouldContain("the name of the recipient is not valid");
        (await VoiceAsync("3", "group:own")).ShouldContain("You cannot call yourself");
        await host.Twilio.Client("alice").CallAsync("group:INTERPRETERS", Session);
        await host.Twilio.Client("ines").RingsAsync();
    }

    private async Task<SandboxHost> StartAsync(params (string Key, string Value)[] changed)
    {
        Dictionary<string, string?> settings = new()
        {
            ["Calls:ReviewInterval"] = "00:00:02",
            ["Calls:Prompts:no-candidates:en"] = NoMember.Trim('"'),
            ["Calls:Groups:interpreters:Members:0"] = "ines",
            ["Calls:Groups:interpreters:Members:1"] = Ivan,
            ["Calls:Groups:queue:Members:0"] = "ines",
            ["Calls:Groups:queue:Members:1"] = Ivan,
            ["Calls:Groups:queue:Strategy"] = "in-order",
            ["Calls:Groups:phones:Members:0"] = Ivan,
            ["Calls:Groups:phones:Members:1"] = "+15550100107",
            ["Calls:Groups:own:Members:0"] = "alice",
            [$"Calls:Inbound:{Hotline}"] = "group:interpreters",
            [$"Calls:Inbound:{Office}"] = "group:sales",
            ["Calls:GroupResolver:Url"] = resolver.Url,
            ["Calls:GroupResolver:Secret"] = "whsec_" + Secret,
            ["Calls:GroupResolver:AllowPrivateAddresses"] = "true",
        };
        foreach (var (key, value) in changed)
            settings[key] = value;
        return await SandboxHost.StartAsync(new SandboxOptions
        {
            RedisConnectionString = await redis.NewDatabaseAsync(),
            Settings = [.. settings],
        });
    }

    private void Answers(string json) => resolver.Answer = http => http.Response.WriteAsync(json);

    private static async Task Bad(string kind, HttpContext http)
    {
        switch (kind)
        {
            case "never":
                await Task.Delay(Timeout.InfiniteTimeSpan, http.RequestAborted)
                    .ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
                return;
            case "500":
                http.Response.StatusCode = 500;
                return;
            case "huge":
                await http.Response.WriteAsync($$"""{"oneOf":[{"identity":"otto"}],"more":"{{new string('x', 200_000)}}"}""");
                return;
            case "redirect":
                http.Response.Redirect("/elsewhere");
                return;
            case "21":
                await http.Response.WriteAsync(
                    $$"""{"oneOf":[{{string.Join(',', Enumerable.Range(0, 21).Select(i => $$"""{"identity":"p{{i}}"}"""))}}]}""");
                return;
            default:
                await http.Response.WriteAsync(kind switch
                {
                    "garbage" => "<html>",
                    "empty" => """{"oneOf":[]}""",
                    "malformed" => """{"oneOf":[{"identity":"otto"},{"identity":"a b"}]}""",
                    "strategy" => """{"oneOf":[{"identity":"otto"}],"strategy":"some"}""",
                    "forbidden" => """{"oneOf":[{"phoneNumber":"+41446681800"}]}""",
                    _ => "null",
                });
                return;
        }
    }

    private async Task<string> VoiceAsync(string last, string to) => (await host.SignedAsync("/twilio/voice",
        ("CallSid", "CA" + last.PadLeft(32, '0')), ("From", "client:alice"), ("To", to), ("SessionID", "v-" + last))).Body;

    private List<RestRequested> Creates() => host.Twilio.Read(cloud => cloud.Journal.OfType<RestRequested>()
        .Where(request => request.Method == "POST" && request.Path.EndsWith("/Calls.json", StringComparison.Ordinal)).ToList());

    private static JsonElement Callee(JsonElement document) => document.GetProperty("participants")[1];

    private static string?[] States(JsonElement document) => Of(document, "state");

    private static string?[] Reasons(JsonElement document) => Of(document, "reason");

    private static string?[] Of(JsonElement document, string property) =>
        Callee(document).GetProperty("candidates") is { ValueKind: JsonValueKind.Array } candidates
            ? [.. candidates.EnumerateArray().Select(c => c.GetProperty(property).GetString())] : [];
}
