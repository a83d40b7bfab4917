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
        using var commands = new RedisSpans();
        await using var host = await SandboxHost.StartAsync(new SandboxOptions { RedisConnectionString = await redis.NewDatabaseAsync() });
        host.Faults(new WebhookFault { Duplicates = 1 });
        var (alice, bob) = (host.Twilio.Client("alice"), host.Twilio.Client("bob"));
        await bob.BehaveAsync(PhoneBehaviour.Answer);
        await alice.CallAsync("bob", "cost");
        await bob.TalksAsync();
        await alice.HangUpAsync();
        await bob.IsIdleAsync();
        await host.Twilio.WaitUntilAsync(cloud => !cloud.LiveLegs().Any(), "every line has ended");
        // Every webhook came twice, and the last ones may be under way.
        await Eventually.TrueAsync(() => Task.FromResult(commands.ByUseCase("cost").Count >= 20));
        var costs = commands.ByUseCase("cost");
        costs.Count(cost => cost.UseCase == "StartCall").ShouldBeInRange(2, 3, "once for each copy, and once more if they met");
        costs.Where(cost => cost.Commands > 2).ShouldBeEmpty();
        costs.ShouldContain(cost => cost.UseCase == "StartCall" && cost.Commands <= 1, "the same voice webhook again");
        costs.Count(cost => cost.Commands <= 1).ShouldBeGreaterThan(costs.Count * 3 / 4, "what this replica has written itself it does not read before the next report");
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
        webhooks.Count.ShouldBeGreaterThan(5, "or there was nothing to measure");
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

    /// <summary>Counts the store's commands by the attempt at a use case that they were made for: each command has a span, and each attempt one above it.</summary>
    private sealed class RedisSpans : IDisposable
    {
        private readonly List<Activity> spans = [];
        private readonly ActivityListener listener;

        public RedisSpans()
        {
            listener = new ActivityListener
            {
                ShouldListenTo = source => source.Name is "Calls.Redis" or "Calls",
                Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllData,
                ActivityStopped = span =>
                {
                    lock (spans)
                        spans.Add(span);
                },
            };
            ActivitySource.AddActivityListener(listener);
        }

        public List<(string UseCase, int Commands)> ByUseCase(string session)
        {
            lock (spans)
                return [.. spans.Where(span => span.Source.Name == "Calls" && !span.OperationName.StartsWith("effect ", StringComparison.Ordinal) && (string?)span.GetTagItem("calls.session.id") == session)
                    .Select(useCase => (useCase.OperationName, spans.Count(span => span.Source.Name == "Calls.Redis" && span.ParentSpanId == useCase.SpanId)))];
        }

        public void Dispose() => listener.Dispose();
    }
}
