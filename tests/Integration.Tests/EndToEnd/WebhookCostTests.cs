using System.Diagnostics;
using System.Globalization;
using Calls.Integration.Tests.Redis;
using Calls.Sandbox;
using Calls.Sandbox.Twilio;

namespace Calls.Integration.Tests.EndToEnd;

/// <summary>What a webhook costs: two Redis round trips at most, and no waiting for Twilio.</summary>
public sealed class WebhookCostTests(RedisFixture redis)
{
    [Fact]
    public async Task A_webhook_costs_two_Redis_round_trips_at_most_and_one_where_it_says_nothing_new()
    {
        await using var host = await SandboxHost.StartAsync(new SandboxOptions { RedisConnectionString = await redis.NewDatabaseAsync() });
        var sid = "CA" + new string('b', 32);
        using var commands = new RedisSpans();
        // An outage keeps the effects from having outcomes, which would be commands of their own.
        host.Twilio.Faults.Outage = true;
        commands.During(await VoiceAsync()).ShouldBeLessThanOrEqualTo(2);
        commands.During(await VoiceAsync()).ShouldBeLessThanOrEqualTo(1, "the same webhook again");
        host.Twilio.Faults.Outage = false;

        async Task<ActivityTraceId> VoiceAsync()
        {
            using var request = new Activity("webhook").SetIdFormat(ActivityIdFormat.W3C).Start();
            var (_, body) = await host.SignedAsync("/twilio/voice", ("CallSid", sid), ("From", "client:alice"), ("To", "bob"), ("SessionID", "cost"));
            body.ShouldContain("<Conference");
            return request.TraceId;
        }
    }

    [Fact]
    public async Task A_whole_calls_webhooks_wait_for_no_Twilio_request()
    {
        await using var host = await SandboxHost.StartAsync(new SandboxOptions { RedisConnectionString = await redis.NewDatabaseAsync() });
        host.Twilio.Faults.RestLatency = TimeSpan.FromSeconds(5);
        var (alice, bob) = (host.Twilio.Client("alice"), host.Twilio.Client("bob"));
        await bob.BehaveAsync(PhoneBehaviour.Answer);
        await alice.CallAsync("bob", "slow");
        await bob.TalksAsync();
        (await host.Twilio.AskAsync(cloud => cloud.Journal.Entries.Count(e => e.Kind == JournalKind.Rest))).ShouldBe(1);
        await alice.HangUpAsync();
        await bob.IsIdleAsync();
        await host.Twilio.WaitUntilAsync(cloud => !cloud.LiveLegs().Any(), "every line has ended");
        var webhooks = Durations(host.Twilio.Journal.Entries);
        webhooks.Count.ShouldBeGreaterThan(8);
        webhooks.Max().ShouldBeLessThan(TimeSpan.FromSeconds(5), "the emulated Twilio takes five seconds for every request");
        host.Twilio.Faults.RestLatency = TimeSpan.Zero;
    }

    /// <summary>From each webhook to its answer; several of one kind are told apart by their order, which makes no difference to the longest.</summary>
    private static List<TimeSpan> Durations(IReadOnlyList<JournalEntry> entries)
    {
        List<TimeSpan> durations = [];
        var open = new Dictionary<string, Queue<DateTimeOffset>>(StringComparer.Ordinal);
        foreach (var entry in entries.Where(e => e.Kind is JournalKind.Webhook or JournalKind.Answer))
        {
            var key = string.Create(CultureInfo.InvariantCulture, $"{entry.Who} {entry.CallSid} {entry.What.Split(' ').First(part => part.StartsWith('/'))}");
            if (!open.TryGetValue(key, out var sent))
                open[key] = sent = new Queue<DateTimeOffset>();
            if (entry.Kind == JournalKind.Webhook)
                sent.Enqueue(entry.At);
            else
                durations.Add(entry.At - sent.Dequeue());
        }

        return durations;
    }

    /// <summary>Counts the store's commands by the trace that they were made under: the store gives every command a span.</summary>
    private sealed class RedisSpans : IDisposable
    {
        private readonly List<Activity> spans = [];
        private readonly ActivityListener listener;

        public RedisSpans()
        {
            listener = new ActivityListener
            {
                ShouldListenTo = source => source.Name == "Calls.Redis",
                Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllData,
                ActivityStopped = span =>
                {
                    lock (spans)
                        spans.Add(span);
                },
            };
            ActivitySource.AddActivityListener(listener);
        }

        public int During(ActivityTraceId trace)
        {
            lock (spans)
                return spans.Count(span => span.OperationName is "HMGET" or "save" && span.TraceId == trace);
        }

        public void Dispose() => listener.Dispose();
    }
}
