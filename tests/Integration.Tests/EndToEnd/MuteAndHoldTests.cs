using System.Net;
using System.Net.Http.Headers;
using System.Text;
using Calls.Integration.Tests.Redis;
using Calls.Sandbox;
using Calls.Sandbox.Twilio;

namespace Calls.Integration.Tests.EndToEnd;

/// <summary>Mute and hold over real HTTP: before a person is in the room, and with lost webhooks (issue 15, 1.8 and 1.9).</summary>
public sealed class MuteAndHoldTests(RedisFixture redis) : IAsyncLifetime
{
    private const string Session = "s-42";
    private const string Lawyer = "+15550100101";
    private static readonly HttpMessageInvoker Http = new(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false });
    private SandboxHost host = null!;

    private PhoneHandle Alice => host.Twilio.Client("alice");

    private PhoneHandle Bob => host.Twilio.Client("bob");

    public async ValueTask InitializeAsync() => host = await SandboxHost.StartAsync(new SandboxOptions
    {
        RedisConnectionString = await redis.NewDatabaseAsync(),
        Settings = [new("Calls:ReviewInterval", "00:00:02")],
    });

    public ValueTask DisposeAsync() => host.DisposeAsync();

    [Fact]
    public async Task A_mute_and_a_hold_that_are_requested_while_the_phone_rings_are_made_when_the_person_enters()
    {
        var (entries, heard) = (0, 0);
        host.Twilio.Journal.Added += entry =>
        {
            // An entry is added on the loop of the emulator, so the participant is as it was at this moment.
            if (entry is not ConferenceChanged { Phone: "client:bob", CallSid: { } sid }
                || host.Twilio.Cloud.FindLeg(sid)?.Participant is not { IsIn: true } part)
                return;
            entries++;
            heard += part.Muted ? 0 : 1;
        };
        await Alice.CallAsync("bob", Session);
        await Bob.RingsAsync();
        (await PatchAsync("callee", """{"muted": true}""")).ShouldBe(HttpStatusCode.Accepted);
        (await PatchAsync("callee", """{"hold": true}""")).ShouldBe(HttpStatusCode.Accepted);
        await Bob.AnswerAsync();
        await AtTwilioAsync(0, "callee", muted: true, hold: true);
        await DocumentAsync("callee", muted: true, hold: true);
        entries.ShouldBeGreaterThan(0);
        heard.ShouldBe(0, "the callee enters muted");
    }

    [Fact]
    public async Task A_person_who_is_on_the_way_by_phone_is_muted_on_entering_and_the_last_request_counts()
    {
        await host.TalkAsync(Session);
        host.Twilio.Faults.RestLatency = TimeSpan.Zero;
        (await host.AddPhoneAsync(Session, "alice", Lawyer)).Status.ShouldBe(HttpStatusCode.Created);
        await host.Twilio.Phone(Lawyer).RingsAsync();
        var guest = (await host.SessionAsync(Session)).GetProperty("participants")[2].GetProperty("id").GetString()!;
        (await PatchAsync(guest, """{"muted": true}""")).ShouldBe(HttpStatusCode.Accepted);
        (await PatchAsync(guest, """{"muted": false, "hold": true}""")).ShouldBe(HttpStatusCode.Accepted);
        await host.Twilio.Phone(Lawyer).AnswerAsync();
        await AtTwilioAsync(0, guest, muted: false, hold: true);
        await DocumentAsync(guest, muted: false, hold: true);
    }

    [Fact]
    public async Task A_request_for_a_person_who_has_left_is_refused()
    {
        await host.TalkAsync(Session);
        (await host.AddPhoneAsync(Session, "alice", Lawyer)).Status.ShouldBe(HttpStatusCode.Created);
        await host.Twilio.Phone(Lawyer).RingsAsync();
        await host.Twilio.Phone(Lawyer).DeclineAsync();
        var guest = (await host.SessionAsync(Session)).GetProperty("participants")[2].GetProperty("id").GetString()!;
        await Eventually.TrueAsync(async () => await PatchAsync(guest, """{"muted": true}""") == HttpStatusCode.Conflict);
    }

    [Fact]
    public async Task Twilios_answer_counts_when_the_webhook_of_a_mute_is_lost()
    {
        await host.TalkAsync(Session);
        LoseTheWebhooks();
        (await PatchAsync("callee", """{"muted": true}""")).ShouldBe(HttpStatusCode.Accepted);
        await DocumentAsync("callee", muted: true, hold: false);
    }

    [Fact]
    public async Task A_review_finds_what_a_lost_webhook_did_not_report()
    {
        await host.TalkAsync(Session);
        LoseTheWebhooks();
        // Another client of the account mutes: no answer tells the service.
        var room = await host.Twilio.AskAsync(cloud => cloud.Conferences.Single().Sid);
        var account = host.Twilio.Options.AccountSid;
        using var request = new HttpRequestMessage(
            HttpMethod.Post, new Uri(host.Twilio.ApiBaseUrl, $"/2010-04-01/Accounts/{account}/Conferences/{room}/Participants/callee.json"))
        {
            Content = new FormUrlEncodedContent([new("Muted", "true"), new("Hold", "true")]),
        };
        request.Headers.Authorization = new AuthenticationHeaderValue(
            "Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{account}:{host.Twilio.Options.AuthToken}")));
        (await Http.SendAsync(request, TestContext.Current.CancellationToken)).StatusCode.ShouldBe(HttpStatusCode.OK);
        await DocumentAsync("callee", muted: true, hold: true);
    }

    private void LoseTheWebhooks()
    {
        foreach (var lost in new[] { "participant-mute", "participant-unmute", "participant-hold", "participant-unhold" })
            host.Faults(new WebhookFault { Event = lost, Drop = true });
    }

    private Task AtTwilioAsync(int conference, string label, bool muted, bool hold) => host.Twilio.WaitUntilAsync(
        cloud => cloud.Conferences.ElementAtOrDefault(conference)?.Participants.FirstOrDefault(p => p.Label == label) is { IsIn: true } part
            && (part.Muted, part.Hold) == (muted, hold),
        $"{label} is in the room, muted {muted}, on hold {hold}");

    private Task DocumentAsync(string id, bool muted, bool hold) => host.EventuallyAsync(
        session => session.GetProperty("participants").EnumerateArray().Single(p => p.GetProperty("id").GetString() == id)
            is var person && (person.GetProperty("muted").GetBoolean(), person.GetProperty("hold").GetBoolean()) == (muted, hold),
        Session);

    private async Task<HttpStatusCode> PatchAsync(string participant, string body) => (await host.RestAsync(
        HttpMethod.Patch, $"/v1/sessions/{Session}/participants/{participant}", host.TokenFor("alice"), body)).Status;
}
