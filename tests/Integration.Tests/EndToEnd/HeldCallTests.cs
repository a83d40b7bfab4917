using System.Net;
using System.Text.Json;
using Calls.Integration.Tests.Redis;
using Calls.Sandbox;
using Calls.Sandbox.Twilio;

namespace Calls.Integration.Tests.EndToEnd;

/// <summary>Redis is away while a person waits for TwiML. The emulated Twilio follows the redirect with the app's own parameters, or
/// without them.</summary>
public sealed class HeldCallTests(RedisFixture redis)
{
    private const string Session = "s-42";
    private const string Phone = "+15550100101";

    [Theory]
    [InlineData("bob", "client:bob", false)]
    [InlineData("client:auth0|bob", "client:auth0|bob", false)]
    [InlineData("o'brien+1@example.com", "client:o'brien+1@example.com", false)]
    [InlineData("+1 (555) 010-0101", Phone, false)]
    [InlineData("o'brien+1@example.com", "client:o'brien+1@example.com", true)]
    [InlineData("+1 (555) 010-0101", Phone, true)]
    public async Task A_held_caller_hears_ringback_and_the_callee_rings_when_Redis_is_back(string to, string rung, bool repeats)
    {
        using var gate = new RedisGate(await redis.NewDatabaseAsync(), isOpen: false);
        await using var host = await StartAsync(gate, pauseScale: 0.5, repeats);
        var alice = host.Twilio.Client("alice");
        await alice.CallAsync(to, Session);
        await IsHeldAsync(host, alice);
        gate.Open();
        await PhoneAt(host, rung).RingsAsync();
        var (status, body) = await host.RestAsync(HttpMethod.Get, "/v1/sessions/" + Session, host.TokenFor("alice"));
        status.ShouldBe(HttpStatusCode.OK, "the call has the session id of the first request");
        JsonDocument.Parse(body).RootElement.GetProperty("state").GetString().ShouldBe("ringing");
        PhoneAt(host, rung).Rings.ShouldBe(1);
        var again = host.Twilio.Journal.OfType<WebhookSent>().First(sent => sent.Webhook == WebhookKind.Redirect);
        (again.Parameters["To"], again.Parameters["SessionID"]).ShouldBe(repeats ? (to, Session) : ("", null));
        await alice.HangUpAsync();
        await PhoneAt(host, rung).IsIdleAsync();
    }

    [Fact]
    public async Task A_held_caller_who_calls_from_a_phone_rings_the_configured_person_when_Redis_is_back()
    {
        using var gate = new RedisGate(await redis.NewDatabaseAsync(), isOpen: false);
        await using var host = await StartAsync(gate, pauseScale: 0.5);
        var (phone, bob) = (host.Twilio.Phone(Phone), host.Twilio.Client("bob"));
        var leg = await phone.PlaceCallAsync("+15550100000");
        await IsHeldAsync(host, phone);
        gate.Open();
        await bob.RingsAsync();
        (bob.Rings, bob.Incoming[0].Custom["SessionID"], bob.Incoming[0].Custom["CallerIdentity"]).ShouldBe((1, leg.Sid, Phone));
        await phone.HangUpAsync();
        await bob.IsIdleAsync();
    }

    [Fact]
    public async Task A_held_caller_hears_thirty_seconds_of_ringback_and_then_words()
    {
        using var gate = new RedisGate(await redis.NewDatabaseAsync(), isOpen: false);
        await using var host = await StartAsync(gate, pauseScale: 0.002);
        var alice = host.Twilio.Client("alice");
        await alice.CallAsync("bob", Session);
        await alice.IsIdleAsync();
        alice.Heard.Count.ShouldBe(6);
        alice.Heard.Take(5).ShouldAllBe(sound => IsRingback(sound), "five cycles of six seconds, as in the United States");
        alice.Heard[^1].ShouldContain("cannot be connected right now");
    }

    [Fact]
    public async Task A_caller_who_hung_up_while_held_rings_no_person()
    {
        using var gate = new RedisGate(await redis.NewDatabaseAsync(), isOpen: false);
        await using var host = await StartAsync(gate, pauseScale: 0.1);
        var alice = host.Twilio.Client("alice");
        var leg = await alice.CallAsync("bob", Session);
        await IsHeldAsync(host, alice);
        await alice.HangUpAsync();
        await host.Twilio.WaitUntilAsync(
            cloud => cloud.Journal.OfType<WebhookSent>().Count == cloud.Journal.OfType<WebhookAnswered>().Count,
            "every webhook has its answer");
        gate.Open();
        await Eventually.TrueAsync(async () =>
            (await host.RestAsync(HttpMethod.Get, "/v1/sessions/" + Session, host.TokenFor("alice"))).Status == HttpStatusCode.NotFound);
        // Twilio follows the redirect late.
        var callee = System.Buffers.Text.Base64Url.EncodeToString("client:bob"u8);
        var (status, twiml) = await host.SignedAsync($"/twilio/sessions/{Session}/callees/{callee}/retries/1/voice",
            ("CallSid", leg.Sid), ("From", "client:alice"), ("To", ""), ("CallStatus", "completed"));
        (status, twiml).ShouldBe((HttpStatusCode.OK, TwimlOf("<Hangup></Hangup>")));
        await host.Twilio.Client("carol").CallAsync("dave", "s-43");
        await host.Twilio.Client("dave").RingsAsync();
        host.Twilio.Client("bob").Rings.ShouldBe(0);
        await host.Twilio.Client("carol").HangUpAsync();
        await host.Twilio.Client("dave").IsIdleAsync();
    }

    [Fact]
    public async Task A_held_callee_hears_ringback_and_enters_the_room_when_Redis_is_back()
    {
        using var gate = new RedisGate(await redis.NewDatabaseAsync(), isOpen: true);
        await using var host = await StartAsync(gate, pauseScale: 0.5);
        var (alice, bob) = (host.Twilio.Client("alice"), host.Twilio.Client("bob"));
        await alice.CallAsync("bob", Session);
        await bob.RingsAsync();
        gate.Close();
        await bob.AnswerAsync();
        await IsHeldAsync(host, bob);
        gate.Open();
        await bob.TalksAsync();
        await alice.HangUpAsync();
        await bob.IsIdleAsync();
    }

    [Fact]
    public async Task A_caller_whom_the_version_before_this_one_holds_is_served_too()
    {
        await using var host = await SandboxHost.StartAsync(new SandboxOptions { RedisConnectionString = await redis.NewDatabaseAsync() });
        var (status, twiml) = await host.SignedAsync($"/twilio/sessions/{Session}/retries/3/voice",
            ("CallSid", "CA" + new string('e', 32)), ("From", "client:alice"), ("To", "bob"));
        status.ShouldBe(HttpStatusCode.OK);
        twiml.ShouldContain("<Conference");
        await host.Twilio.Client("bob").RingsAsync();
    }

    [Theory]
    [InlineData("YQ==")]
    [InlineData("*")]
    [InlineData("YWJjOmRlZg")]
    public async Task A_held_call_without_a_readable_callee_ends(string callee)
    {
        await using var host = await SandboxHost.StartAsync(new SandboxOptions { RedisConnectionString = await redis.NewDatabaseAsync() });
        var (status, twiml) = await host.SignedAsync($"/twilio/sessions/{Session}/callees/{callee}/retries/3/voice",
            ("CallSid", "CA" + new string('e', 32)), ("From", "client:alice"), ("To", "bob"));
        (status, twiml).ShouldBe((HttpStatusCode.OK, TwimlOf("<Hangup></Hangup>")));
    }

    private static string TwimlOf(string verbs) => $"<?xml version=\"1.0\" encoding=\"utf-8\"?><Response>{verbs}</Response>";

    private static bool IsRingback(string sound) => sound.EndsWith("/twilio/wait/ringback.wav", StringComparison.Ordinal);

    private static Task IsHeldAsync(SandboxHost host, PhoneHandle phone) =>
        host.Twilio.WaitUntilAsync(cloud => cloud.Phone(phone.Address).Heard.Any(IsRingback), "the person hears ringback");

    private static PhoneHandle PhoneAt(SandboxHost host, string address) => address.StartsWith("client:", StringComparison.Ordinal)
        ? host.Twilio.Client(address["client:".Length..]) : host.Twilio.Phone(address);

    private static Task<SandboxHost> StartAsync(RedisGate gate, double pauseScale, bool repeats = false) =>
        SandboxHost.StartAsync(new SandboxOptions
        {
            RedisConnectionString = gate.ConnectionString,
            Twilio = new() { PauseScale = pauseScale, RepeatsAppParameters = repeats },
        });
}
