using System.Net;
using System.Text.Json;
using Calls.Integration.Tests.Redis;
using Calls.Sandbox;
using Calls.Sandbox.Twilio;

namespace Calls.Integration.Tests.EndToEnd;

/// <summary>Answering machines are not company: screened phones over real HTTP (docs/adr/0021).</summary>
public sealed class ScreeningTests(RedisFixture redis)
{
    private const string Session = "s-42";
    private const string Lawyer = "+15550100101";
    private const string Message = "Please call us back.";

    [Fact]
    public async Task A_person_who_presses_1_enters_and_is_on_the_way_until_then()
    {
        await using var host = await StartAsync();
        await host.TalkAsync();
        var lawyer = host.Twilio.Phone(Lawyer);
        (await host.AddPhoneAsync(Session, "alice", Lawyer, screen: "press-1")).Status.ShouldBe(HttpStatusCode.Created);
        await lawyer.RingsAsync();
        await lawyer.AnswerAsync();
        await lawyer.IsAskedAsync();
        lawyer.Heard.ShouldBe(["\"You are invited to a phone call. To accept the call, press 1.\""]);
        await host.EventuallyAsync(_ => host.Twilio.Read(cloud => cloud.Journal.Has<WebhookAnswered>(a => a.Event == "in-progress")));
        Participant(await host.SessionAsync(), 2).GetProperty("state").GetString().ShouldBe("ringing");
        await lawyer.PressAsync("1");
        await lawyer.TalksAsync();
        await host.StateAsync(2, "connected");
        Created(host, Lawyer)["MachineDetection"].ShouldBeNull();
    }

    [Fact]
    public async Task A_person_who_does_not_press_1_is_asked_twice_and_is_not_accepted()
    {
        await using var host = await StartAsync(pauseScale: 0.01);
        await host.TalkAsync();
        await host.Twilio.Phone(Lawyer).BehaveAsync(PhoneBehaviour.Answer, key: null);
        await host.AddPhoneAsync(Session, "alice", Lawyer, screen: "press-1");
        await GoneAsync(host, "not-accepted");
        host.Twilio.Phone(Lawyer).Heard.Count.ShouldBe(2, "the question is repeated once");
        host.Twilio.Client("alice").TalksWith.ShouldBe(["client:bob"]);
    }

    [Theory]
    [InlineData(PhoneBehaviour.Voicemail)]
    [InlineData(PhoneBehaviour.Fax)]
    public async Task A_machine_never_enters_and_is_hung_up(PhoneBehaviour machine)
    {
        await using var host = await StartAsync();
        var entered = 0;
        host.Twilio.Journal.Added += entry => entered += entry is ConferenceChanged { Phone: Lawyer } ? 1 : 0;
        await host.TalkAsync();
        await host.Twilio.Phone(Lawyer).BehaveAsync(machine);
        await host.AddPhoneAsync(Session, "alice", Lawyer, screen: "machine");
        await GoneAsync(host, "voicemail");
        await host.Twilio.Phone(Lawyer).IsIdleAsync();
        (entered, host.Twilio.Phone(Lawyer).Heard.Count).ShouldBe((0, 0));
        Created(host, Lawyer)["MachineDetection"].ShouldBe("Enable");
        Created(host, Lawyer)["AsyncAmd"].ShouldBeNull();
    }

    [Fact]
    public async Task The_caller_of_a_voicemail_is_not_left_with_it()
    {
        await using var host = await StartAsync(settings: [new("Calls:Screening:Phones", "machine")]);
        await host.Twilio.Phone(Lawyer).BehaveAsync(PhoneBehaviour.Voicemail);
        await host.Twilio.Client("alice").CallAsync(Lawyer, Session);
        await host.Twilio.Client("alice").IsIdleAsync();
        await GoneAsync(host, "voicemail", 1);
        (await host.SessionAsync()).GetProperty("endReason").GetString().ShouldBe("callee-voicemail");
        (await host.SessionAsync()).GetProperty("answeredAt").ValueKind.ShouldBe(JsonValueKind.Null);
    }

    [Fact]
    public async Task A_callee_whom_Twilio_does_not_recognise_presses_1_and_talks()
    {
        await using var host = await StartAsync(
            settings: [new("Calls:Screening:Phones", "machine"), new("Calls:Prompts:press-1:en", "Hi.")]);
        await host.Twilio.Phone(Lawyer).BehaveAsync(PhoneBehaviour.Unrecognised);
        await host.Twilio.Client("alice").CallAsync(Lawyer, Session);
        await host.Twilio.Client("alice").TalksAsync();
        host.Twilio.Phone(Lawyer).Heard.ShouldBe(["\"Hi.\""]);
    }

    [Fact]
    public async Task A_voicemail_hears_the_message_after_its_beep_and_is_then_hung_up()
    {
        await using var host = await StartAsync(settings: [new("Calls:Prompts:voicemail:en", Message)]);
        await host.TalkAsync();
        await host.Twilio.Phone(Lawyer).BehaveAsync(PhoneBehaviour.Voicemail, key: null, beepAfter: TimeSpan.FromSeconds(0.5));
        await host.AddPhoneAsync(Session, "alice", Lawyer, screen: "machine");
        await GoneAsync(host, "voicemail");
        await host.Twilio.Phone(Lawyer).IsIdleAsync();
        host.Twilio.Phone(Lawyer).Heard.ShouldBe([$"\"{Message}\""]);
        Created(host, Lawyer)["MachineDetection"].ShouldBe("DetectMessageEnd");
        Answer(host)["AnsweredBy"].ShouldBe("machine_end_beep");
    }

    [Fact]
    public async Task A_machine_whose_answer_request_is_lost_is_known_by_the_report_of_its_end()
    {
        await using var host = await StartAsync(settings: [new("Calls:Screening:Phones", "machine")]);
        host.Faults(new WebhookFault { Kind = WebhookKind.Answer, Drop = true });
        await host.Twilio.Phone(Lawyer).BehaveAsync(PhoneBehaviour.Voicemail);
        await host.Twilio.Client("alice").CallAsync(Lawyer, Session);
        await host.Twilio.Client("alice").IsIdleAsync();
        await host.EventuallyAsync(document => document.GetProperty("endReason").GetString() == "callee-voicemail");
    }

    [Fact]
    public async Task A_recognised_person_is_not_asked_although_Redis_is_away_at_the_answer()
    {
        using var gate = new RedisGate(await redis.NewDatabaseAsync(), isOpen: true);
        await using var host = await StartAsync(
            pauseScale: 0.5, connection: gate.ConnectionString, settings: [new("Calls:Screening:Phones", "machine")]);
        var lawyer = host.Twilio.Phone(Lawyer);
        await host.Twilio.Client("alice").CallAsync(Lawyer, Session);
        await lawyer.RingsAsync();
        gate.Close();
        await lawyer.AnswerAsync();
        await host.Twilio.WaitUntilAsync(
            cloud => cloud.Phone(Lawyer).Heard.Any(sound => sound.EndsWith("ringback.wav", StringComparison.Ordinal)),
            "the person is held");
        gate.Open();
        await lawyer.TalksAsync();
        lawyer.Heard.ShouldAllBe(sound => sound.EndsWith("ringback.wav", StringComparison.Ordinal), "no question");
    }

    [Fact]
    public async Task An_unknown_screening_is_refused_and_a_repeated_request_must_have_the_same()
    {
        await using var host = await StartAsync();
        await host.TalkAsync();
        var (status, body) = await host.AddPhoneAsync(Session, "alice", Lawyer, screen: "Machine");
        status.ShouldBe(HttpStatusCode.BadRequest);
        body.ShouldContain("none, machine or press-1");
    }

    private async Task<SandboxHost> StartAsync(
        double pauseScale = 1, string? connection = null, KeyValuePair<string, string?>[]? settings = null) =>
        await SandboxHost.StartAsync(new SandboxOptions
        {
            RedisConnectionString = connection ?? await redis.NewDatabaseAsync(),
            Twilio = new() { PauseScale = pauseScale },
            Settings = settings ?? [],
        });

    private static Task GoneAsync(SandboxHost host, string reason, int participant = 2) => host.EventuallyAsync(document =>
        document.GetProperty("participants").GetArrayLength() > participant
        && Participant(document, participant) is var person && person.GetProperty("reason").GetString() == reason
        && person.GetProperty("state").GetString() == "not-reached");

    private static JsonElement Participant(JsonElement document, int participant) => document.GetProperty("participants")[participant];

    private static Parameters Created(SandboxHost host, string to) =>
        host.Twilio.Journal.OfType<RestRequested>().Single(rest => rest.Method == "POST" && rest.Parameters["To"] == to).Parameters;

    private static Parameters Answer(SandboxHost host) =>
        host.Twilio.Journal.OfType<WebhookSent>().Last(sent => sent.Webhook == WebhookKind.Answer).Parameters;
}
