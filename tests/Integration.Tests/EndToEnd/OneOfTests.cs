using System.Net;
using System.Text.Json;
using Calls.Integration.Tests.Redis;
using Calls.Integration.Tests.RestApi;
using Calls.Sandbox;
using Calls.Sandbox.Demo;
using Calls.Sandbox.Twilio;

namespace Calls.Integration.Tests.EndToEnd;

/// <summary>Several phones ring for one participant, and exactly one of them gets the call (G7), over real HTTP.</summary>
public sealed class OneOfTests(RedisFixture redis) : IAsyncLifetime
{
    private const string Session = "s-42";
    private const string Ivan = "+15550100106";
    private const string Path = $"/v1/sessions/{Session}/participants";
    private const string Two = $$"""{"oneOf":[{"identity":"ines"},{"phoneNumber":"{{Ivan}}"}],"label":"interpreter"}""";

    private SandboxHost host = null!;

    public async ValueTask InitializeAsync() => host = await SandboxHost.StartAsync(new SandboxOptions
    {
        RedisConnectionString = await redis.NewDatabaseAsync(),
        Settings = [new("Calls:ReviewInterval", "00:00:02"), new("Calls:Prompts:answered-elsewhere:en", "Another person has answered.")],
    });

    public async ValueTask DisposeAsync()
    {
        (await host.Twilio.AskAsync(cloud => Guarantees.Broken(cloud, allCallsOver: false))).ShouldBeEmpty();
        await host.DisposeAsync();
    }

    [Fact]
    public async Task Two_are_rung_the_first_answer_enters_the_second_phone_stops_and_the_document_and_the_events_tell_of_both()
    {
        await host.TalkAsync(Session);
        using var stream = await EventStream.OpenAsync(host, Session, host.TokenFor("bob"));
        var (status, body) = await AddAsync(Two);
        status.ShouldBe(HttpStatusCode.Created, body);
        var added = JsonDocument.Parse(body).RootElement;
        var id = added.GetProperty("id").GetString()!;
        added.GetProperty("state").GetString().ShouldBe("dialing");
        added.GetProperty("candidates").GetArrayLength().ShouldBe(2);
        await host.Twilio.Client("ines").RingsAsync();
        await host.Twilio.Phone(Ivan).RingsAsync();
        Creates().Count.ShouldBe(3, "bob and two candidates are each called once, with an answer URL");
        await host.EventuallyAsync(document => States(document) is ["ringing", "ringing"], Session);
        var ringing = One(await host.SessionAsync(Session));
        (ringing.GetProperty("id").GetString(), ringing.GetProperty("state").GetString()).ShouldBe((id, "ringing"));
        (await host.SessionAsync(Session, "ines")).GetProperty("sessionId").GetString().ShouldBe(Session, "she may see what rings her");

        await host.Twilio.Phone(Ivan).AnswerAsync();
        await host.Twilio.Phone(Ivan).TalksAsync();
        await host.Twilio.Client("ines").IsIdleAsync();
        await host.EventuallyAsync(
            document => One(document).GetProperty("state").GetString() == "connected" && Reasons(document) is ["answered-elsewhere", null],
            Session);
        var won = One(await host.SessionAsync(Session));
        (won.GetProperty("id").GetString(), won.GetProperty("phoneNumber").GetString()).ShouldBe((id, Ivan));
        won.GetProperty("label").GetString().ShouldBe("interpreter");
        (await host.RestAsync(HttpMethod.Get, $"/v1/sessions/{Session}", host.TokenFor("ines"))).Status.ShouldBe(HttpStatusCode.NotFound);
        JsonElement last;
        do
            last = (await stream.NextAsync())!.Value.Session;
        while (last.GetProperty("participants").GetArrayLength() < 3 || Reasons(last) is not ["answered-elsewhere", null]);
        host.Twilio.Client("ines").Rings.ShouldBe(1);

        (await host.RestAsync(HttpMethod.Patch, $"{Path}/{id}", host.TokenFor("alice"), """{"muted":true}""")).Status
            .ShouldBe(HttpStatusCode.Accepted);
        await host.EventuallyAsync(document => One(document).GetProperty("muted").GetBoolean(), Session);
        (await host.RestAsync(HttpMethod.Delete, $"{Path}/{id}", host.TokenFor("alice"))).Status.ShouldBe(HttpStatusCode.NoContent);
        await host.Twilio.Phone(Ivan).IsIdleAsync();
        host.Twilio.Client("alice").TalksWith.ShouldBe(["client:bob"]);
    }

    [Fact]
    public async Task An_answer_that_comes_second_hears_that_the_call_was_answered()
    {
        await host.TalkAsync(Session);
        await AddAsync(Two);
        await host.Twilio.Client("ines").RingsAsync();
        await host.Twilio.Phone(Ivan).RingsAsync();
        // Twilio does not stop the phone: both people pick up at the same time.
        host.Twilio.Faults.Add(new RestFault { Operation = RestOperation.UpdateCall, Kind = RestFaultKind.ServerError, Times = 8 });
        await host.Twilio.Client("ines").AnswerAsync();
        await host.Twilio.Client("ines").TalksAsync();
        await host.Twilio.Phone(Ivan).AnswerAsync();
        await host.Twilio.Phone(Ivan).IsIdleAsync();
        host.Twilio.Phone(Ivan).Heard.ShouldBe(["\"Another person has answered.\""]);
        await host.EventuallyAsync(document => Reasons(document) is [null, "answered-elsewhere"], Session);
    }

    [Fact]
    public async Task In_order_the_next_phone_rings_when_one_declines_or_has_rung_long_enough()
    {
        await host.TalkAsync(Session);
        var body = Two.Replace("\"label\"", "\"strategy\":\"in-order\",\"ringSeconds\":5,\"label\"", StringComparison.Ordinal);
        (await AddAsync(body)).Status.ShouldBe(HttpStatusCode.Created);
        await host.Twilio.Client("ines").RingsAsync();
        host.Twilio.Phone(Ivan).Rings.ShouldBe(0);
        (await host.RestAsync(HttpMethod.Get, $"/v1/sessions/{Session}", host.TokenFor("ines"))).Status.ShouldBe(HttpStatusCode.OK);
        await host.Twilio.Client("ines").DeclineAsync();
        await host.Twilio.Phone(Ivan).RingsAsync();
        await host.Twilio.Phone(Ivan).DeclineAsync();
        await host.EventuallyAsync(
            document => One(document) is var one && one.GetProperty("state").GetString() is not ("ringing" or "dialing" or "connected")
                && one.GetProperty("reason").GetString() == "nobody-accepted", Session);
        host.Twilio.Client("alice").TalksWith.ShouldBe(["client:bob"]);

        (await AddAsync(body)).Status.ShouldBe(HttpStatusCode.Created, "they are not on the call any more");
        await host.Twilio.Client("ines").RingsAsync();
        await host.Twilio.Phone(Ivan).RingsAsync(TimeSpan.FromSeconds(20));
    }

    [Fact]
    public async Task A_repeated_request_rings_no_phone_and_gets_the_first_answer()
    {
        await host.TalkAsync(Session);
        var first = await AddAsync(Two, "key-1");
        var again = await AddAsync(Two, "key-1");
        (again.Status, again.Body).ShouldBe((first.Status, first.Body));
        var other = await AddAsync(Two.Replace("ines", "ida", StringComparison.Ordinal), "key-1");
        (other.Status, Code(other.Body)).ShouldBe((HttpStatusCode.UnprocessableEntity, "idempotency-key-reused"));
        var single = await AddAsync($$"""{"phoneNumber":"{{Ivan}}","label":"interpreter"}""", "key-1");
        single.Status.ShouldBe(HttpStatusCode.UnprocessableEntity);
        Creates().Count.ShouldBe(3);
    }

    [Fact]
    public async Task Every_candidate_that_cannot_be_rung_is_named_and_nothing_is_stored()
    {
        await host.TalkAsync(Session);
        var malformed = await AddAsync("""{"oneOf":[{"identity":"ines"},{"phoneNumber":"12"},{},{"identity":"a b"}],"ringSeconds":2}""");
        malformed.Status.ShouldBe(HttpStatusCode.BadRequest);
        JsonDocument.Parse(malformed.Body).RootElement.GetProperty("errors").EnumerateObject().Select(error => error.Name).ShouldBe(
            ["oneOf[1].phoneNumber", "oneOf[2]", "oneOf[3].identity", "ringSeconds"], ignoreOrder: true);
        var forbidden = await AddAsync(
            """{"oneOf":[{"phoneNumber":"+41446681800"},{"identity":"ines"},{"phoneNumber":"+493012345678"}]}""");
        var problem = JsonDocument.Parse(forbidden.Body).RootElement;
        (forbidden.Status, Code(forbidden.Body)).ShouldBe((HttpStatusCode.Forbidden, "country-not-allowed"));
        problem.GetProperty("candidates").EnumerateArray().Select(c => c.GetProperty("index").GetInt32()).ShouldBe([0, 2]);
        (await AddAsync("""{"oneOf":[]}""")).Status.ShouldBe(HttpStatusCode.BadRequest);
        (await AddAsync("""{"oneOf":[{"identity":"bob"}]}""")).Status.ShouldBe(HttpStatusCode.Conflict, "he is on the call");
        (await host.SessionAsync(Session)).GetProperty("participants").GetArrayLength().ShouldBe(2);
        Creates().Count.ShouldBe(1);
    }

    [Fact]
    public async Task All_phones_stop_when_the_caller_leaves_and_no_other_person_is_on_the_line()
    {
        await host.TalkAsync(Session);
        await AddAsync(Two);
        await host.Twilio.Client("ines").RingsAsync();
        await host.Twilio.Phone(Ivan).RingsAsync();
        await host.Twilio.Client("bob").HangUpAsync();
        await host.EventuallyAsync(document => document.GetProperty("participants")[1].GetProperty("state").GetString() == "left", Session);
        (await host.SessionAsync(Session)).GetProperty("state").GetString().ShouldBe("live");
        await host.Twilio.Client("alice").HangUpAsync();
        await host.Twilio.Client("ines").IsIdleAsync();
        await host.Twilio.Phone(Ivan).IsIdleAsync();
    }

    private Task<(HttpStatusCode Status, string Body)> AddAsync(string json, string? key = null) =>
        host.RestAsync(HttpMethod.Post, Path, host.TokenFor("alice"), json, key);

    private List<RestRequested> Creates() => host.Twilio.Read(cloud => cloud.Journal.OfType<RestRequested>()
        .Where(request => request.Method == "POST" && request.Path.EndsWith("/Calls.json", StringComparison.Ordinal)).ToList());

    private static JsonElement One(JsonElement document) => document.GetProperty("participants")[2];

    private static string?[] States(JsonElement document) => document.GetProperty("participants").GetArrayLength() < 3 ? []
        : [.. One(document).GetProperty("candidates").EnumerateArray().Select(c => c.GetProperty("state").GetString())];

    private static string?[] Reasons(JsonElement document) => document.GetProperty("participants").GetArrayLength() < 3 ? []
        : [.. One(document).GetProperty("candidates").EnumerateArray().Select(c => c.GetProperty("reason").GetString())];

    private static string? Code(string body) => JsonDocument.Parse(body).RootElement.GetProperty("code").GetString();
}
