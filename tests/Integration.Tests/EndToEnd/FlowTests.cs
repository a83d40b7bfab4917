using System.Net;
using System.Text.Json;
using Calls.Integration.Tests.Redis;
using Calls.Sandbox;
using Calls.Sandbox.Demo;
using Calls.Sandbox.Twilio;

namespace Calls.Integration.Tests.EndToEnd;

/// <summary>Every flow over real HTTP: the real service, a real Redis, and an emulated Twilio whose phones people use.</summary>
public sealed class FlowTests(RedisFixture redis) : IAsyncLifetime
{
    private const string Lawyer = "+15550100101";
    private const string Doctor = "+15550100102";
    private const string Refused = "+15550100199";
    private const string Session = "s-42";

    private SandboxHost host = null!;

    private PhoneHandle Alice => host.Twilio.Client("alice");

    private PhoneHandle Bob => host.Twilio.Client("bob");

    public async ValueTask InitializeAsync() => host = await SandboxHost.StartAsync(new SandboxOptions
    {
        RedisConnectionString = await redis.NewDatabaseAsync(),
        Twilio = new()
        {
            RingBuffer = TimeSpan.Zero,
            DropNoticedAfter = TimeSpan.FromMilliseconds(100),
            RefusedNumbers = new Dictionary<string, int>(StringComparer.Ordinal) { [Refused] = 21215 },
        },
        Settings = [new("Calls:RingTimeout", "00:00:05"), new("Calls:JoinGrace", "00:00:01"), new("Calls:ReviewInterval", "00:00:02")],
    });

    public async ValueTask DisposeAsync()
    {
        await host.Twilio.WaitUntilAsync(cloud => !cloud.LiveLegs().Any(), "every line has ended");
        (await host.Twilio.AskAsync(cloud => Guarantees.Broken(cloud))).ShouldBeEmpty();
        await host.DisposeAsync();
    }

    [Fact]
    public async Task A_client_calls_a_client_and_both_meet_in_the_room()
    {
        await Alice.CallAsync("bob", Session);
        await Bob.RingsAsync();
        await host.Twilio.WaitUntilAsync(cloud =>
            cloud.Phone(Alice.Address).Current!.Heard.Any(sound => sound.EndsWith("ringback.wav", StringComparison.Ordinal)),
            "the caller hears ringback");
        (await host.SessionAsync(Session)).GetProperty("state").GetString().ShouldBe("ringing");
        await Bob.AnswerAsync();
        await Bob.TalksAsync();
        await host.Twilio.WaitUntilAsync(cloud => cloud.Conferences.Single().Status == "in-progress", "the conference is in progress");
        await host.EventuallyAsync(session => session.GetProperty("state").GetString() == "live");
        await Alice.HangUpAsync();
        await Bob.IsIdleAsync();
        await EndsAsync("one-person-left");
    }

    [Fact]
    public async Task A_client_calls_a_phone()
    {
        await Alice.CallAsync(Lawyer, Session);
        var lawyer = host.Twilio.Phone(Lawyer);
        await lawyer.RingsAsync();
        await lawyer.AnswerAsync();
        await lawyer.TalksAsync();
        (await lawyer.LookAsync()).Current!.From.ShouldBe("+15550100000", "phones see the caller id");
        await lawyer.HangUpAsync();
        await Alice.IsIdleAsync();
        await EndsAsync("one-person-left");
    }

    [Fact]
    public async Task Either_adds_a_phone_while_they_talk_and_leaving_goes_on_until_one_is_left()
    {
        await host.TalkAsync(Session);
        var (status, body) = await host.AddPhoneAsync(Session, "alice", "+1 (555) 010-0101", "lawyer");
        status.ShouldBe(HttpStatusCode.Created, body);
        var added = JsonDocument.Parse(body).RootElement;
        added.GetProperty("phoneNumber").GetString().ShouldBe(Lawyer, "answered in its normalised form");
        added.GetProperty("label").GetString().ShouldBe("lawyer");
        await host.Twilio.Phone(Lawyer).RingsAsync();
        await host.Twilio.Phone(Lawyer).AnswerAsync();
        (await host.AddPhoneAsync(Session, "bob", Doctor)).Status.ShouldBe(HttpStatusCode.Created);
        await host.Twilio.Phone(Doctor).RingsAsync();
        await host.Twilio.Phone(Doctor).AnswerAsync();
        await host.Twilio.WaitUntilAsync(cloud => cloud.Conferences.Single().Connected.Count() == 4, "four people talk");
        await Alice.HangUpAsync();
        await Bob.HangUpAsync();
        await host.Twilio.Phone(Doctor).TalksAsync();
        await host.Twilio.Phone(Doctor).HangUpAsync();
        await host.Twilio.Phone(Lawyer).IsIdleAsync();
        await EndsAsync("one-person-left");
    }

    [Fact]
    public async Task A_caller_who_hangs_up_before_the_answer_stops_the_callees_phone()
    {
        await Alice.CallAsync("bob", Session);
        await Bob.RingsAsync();
        await Alice.HangUpAsync();
        await Bob.IsIdleAsync();
        await EndsAsync("caller-hung-up-before-answer");
    }

    [Fact]
    public async Task An_answer_that_crosses_the_callers_hang_up_is_met_with_a_hang_up()
    {
        host.Faults(new WebhookFault
        {
            Kind = WebhookKind.Answer,
            MinDelay = TimeSpan.FromMilliseconds(300),
            MaxDelay = TimeSpan.FromMilliseconds(300)
        });
        host.Twilio.Faults.Add(new RestFault { Operation = RestOperation.UpdateCall, Kind = RestFaultKind.Unavailable, Times = 6 });
        await Alice.CallAsync("bob", Session);
        await Bob.RingsAsync();
        await Bob.AnswerAsync();
        await Alice.HangUpAsync();
        await Bob.IsIdleAsync();
        host.Twilio.Journal.Entries.ShouldContain(e => e.Kind == JournalKind.Answer && e.Who == "Answer"
            && e.Details[0].Value.Contains("<Hangup", StringComparison.Ordinal)
            && !e.Details[0].Value.Contains("<Conference", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(PhoneBehaviour.Decline, "bob", "callee-declined")]
    [InlineData(PhoneBehaviour.Busy, Lawyer, "callee-busy")]
    [InlineData(PhoneBehaviour.LetRing, "bob", "callee-no-answer")]
    [InlineData(PhoneBehaviour.Unreachable, "bob", "callee-unreachable")]
    public async Task A_callee_who_does_not_come_ends_the_callers_line(PhoneBehaviour behaviour, string to, string reason)
    {
        await (to == "bob" ? Bob : host.Twilio.Phone(to)).BehaveAsync(behaviour);
        await Alice.CallAsync(to, Session);
        await Alice.IsIdleAsync(TimeSpan.FromSeconds(20));
        await EndsAsync(reason);
    }

    [Fact]
    public async Task A_callee_whom_Twilio_will_not_ring_ends_the_callers_line()
    {
        await Alice.CallAsync(Refused, Session);
        await Alice.IsIdleAsync();
        await EndsAsync("callee-refused-by-twilio");
    }

    [Fact]
    public async Task An_added_phone_that_does_not_answer_leaves_the_others_talking()
    {
        await host.TalkAsync(Session);
        await host.Twilio.Phone(Lawyer).BehaveAsync(PhoneBehaviour.Decline);
        (await host.AddPhoneAsync(Session, "alice", Lawyer)).Status.ShouldBe(HttpStatusCode.Created);
        await host.EventuallyAsync(
            session => session.GetProperty("participants").EnumerateArray().Last().GetProperty("state").GetString() == "not-reached");
        await Alice.TalksAsync();
        await Alice.HangUpAsync();
    }

    [Fact]
    public async Task One_who_only_waited_for_an_added_phone_is_not_left_alone()
    {
        await host.TalkAsync(Session);
        (await host.AddPhoneAsync(Session, "alice", Lawyer)).Status.ShouldBe(HttpStatusCode.Created);
        await host.Twilio.Phone(Lawyer).RingsAsync();
        await Bob.HangUpAsync();
        await Bob.IsIdleAsync();
        (await Alice.LookAsync()).Current.ShouldNotBeNull("a phone still rings for her");
        await host.Twilio.Phone(Lawyer).DeclineAsync();
        await Alice.IsIdleAsync();
    }

    [Fact]
    public async Task A_callee_is_not_left_alone_when_the_callers_app_vanishes_before_it_joins()
    {
        host.Faults(new WebhookFault
        {
            Kind = WebhookKind.Voice,
            MinDelay = TimeSpan.FromMilliseconds(20),
            MaxDelay = TimeSpan.FromMilliseconds(20)
        });
        await Bob.BehaveAsync(PhoneBehaviour.Answer, TimeSpan.FromMilliseconds(50));
        await Alice.CallAsync("bob", Session);
        await Alice.DropAsync();
        await host.Twilio.WaitUntilAsync(cloud => cloud.Phone(Bob.Address).Legs.Count == 1, "Bob is rung");
        await Bob.IsIdleAsync(TimeSpan.FromSeconds(20));
        await EndsAsync("caller-never-joined");
    }

    [Fact]
    public async Task The_same_voice_webhook_twice_rings_once_and_answers_the_same()
    {
        host.Faults(new WebhookFault { Kind = WebhookKind.Voice, Duplicates = 3 });
        await host.TalkAsync(Session);
        (await Bob.LookAsync()).Rings.ShouldBe(1);
        var answers = host.Twilio.Journal.Entries.Where(
            e => e is { Kind: JournalKind.Answer, Who: "Voice" }).Select(e => e.Details[0].Value).ToList();
        answers.Count.ShouldBe(4);
        answers.Distinct().Count().ShouldBe(1);
        await Alice.HangUpAsync();
    }

    [Fact]
    public async Task A_session_id_that_another_callers_call_holds_is_refused_in_words()
    {
        await host.TalkAsync(Session);
        var carol = host.Twilio.Client("carol");
        await carol.CallAsync("dave", Session);
        await carol.IsIdleAsync();
        (await carol.LookAsync()).Legs[0].Heard.ShouldContain(words => words.Contains("in use", StringComparison.Ordinal));
        (await host.Twilio.Client("dave").LookAsync()).Rings.ShouldBe(0);
        await Alice.TalksAsync();
        await Alice.HangUpAsync();
    }

    [Fact]
    public async Task A_session_id_can_be_used_again_after_the_end_and_late_callbacks_of_the_first_call_change_nothing()
    {
        host.Faults(new WebhookFault
        {
            Kind = WebhookKind.CallStatus,
            Event = "completed",
            Times = 1,
            MinDelay = TimeSpan.FromMilliseconds(400),
            MaxDelay = TimeSpan.FromMilliseconds(400)
        });
        await host.TalkAsync(Session);
        await Alice.HangUpAsync();
        await Bob.IsIdleAsync();
        await EndsAsync("one-person-left");
        await host.TalkAsync(Session);
        await host.Twilio.WaitUntilAsync(cloud => cloud.Journal.Entries.Count(e => e is { Kind: JournalKind.Answer, Who: "CallStatus" }
            && e.What.EndsWith("completed", StringComparison.Ordinal)) == 1, "the late callback has come");
        await Alice.TalksAsync();
        (await Bob.LookAsync()).Rings.ShouldBe(2);
        await Alice.HangUpAsync();
    }

    [Fact]
    public async Task A_callee_who_answers_after_the_end_is_hung_up_and_a_status_for_a_call_nobody_knows_is_noted()
    {
        (await host.SignedAsync("/twilio/sessions/never-was/c1-x/participants/callee/join", ("CallSid", "CA" + new string('0', 32)))).Body
            .ShouldContain("<Hangup");
        (await host.SignedAsync("/twilio/sessions/never-was/c1-x/participants/callee/status", ("CallSid", "CA" + new string('0', 32)),
            ("CallStatus", "ringing"))).Status.ShouldBe(HttpStatusCode.NoContent);
        (await host.SignedAsync("/twilio/sessions/never-was/c1-x/conference", ("ConferenceSid", "CF" + new string('0', 32)),
            ("StatusCallbackEvent", "conference-end"))).Status.ShouldBe(HttpStatusCode.NoContent);
        (await host.SignedAsync("/twilio/sessions/never-was/c1-x/participants/caller/left", ("CallSid", "CA" + new string('0', 32)))).Body
            .ShouldContain("<Hangup");
    }

    [Fact]
    public async Task The_seeds_paths_carry_a_call_too()
    {
        var sid = "CA" + new string('a', 32);
        var (status, twiml) = await host.SignedAsync(
            "/makeCall", ("CallSid", sid), ("From", "client:alice"), ("To", "bob"), ("SessionID", Session));
        status.ShouldBe(HttpStatusCode.OK);
        twiml.ShouldContain("<Conference");
        await Bob.RingsAsync();
        var leg = (await Bob.LookAsync()).Current!.Sid;
        (await host.SignedAsync($"/joinConf/{Session}", ("CallSid", leg))).Body.ShouldContain("<Conference");
        var room = System.Xml.Linq.XDocument.Parse(twiml).Descendants("Conference").Single().Value;
        var conference = "CF" + new string('c', 32);
        (await host.SignedAsync("/leave", ("FriendlyName", room), ("ConferenceSid", conference), ("CallSid", sid),
            ("StatusCallbackEvent", "participant-join"))).Status.ShouldBe(HttpStatusCode.NoContent);
        var (added, answer) = await host.RestAsync(
            HttpMethod.Post, "/addUser", host.TokenFor("alice"), $$"""{"PhoneNumber": "{{Lawyer}}", "SessionID": "{{Session}}"}""");
        added.ShouldBe(HttpStatusCode.UnprocessableEntity, "the emulated Twilio knows no such conference, and says so: " + answer);
        (await host.SignedAsync($"/completeCall/{Session}", ("CallSid", leg), ("CallStatus", "completed"))).Status
            .ShouldBe(HttpStatusCode.NoContent);
        await EndsAsync("one-person-left");
        await Bob.HangUpAsync();
    }

    [Theory]
    [InlineData("", "no recipient was given")]
    [InlineData("client:alice", "call yourself")]
    [InlineData("alice", "call yourself")]
    [InlineData("+19005550100", "not allowed")]
    [InlineData("+41791234567", "not allowed")]
    [InlineData("+1", "too short")]
    [InlineData("not an identity!", "name of the recipient is not valid")]
    public async Task A_call_that_cannot_be_placed_is_answered_in_words_and_rings_nobody(string to, string words)
    {
        await Alice.CallAsync(to, Session);
        await Alice.IsIdleAsync();
        (await Alice.LookAsync()).Legs[0].Heard.ShouldContain(
            heard => heard.Contains(words, StringComparison.Ordinal), string.Join("|", (await Alice.LookAsync()).Legs[0].Heard));
        host.Twilio.Journal.Entries.ShouldNotContain(e => e.Kind == JournalKind.Rest && e.Who == "CreateCall");
    }

    [Fact]
    public async Task A_call_without_a_session_id_goes_by_its_callers_call_SID()
    {
        var leg = await Alice.CallAsync("bob");
        await Bob.RingsAsync();
        (await host.RestAsync(HttpMethod.Get, $"/v1/sessions/{leg.Sid}", host.TokenFor("alice"))).Status.ShouldBe(HttpStatusCode.OK);
        await Alice.HangUpAsync();
    }

    private async Task EndsAsync(string reason)
    {
        await host.EventuallyAsync(session => session.GetProperty("state").GetString() == "ended");
        (await host.SessionAsync(Session)).GetProperty("endReason").GetString().ShouldBe(reason);
    }
}
