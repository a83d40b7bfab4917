using System.Diagnostics.Metrics;
using System.Net;
using System.Text.Json;
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
        List<(double Seconds, object? End)> waits = [];
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, its) =>
            {
                if (instrument.Name == "calls.twilio.queue.duration")
                    its.EnableMeasurementEvents(instrument);
            },
        };
        listener.SetMeasurementEventCallback<double>((_, seconds, tags, _) =>
        {
            lock (waits)
                waits.Add((seconds, tags[0].Value));
        });
        listener.Start();
        await using var host = await StartAsync("00:00:30");
        // The first call takes Twilio's turn. The next one waits for seven seconds; a phone rings for five.
        host.Twilio.Faults.CallsPerSecond = 1 / 7.0;
        await host.Twilio.Client("carol").CallAsync("dave", "s-1");
        await host.Twilio.Client("dave").RingsAsync();
        await host.Twilio.Client("alice").CallAsync("bob", Session);
        await StateAsync(host, 1, "queued");
        await host.Twilio.Client("bob").RingsAsync(Patience);
        await StateAsync(host, 1, "ringing");
        await host.Twilio.Client("bob").AnswerAsync();
        await host.Twilio.Client("bob").TalksAsync();
        lock (waits)
            waits.ShouldContain(wait => wait.Seconds > 5 && Equals(wait.End, "dialed"));
        await host.Twilio.Client("alice").HangUpAsync();
        await EndsAsync(host);
    }

    [Fact]
    public async Task A_guest_who_waits_in_Twilios_queue_is_shown_as_queued_and_then_rings()
    {
        await using var host = await StartAsync("00:00:30");
        await TalkAsync(host);
        host.Twilio.Faults.CallsPerSecond = 1 / 7.0;
        await host.Twilio.Client("carol").CallAsync("dave", "s-1");
        await host.Twilio.Client("dave").RingsAsync();
        (await host.AddPhoneAsync(Session, "alice", Lawyer)).Status.ShouldBe(HttpStatusCode.Created);
        await StateAsync(host, 2, "queued");
        await host.Twilio.Phone(Lawyer).RingsAsync(Patience);
        await host.Twilio.Phone(Lawyer).AnswerAsync();
        await host.Twilio.Phone(Lawyer).TalksAsync();
        await StateAsync(host, 2, "connected");
    }

    [Fact]
    public async Task A_call_that_waits_for_longer_than_the_queue_timeout_is_given_up()
    {
        await using var host = await StartAsync("00:00:05");
        host.Twilio.Faults.CallsPerSecond = 1 / 60.0;
        await host.Twilio.Client("carol").CallAsync("dave", "s-1");
        await host.Twilio.Client("dave").RingsAsync();
        await host.Twilio.Client("alice").CallAsync("bob", Session);
        await StateAsync(host, 1, "queued");
        await host.Twilio.Client("alice").IsIdleAsync(Patience);
        await EndsAsync(host);
        var session = await SessionAsync(host);
        session.GetProperty("endReason").GetString().ShouldBe("callee-unreachable");
        var leg = await host.Twilio.AskAsync(cloud => cloud.Legs.Single(leg => leg.To == "client:bob"));
        (leg.State, leg.HasRung).ShouldBe((LegState.Canceled, false));
    }

    /// <summary>Twilio sends no status callback for a call that is canceled in its queue.</summary>
    [Fact]
    public async Task A_caller_who_hangs_up_while_the_callee_is_queued_leaves_nothing_behind()
    {
        await using var host = await StartAsync("00:00:30");
        host.Twilio.Faults.CallsPerSecond = 1 / 60.0;
        await host.Twilio.Client("carol").CallAsync("dave", "s-1");
        await host.Twilio.Client("dave").RingsAsync();
        await host.Twilio.Client("alice").CallAsync("bob", Session);
        await StateAsync(host, 1, "queued");
        await host.Twilio.Client("alice").HangUpAsync();
        await Eventually.TrueAsync(async () => (await SessionAsync(host)).GetProperty("participants").EnumerateArray()
            .All(p => p.GetProperty("reason").GetString() is not null));
        host.Twilio.Journal.Entries.OfType<WebhookAnswered>()
            .ShouldNotContain(webhook => webhook.Webhook == WebhookKind.CallStatus && webhook.Event == "canceled");
    }

    [Fact]
    public async Task The_service_starts_only_so_many_calls_a_second_and_rings_callees_before_guests()
    {
        await using var host = await StartAsync("00:01:00", KeyValuePair.Create<string, string?>("Calls:Dialing:CallsPerSecond", "0.3"));
        await TalkAsync(host);
        await host.Twilio.Client("carol").CallAsync("dave", "s-1");
        await host.Twilio.Client("dave").RingsAsync(Patience);
        // The request waits for Twilio's answer, and the phone waits for its turn.
        var added = host.AddPhoneAsync(Session, "alice", Lawyer);
        await StateAsync(host, 2, "queued");
        await host.Twilio.Client("erin").CallAsync("frank", "s-2");
        await host.Twilio.Client("frank").RingsAsync(Patience);
        await host.Twilio.Phone(Lawyer).RingsAsync(Patience);
        (await added).Status.ShouldBeOneOf(HttpStatusCode.Created, HttpStatusCode.Accepted);
        (await host.Twilio.AskAsync(cloud => cloud.Legs.Where(leg => !leg.Inbound).Select(leg => leg.To).ToList()))
            .ShouldBe(["client:bob", "client:dave", "client:frank", Lawyer]);
    }

    private async Task<SandboxHost> StartAsync(string queueTimeout, params KeyValuePair<string, string?>[] settings) =>
        await SandboxHost.StartAsync(new SandboxOptions
        {
            RedisConnectionString = await redis.NewDatabaseAsync(),
            Twilio = new() { RingBuffer = TimeSpan.Zero },
            Settings =
            [
                new("Calls:RingTimeout", "00:00:05"), new("Calls:QueueTimeout", queueTimeout), new("Calls:ReviewInterval", "00:00:02"),
                .. settings,
            ],
        });

    private static async Task TalkAsync(SandboxHost host)
    {
        await host.Twilio.Client("bob").BehaveAsync(PhoneBehaviour.Answer);
        await host.Twilio.Client("alice").CallAsync("bob", Session);
        await host.Twilio.Client("bob").TalksAsync();
        await StateAsync(host, 1, "connected");
    }

    private static Task StateAsync(SandboxHost host, int participant, string state) => Eventually.TrueAsync(
        async () => (await SessionAsync(host)).TryGetProperty("participants", out var people) && people.GetArrayLength() > participant
            && people[participant].GetProperty("state").GetString() == state,
        async () => (await SessionAsync(host)).ToString());

    private static async Task EndsAsync(SandboxHost host)
    {
        await Eventually.TrueAsync(async () => (await SessionAsync(host)).GetProperty("state").GetString() == "ended");
        await host.Twilio.WaitUntilAsync(cloud => cloud.LiveLegs().All(leg => leg.Phone.Address is "client:carol" or "client:dave"),
            "every line of the call has ended");
        (await host.Twilio.AskAsync(cloud => Guarantees.RungTwice(cloud).ToList())).ShouldBeEmpty();
    }

    private static async Task<JsonElement> SessionAsync(SandboxHost host)
    {
        var (_, body) = await host.RestAsync(HttpMethod.Get, $"/v1/sessions/{Session}", host.TokenFor("alice"));
        return JsonDocument.Parse(body).RootElement;
    }
}
