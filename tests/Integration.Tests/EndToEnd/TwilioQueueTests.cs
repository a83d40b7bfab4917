using System.Net;
using Calls.Integration.Tests.Redis;
using Calls.Sandbox;
using Calls.Sandbox.Demo;
using Calls.Sandbox.Twilio;

namespace Calls.Integration.Tests.EndToEnd;

/// <summary>Twilio starts fewer calls a second than people place, and queues the rest (issue 15, 4.4).</summary>
public sealed class TwilioQueueTests(RedisFixture redis)
{
    private const string Session = "s-42";
    private const string Lawyer = "+15550100101";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task A_callee_who_waits_in_Twilios_queue_for_longer_than_a_phone_rings_is_shown_as_queued_and_then_rings()
    {
        await using var host = await StartAsync("00:00:30");
        using var waits = new Measurements(host.Services, "calls.twilio.queue.duration");
        // A phone rings for five seconds.
        await QueueAsync(host, seconds: 7);
        await host.Twilio.Client("bob").RingsAsync(Patience);
        await host.StateAsync(1, "ringing");
        await host.Twilio.Client("bob").AnswerAsync();
        await host.Twilio.Client("bob").TalksAsync();
        waits.All.ShouldContain(wait => wait.Value > 5 && wait.Tag == "dialed");
        await host.Twilio.Client("alice").HangUpAsync();
        await EndsAsync(host);
    }

    [Fact]
    public async Task A_guest_who_waits_in_Twilios_queue_is_shown_as_queued_and_then_rings()
    {
        await using var host = await StartAsync("00:00:30");
        await host.TalkAsync();
        await TakeTheTurnAsync(host, seconds: 4);
        (await host.AddPhoneAsync(Session, "alice", Lawyer)).Status.ShouldBe(HttpStatusCode.Created);
        await host.StateAsync(2, "queued");
        await host.Twilio.Phone(Lawyer).RingsAsync(Patience);
        await host.Twilio.Phone(Lawyer).AnswerAsync();
        await host.Twilio.Phone(Lawyer).TalksAsync();
        await host.StateAsync(2, "connected");
    }

    [Fact]
    public async Task A_call_that_waits_for_longer_than_the_queue_timeout_is_given_up()
    {
        await using var host = await StartAsync("00:00:05");
        await QueueAsync(host, seconds: 60);
        await host.Twilio.Client("alice").IsIdleAsync(Patience);
        await EndsAsync(host);
        (await host.SessionAsync()).GetProperty("endReason").GetString().ShouldBe("callee-unreachable");
        var leg = await host.Twilio.AskAsync(cloud => cloud.Legs.Single(leg => leg.Phone.Address == "client:bob"));
        (leg.State, leg.HasRung).ShouldBe((LegState.Canceled, false));
    }

    /// <summary>Twilio sends no status callback for a call that is canceled in its queue.</summary>
    [Fact]
    public async Task A_caller_who_hangs_up_while_the_callee_is_queued_leaves_nothing_behind()
    {
        await using var host = await StartAsync("00:00:30");
        await QueueAsync(host, seconds: 60);
        await host.Twilio.Client("alice").HangUpAsync();
        await host.Twilio.WaitUntilAsync(
            cloud => cloud.Legs.Single(leg => leg.Phone.Address == "client:bob").State == LegState.Canceled, "the queued call is canceled");
        await host.EventuallyAsync(session => session.GetProperty("participants").EnumerateArray()
            .All(p => p.GetProperty("reason").GetString() is not null));
        await EndsAsync(host);
        host.Twilio.Journal.OfType<WebhookSent>()
            .ShouldNotContain(webhook => webhook.Webhook == WebhookKind.CallStatus && webhook.Event == "canceled");
    }

    [Fact]
    public async Task The_service_starts_only_so_many_calls_a_second_and_rings_callees_before_guests()
    {
        await using var host = await StartAsync("00:01:00", KeyValuePair.Create<string, string?>("Calls:Dialing:CallsPerSecond", "0.3"));
        await host.TalkAsync();
        await host.Twilio.Client("carol").CallAsync("dave", "s-1");
        await host.Twilio.Client("dave").RingsAsync(Patience);
        // The request waits for Twilio's answer, and the phone waits for its turn.
        var added = host.AddPhoneAsync(Session, "alice", Lawyer);
        await host.StateAsync(2, "queued");
        await host.Twilio.Client("erin").CallAsync("frank", "s-2");
        await host.Twilio.Client("frank").RingsAsync(Patience);
        await host.Twilio.Phone(Lawyer).RingsAsync(Patience);
        (await added).Status.ShouldBeOneOf(HttpStatusCode.Created, HttpStatusCode.Accepted);
        (await host.Twilio.AskAsync(cloud => cloud.Legs.Where(leg => !leg.Inbound).Select(leg => leg.Phone.Address).ToList()))
            .ShouldBe(["client:bob", "client:dave", "client:frank", Lawyer]);
    }

    private async Task<SandboxHost> StartAsync(string queueTimeout, params KeyValuePair<string, string?>[] settings) =>
        await SandboxHost.StartAsync(new SandboxOptions
        {
            RedisConnectionString = await redis.NewDatabaseAsync(),
            Twilio = new() { RingBuffer = TimeSpan.Zero },
            Settings =
            [
                new("Calls:RingTimeout", "00:00:05"), new("Calls:QueueTimeout", queueTimeout), new("Calls:ReviewInterval", "00:00:01"),
                .. settings,
            ],
        });

    /// <summary>The call of another person takes Twilio's turn. The next call waits for the given time.</summary>
    private static async Task TakeTheTurnAsync(SandboxHost host, double seconds)
    {
        host.Twilio.Faults.CallsPerSecond = 1 / seconds;
        await host.Twilio.Client("carol").CallAsync("dave", "s-1");
        await host.Twilio.Client("dave").RingsAsync();
    }

    /// <summary>Alice calls Bob, and the call waits in Twilio's queue.</summary>
    private static async Task QueueAsync(SandboxHost host, double seconds)
    {
        await TakeTheTurnAsync(host, seconds);
        await host.Twilio.Client("alice").CallAsync("bob", Session);
        await host.StateAsync(1, "queued");
    }

    private static async Task EndsAsync(SandboxHost host)
    {
        await host.EventuallyAsync(session => session.GetProperty("state").GetString() == "ended");
        await host.Twilio.WaitUntilAsync(cloud => cloud.LiveLegs().All(leg => leg.Phone.Address is "client:carol" or "client:dave"),
            "every line of the call has ended");
        (await host.Twilio.AskAsync(cloud => Guarantees.RungTwice(cloud).ToList())).ShouldBeEmpty();
    }
}
