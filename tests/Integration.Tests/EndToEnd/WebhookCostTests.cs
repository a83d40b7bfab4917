using System.Collections.Concurrent;
using System.Globalization;
using Calls.Integration.Tests.Redis;
using Calls.Sandbox;
using Calls.Sandbox.Twilio;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using StackExchange.Redis;
using StackExchange.Redis.Profiling;

namespace Calls.Integration.Tests.EndToEnd;

/// <summary>The cost of a webhook: its round trips to Redis, and no wait for Twilio.</summary>
public sealed class WebhookCostTests(RedisFixture redis)
{
    private const int Calls = 5;

    [Fact]
    public async Task A_webhook_costs_one_Redis_round_trip_and_the_voice_webhook_two_with_its_quotas()
    {
        var counter = new RoundTripCounter();
        await using var host = await SandboxHost.StartAsync(new SandboxOptions
        {
            RedisConnectionString = await redis.NewDatabaseAsync(),
            Configure = counter.AddTo,
        });
        counter.Listen(host.Services);
        // The first call loads the scripts into Redis and is not counted.
        await PlayAsync(host, "first");
        counter.Clear();
        for (var call = 0; call < Calls; call++)
            await PlayAsync(host, string.Create(CultureInfo.InvariantCulture, $"cost-{call}"));

        Most(counter).ShouldBe(
            [("conference", 1), ("join", 1), ("left", 1), ("status", 1), ("voice", 3), ("wait", 0)], counter.ToString());
        // The quotas of the caller and the session of the leg are in different slots. The two requests are sent together.
        counter.Webhooks.Where(webhook => webhook.Kind == "voice").ShouldAllBe(webhook => webhook.Commands.Length == 3);

        host.Faults(new WebhookFault { Duplicates = 1 });
        counter.Clear();
        await PlayAsync(host, "twice");
        counter.Webhooks.ShouldAllBe(
            webhook => webhook.Commands.Length <= (webhook.Kind == "voice" ? 3 : 2),
            "a webhook and its copy may meet: one of them then loads too");
        counter.Webhooks.Count(webhook => webhook.Kind == "voice").ShouldBe(2);
    }

    [Fact]
    public async Task The_webhooks_of_a_whole_call_wait_for_no_Twilio_request()
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
        await host.Twilio.WaitUntilAsync(cloud => !cloud.LiveLegs().Any(), "every leg has ended");
        var webhooks = Durations(host.Twilio.Journal.Entries);
        webhooks.Count.ShouldBeGreaterThan(5, "the call had webhooks to measure");
        webhooks.Max().ShouldBeLessThan(TimeSpan.FromSeconds(5), "the emulated Twilio takes five seconds for every request");
        host.Twilio.Faults.RestLatency = TimeSpan.Zero;
    }

    /// <summary>The most round trips of a webhook, by kind.</summary>
    private static IEnumerable<(string Kind, int RoundTrips)> Most(RoundTripCounter counter) => counter.Webhooks
        .GroupBy(webhook => webhook.Kind, StringComparer.Ordinal)
        .Select(kind => (kind.Key, kind.Max(webhook => webhook.Commands.Length)))
        .OrderBy(kind => kind.Key, StringComparer.Ordinal);

    private static async Task PlayAsync(SandboxHost host, string session)
    {
        var (alice, bob) = (host.Twilio.Client("alice"), host.Twilio.Client("bob"));
        await bob.BehaveAsync(PhoneBehaviour.Answer);
        await alice.CallAsync("bob", session);
        await bob.TalksAsync();
        await alice.HangUpAsync();
        await bob.IsIdleAsync();
        await host.Twilio.WaitUntilAsync(
            cloud => !cloud.LiveLegs().Any()
                && cloud.Journal.OfType<WebhookSent>().Count == cloud.Journal.OfType<WebhookAnswered>().Count,
            "every leg has ended and every webhook has its answer");
    }

    /// <summary>The time from each webhook to its answer. Webhooks of one kind are matched by their order, which does not change the
    /// maximum.</summary>
    private static List<TimeSpan> Durations(IReadOnlyList<JournalEntry> entries)
    {
        List<TimeSpan> durations = [];
        var open = new Dictionary<string, Queue<DateTimeOffset>>(StringComparer.Ordinal);
        foreach (var entry in entries.Where(e => e.Kind is JournalKind.Webhook or JournalKind.Answer))
        {
            var path = entry.What.Split(' ').First(part => part.StartsWith('/'));
            var key = string.Create(CultureInfo.InvariantCulture, $"{entry.Who} {entry.CallSid} {path}");
            if (!open.TryGetValue(key, out var sent))
                open[key] = sent = new Queue<DateTimeOffset>();
            if (entry.Kind == JournalKind.Webhook)
                sent.Enqueue(entry.At);
            else
                durations.Add(entry.At - sent.Dequeue());
        }

        return durations;
    }

    /// <summary>
    /// Counts the commands that the client library sends to Redis, by the webhook for which it sends them. Spans play no part in it.
    /// See https://stackexchange.github.io/StackExchange.Redis/Profiling_v2.
    /// </summary>
    private sealed class RoundTripCounter : IStartupFilter
    {
        private static readonly string[] Kinds = ["voice", "join", "left", "conference", "status", "wait"];

        private readonly AsyncLocal<ProfilingSession?> current = new();
        private readonly ConcurrentQueue<Webhook> webhooks = new();

        public IReadOnlyCollection<Webhook> Webhooks => webhooks;

        public void AddTo(WebApplicationBuilder builder) => builder.Services.AddSingleton<IStartupFilter>(this);

        public void Listen(IServiceProvider services) =>
            services.GetRequiredService<IConnectionMultiplexer>().RegisterProfiler(() => current.Value);

        public override string ToString() =>
            string.Join('\n', webhooks.Select(webhook => $"{webhook.Kind}: {string.Join(", ", webhook.Commands)}"));

        public void Clear() => webhooks.Clear();

        public Action<IApplicationBuilder> Configure(Action<IApplicationBuilder> next) => app =>
        {
            app.Use(CountAsync);
            next(app);
        };

        private async Task CountAsync(HttpContext http, RequestDelegate next)
        {
            var session = current.Value = new ProfilingSession();
            // A webhook is counted before its answer goes out, so the test finds it once it has the answer.
            http.Response.OnStarting(() =>
            {
                Count(http, session);
                return Task.CompletedTask;
            });
            await next(http);
        }

        private void Count(HttpContext http, ProfilingSession session)
        {
            var route = (http.GetEndpoint() as RouteEndpoint)?.RoutePattern.RawText?.Split('/') ?? [];
            if (Kinds.SingleOrDefault(kind => route.Contains(kind)) is not { } kind || route[^1] == "ringback.wav")
                return;
            var commands = session.FinishProfiling().Where(command => !command.Flags.HasFlag(CommandFlags.FireAndForget));
            webhooks.Enqueue(new Webhook(kind, [.. commands.Select(command => command.Command)]));
        }
    }

    /// <summary>One webhook, and the commands for which it waited. Each command is a round trip of its own.</summary>
    private sealed record Webhook(string Kind, string[] Commands);
}
