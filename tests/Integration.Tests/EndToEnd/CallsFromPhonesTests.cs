using System.Net;
using Calls.Integration.Tests.Redis;
using Calls.Sandbox;
using Calls.Sandbox.Demo;
using Calls.Sandbox.Twilio;

namespace Calls.Integration.Tests.EndToEnd;

/// <summary>A person calls a number of the account from a phone (docs/adr/0028).</summary>
public sealed class CallsFromPhonesTests(RedisFixture redis) : IAsyncLifetime
{
    private const string Hotline = "+15550100000";
    private const string Office = "+15550100900";
    private const string Caller = "+15550100101";
    private const string Blocked = "+15550100109";
    private const string Colleague = "+15550100102";
    private SandboxHost host = null!;

    public async ValueTask InitializeAsync()
    {
        host = await SandboxHost.StartAsync(new SandboxOptions
        {
            RedisConnectionString = await redis.NewDatabaseAsync(),
            Settings =
            [
                new($"Calls:Inbound:{Hotline}", "bob"), new($"Calls:Inbound:{Office[1..]}", Colleague),
                new("Calls:BlockedCallers:0", Blocked), new("Calls:MaxSessionsPerIdentity", "1"),
            ],
        });
    }

    public ValueTask DisposeAsync() => host.DisposeAsync();

    [Fact]
    public async Task A_phone_calls_in_and_Bobs_app_knows_the_call_and_the_caller_and_adds_a_person()
    {
        var (phone, bob, carol) = (host.Twilio.Phone(Caller), host.Twilio.Client("bob"), host.Twilio.Client("carol"));
        var leg = await phone.PlaceCallAsync(Hotline);
        await bob.RingsAsync();
        var rung = bob.Incoming.Single();
        (rung.Custom["SessionID"], rung.Custom["CallerIdentity"], rung.From).ShouldBe((leg.Sid, Caller, Caller));
        await bob.AnswerAsync();
        await bob.TalksAsync();
        await host.AllConnectedAsync(leg.Sid, "bob");
        var caller = (await host.SessionAsync(leg.Sid, "bob")).GetProperty("participants")[0];
        (caller.GetProperty("phoneNumber").GetString(), caller.GetProperty("identity").GetString()).ShouldBe((Caller, null));
        (await host.AddAppAsync(leg.Sid, "bob", "carol")).Status.ShouldBe(HttpStatusCode.Created);
        await carol.RingsAsync();
        carol.Incoming.Single().Custom["CallerIdentity"].ShouldBe(Caller);
        await carol.AnswerAsync();
        await host.AllConnectedAsync(leg.Sid, "bob");
        (await host.AddPhoneAsync(leg.Sid, "bob", Caller)).Body.ShouldContain("\"already-on-the-call\"");
        await phone.HangUpAsync();
        await bob.HangUpAsync();
        await carol.IsIdleAsync();
        (await host.Twilio.AskAsync(cloud => Guarantees.Broken(cloud))).ShouldBeEmpty();
    }

    [Theory]
    [InlineData("anonymous")]
    [InlineData("+266696687")]
    [InlineData("+7378742833")]
    [InlineData("sip:alice@example.com")]
    [InlineData("Restricted")]
    [InlineData("")]
    public async Task A_caller_whose_number_is_withheld_or_no_number_talks_and_the_app_gets_no_caller(string shown)
    {
        var (phone, bob) = (host.Twilio.Phone(Caller), host.Twilio.Client("bob"));
        (await phone.LookAsync()).ShownAs = shown;
        var leg = await phone.PlaceCallAsync(Hotline);
        await bob.RingsAsync();
        var rung = bob.Incoming.Single();
        (rung.Custom["SessionID"], rung.Custom.Has("CallerIdentity"), rung.From).ShouldBe((leg.Sid, false, Hotline));
        await bob.AnswerAsync();
        await bob.TalksAsync();
        await host.AllConnectedAsync(leg.Sid, "bob");
        var caller = (await host.SessionAsync(leg.Sid, "bob")).GetProperty("participants")[0];
        (caller.GetProperty("phoneNumber").GetString(), caller.GetProperty("identity").GetString()).ShouldBe((null, null));
        await bob.HangUpAsync();
        await phone.IsIdleAsync();
    }

    [Fact]
    public async Task A_number_that_is_not_configured_and_a_blocked_caller_get_words_and_ring_nobody()
    {
        (await NumberAsync("1", Caller, "+15550100777")).ShouldContain("not in service");
        (await NumberAsync("2", Blocked, Hotline)).ShouldContain("not accepted");
        (await NumberAsync("3", "client:mallory", Hotline)).ShouldContain("does not come from a phone");
        (await host.Twilio.AskAsync(cloud => cloud.Legs.Count)).ShouldBe(0);
    }

    [Fact]
    public async Task A_call_to_a_phone_has_the_answer_of_the_voice_webhook_and_a_repeated_request_rings_once()
    {
        var twiml = await NumberAsync("1", Caller, Office);
        twiml.ShouldContain("<Conference");
        (await NumberAsync("1", Caller, Office)).ShouldBe(twiml);
        await host.Twilio.Phone(Colleague).RingsAsync();
        host.Twilio.Phone(Colleague).Incoming.Single().From.ShouldBe(Hotline);
        (await NumberAsync("2", Colleague, Office)).ShouldContain("You cannot call yourself");
    }

    [Fact]
    public async Task No_session_id_is_taken_from_outside()
    {
        await host.TalkAsync("s-1");
        var url = ("CallSid", Sid("1"));
        (await host.SignedAsync("/twilio/number", url, ("From", Caller), ("To", Hotline), ("SessionID", "s-1"))).Body
            .ShouldContain("<Conference");
        (await host.SessionAsync("s-1")).GetProperty("participants").GetArrayLength().ShouldBe(2);
        (await host.SessionAsync(Sid("1"), "bob")).GetProperty("participants")[0].GetProperty("phoneNumber").GetString().ShouldBe(Caller);
    }

    [Fact]
    public async Task One_phone_has_as_many_calls_at_once_as_one_identity_and_withheld_numbers_have_no_such_limit()
    {
        (await NumberAsync("1", Caller, Hotline)).ShouldContain("<Conference");
        (await NumberAsync("2", Caller, Hotline)).ShouldContain("too many calls at once");
        (await NumberAsync("3", "anonymous", Hotline)).ShouldContain("<Conference");
        (await NumberAsync("4", "anonymous", Hotline)).ShouldContain("<Conference");
        (await host.SignedAsync("/twilio/number/status", ("CallSid", Sid("1")), ("CallStatus", "completed"), ("From", Caller),
            ("To", Hotline), ("CallbackSource", "call-progress-events"))).Status.ShouldBe(HttpStatusCode.NoContent);
        await host.EventuallyAsync(session => session.GetProperty("state").GetString() == "ended", Sid("1"), "bob");
        await Eventually.TrueAsync(async () => (await NumberAsync("5", Caller, Hotline)).Contains("<Conference", StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_status_callback_of_the_number_is_a_second_report_of_the_leave()
    {
        var (phone, bob) = (host.Twilio.Phone(Caller), host.Twilio.Client("bob"));
        var leg = await phone.PlaceCallAsync(Hotline);
        await bob.RingsAsync();
        await bob.AnswerAsync();
        await bob.TalksAsync();
        await host.AllConnectedAsync(leg.Sid, "bob");
        host.Faults(new WebhookFault { Kind = WebhookKind.Conference, Drop = true });
        host.Faults(new WebhookFault { Kind = WebhookKind.DialAction, Drop = true });
        await phone.HangUpAsync();
        await bob.IsIdleAsync();
        (await host.SignedAsync("/twilio/number/status", ("CallSid", leg.Sid), ("CallStatus", "ringing"))).Status
            .ShouldBe(HttpStatusCode.NoContent);
    }

    private static string Sid(string last) => "CA" + last.PadLeft(32, '0');

    private async Task<string> NumberAsync(string last, string from, string to) => (await host.SignedAsync("/twilio/number",
        ("CallSid", Sid(last)), ("From", from), ("To", to), ("Direction", "inbound"))).Body;
}
