using System.Net;
using System.Text.Json;
using Calls.Domain;
using Calls.Infrastructure.Redis;
using Calls.Integration.Tests.Gateway;
using Calls.Integration.Tests.Redis;
using Calls.Sandbox;
using Calls.Sandbox.Twilio;
using Microsoft.Extensions.Logging;
using StackExchange.Redis;

namespace Calls.Integration.Tests.EndToEnd;

/// <summary>A stored session that this version cannot read: each request has an answer, and an engineer is told.</summary>
public sealed class UnreadableSessionTests(RedisFixture redis) : IAsyncLifetime
{
    private const string Bad = "s-bad";
    private static readonly string Sid = "CA" + new string('d', 32);
    private readonly LogSink log = new();

    private SandboxHost host = null!;
    private ConnectionMultiplexer connection = null!;

    public async ValueTask InitializeAsync()
    {
        var database = await redis.NewDatabaseAsync();
        connection = await ConnectionMultiplexer.ConnectAsync(database);
        host = await SandboxHost.StartAsync(new SandboxOptions
        {
            RedisConnectionString = database,
            Configure = builder => builder.Logging.AddProvider(log),
        });
    }

    public async ValueTask DisposeAsync()
    {
        await host.DisposeAsync();
        await connection.DisposeAsync();
    }

    [Theory]
    [InlineData("/twilio/voice")]
    [InlineData("/twilio/sessions/s-bad/x/participants/callee/join")]
    public async Task A_leg_that_asks_for_TwiML_is_held(string path)
    {
        await SpoilAsync(Bad);
        var (status, body) = await host.SignedAsync(path, ("CallSid", Sid), ("From", "client:alice"), ("To", "bob"), ("SessionID", Bad));
        status.ShouldBe(HttpStatusCode.OK);
        body.ShouldContain("<Redirect");
        ErrorsShouldName(Bad, times: 1);
    }

    [Fact]
    public async Task A_leg_that_has_left_is_hung_up()
    {
        await SpoilAsync(Bad);
        var (status, body) = await host.SignedAsync($"/twilio/sessions/{Bad}/x/participants/callee/left", ("CallSid", Sid));
        status.ShouldBe(HttpStatusCode.OK);
        body.ShouldContain("<Hangup");
        ErrorsShouldName(Bad, times: 1);
    }

    [Theory]
    [InlineData("/twilio/sessions/s-bad/x/conference", "StatusCallbackEvent", "participant-leave")]
    [InlineData("/twilio/sessions/s-bad/x/participants/callee/status", "CallStatus", "completed")]
    public async Task A_status_callback_is_answered_with_503(string path, string key, string value)
    {
        await SpoilAsync(Bad);
        var (status, body) = await host.SignedAsync(path, ("CallSid", Sid), (key, value), ("ConferenceSid", "CF" + new string('d', 32)));
        (status, CodeOf(body)).ShouldBe((HttpStatusCode.ServiceUnavailable, "session-unreadable"));
        ErrorsShouldName(Bad, times: 1);
    }

    [Theory]
    [InlineData("GET", "", null)]
    [InlineData("GET", "/events", null)]
    [InlineData("POST", "/participants", """{"phoneNumber": "+15550100101"}""")]
    [InlineData("DELETE", "/participants/callee", null)]
    public async Task REST_is_answered_with_503_and_the_code(string method, string path, string? json)
    {
        await SpoilAsync(Bad);
        var (status, body) = await host.RestAsync(new HttpMethod(method), $"/v1/sessions/{Bad}{path}", host.TokenFor("alice"), json);
        (status, CodeOf(body)).ShouldBe((HttpStatusCode.ServiceUnavailable, "session-unreadable"));
        ErrorsShouldName(Bad, times: 1);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Damage_by_another_program_is_answered_alike(bool isHash)
    {
        var key = RedisKeys.Session(Id(Bad));
        if (isHash)
        {
            var data = StoredForm.Write(GoldenSessions.All["live"]);
            await connection.GetDatabase().HashSetAsync(key, [new("data", data), new("etag", "of-another"), new("ver", "seven")]);
        }
        else
        {
            await connection.GetDatabase().StringSetAsync(key, "of another program");
        }

        var (voice, twiml) = await host.SignedAsync(
            "/twilio/voice", ("CallSid", Sid), ("From", "client:alice"), ("To", "bob"), ("SessionID", Bad));
        voice.ShouldBe(HttpStatusCode.OK);
        twiml.ShouldContain("<Redirect");
        ErrorsShouldName(Bad, times: 1);
        var (status, callback) = await host.SignedAsync(
            $"/twilio/sessions/{Bad}/x/participants/callee/status", ("CallSid", Sid), ("CallStatus", "completed"));
        (status, CodeOf(callback)).ShouldBe((HttpStatusCode.ServiceUnavailable, "session-unreadable"));
        var (rest, problem) = await host.RestAsync(HttpMethod.Get, $"/v1/sessions/{Bad}", host.TokenFor("alice"));
        (rest, CodeOf(problem)).ShouldBe((HttpStatusCode.ServiceUnavailable, "session-unreadable"));
        ErrorsShouldName(Bad, times: 3);
    }

    [Fact]
    public async Task A_save_that_finds_an_unreadable_session_is_answered_alike()
    {
        await host.Twilio.Client("alice").CallAsync("bob", Bad);
        await host.Twilio.Client("bob").RingsAsync();
        await SpoilAsync(Bad);
        await host.Twilio.Client("alice").HangUpAsync();
        await host.Twilio.WaitUntilAsync(_ => Answers().Any(answer => answer.Status == 503), "a callback was answered with 503");
        Answers().ShouldAllBe(answer => answer.Status == 503 || answer.Status < 300);
        Errors().ShouldNotBeEmpty();
        Errors().ShouldAllBe(line => line.Contains(Bad, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Other_calls_are_served_listed_and_swept_and_the_metric_counts()
    {
        using var unreadable = new Measurements(host.Services, "calls.sessions.unreadable");
        var before = unreadable.Observe().ShouldNotBeNull("the metric is there before a session was unreadable");
        await SpoilAsync(Bad);
        await DueAsync(Bad);
        await Eventually.TrueAsync(() => Task.FromResult(unreadable.Observe() > before && Errors().Count > 0));
        await host.Twilio.Client("alice").CallAsync("bob", "s-good");
        await host.Twilio.Client("bob").RingsAsync();
        var (status, body) = await host.RestAsync(HttpMethod.Get, "/v1/sessions?state=live", host.TokenFor("olga", "calls.operate"));
        status.ShouldBe(HttpStatusCode.OK, body);
        var listed = JsonDocument.Parse(body).RootElement.GetProperty("sessions").EnumerateArray();
        listed.Select(session => session.GetProperty("sessionId").GetString()).ShouldBe(["s-good"]);
        await DueAsync("s-good");
        await Eventually.TrueAsync(async () => await ScoreAsync("s-good") > 1000);
        Errors().ShouldAllBe(line => line.Contains(Bad, StringComparison.Ordinal));
        await host.Twilio.Client("alice").HangUpAsync();
        await host.Twilio.Client("bob").IsIdleAsync();
    }

    /// <summary>Stores a session as a version that is too new might.</summary>
    private Task SpoilAsync(string session) => connection.GetDatabase().HashSetAsync(
        RedisKeys.Session(Id(session)), [new("data", """{"v":99}"""), new("etag", "of-another"), new("ver", 7)]);

    private Task DueAsync(string session) => connection.GetDatabase().SortedSetAddAsync(DueKey(session), session, 1000);

    private Task<double?> ScoreAsync(string session) => connection.GetDatabase().SortedSetScoreAsync(DueKey(session), session);

    private static RedisKey DueKey(string session) => RedisKeys.Due(RedisKeys.PartitionOf(Id(session)));

    private IEnumerable<WebhookAnswered> Answers() => host.Twilio.Journal.Entries.OfType<WebhookAnswered>();

    private void ErrorsShouldName(string session, int times)
    {
        Errors().Count.ShouldBe(times, string.Join('\n', Errors()));
        Errors().ShouldAllBe(line => line.Contains(session, StringComparison.Ordinal));
    }

    private List<string> Errors() => [.. log.Lines.Where(line => line.Split(' ')[0] is "Error" or "Critical")];

    private static string? CodeOf(string problem) => JsonDocument.Parse(problem).RootElement.GetProperty("code").GetString();

    private static SessionId Id(string text) => SessionId.TryParse(text, out var id) ? id : throw new ArgumentException(text, nameof(text));
}
