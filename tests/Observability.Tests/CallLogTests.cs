using System.Collections.Concurrent;
using Calls.Chaos.Tests.Harness;
using Calls.Sandbox;
using Calls.Sandbox.Redis;
using Calls.Sandbox.Twilio;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Calls.Observability.Tests;

/// <summary>An engineer who has only the logs can follow a call: one line for each event, with the ids to go on with and nothing
/// personal.</summary>
public sealed class CallLogTests : IDisposable
{
    private const string Session = "s-log";
    private const string Lawyer = "+15550100101";
    private const string Refused = "+15550100199";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly Lines lines = new();

    public void Dispose() => lines.Dispose();

    [Fact]
    public async Task A_call_of_three_writes_one_line_for_each_of_its_events()
    {
        await using var redis = await Task.Run(EmbeddedRedis.Start);
        await using var host = await StartAsync(redis);
        await TalkAsync(host);
        await host.RestAsync(HttpMethod.Post, Path, host.TokenFor("alice"), $$"""{"phoneNumber": "{{Lawyer}}", "label": "marker-label"}""");
        await host.Twilio.Phone(Lawyer).RingsAsync();
        await AllAnsweredAsync(host);
        await host.Twilio.Phone(Lawyer).AnswerAsync();
        await host.Twilio.Phone(Lawyer).TalksAsync();
        await AllAnsweredAsync(host);
        var legs = await host.Twilio.AskAsync(cloud => cloud.LiveLegs().Select(leg => leg.Sid).ToList());
        await host.Twilio.Client("alice").HangUpAsync();
        await host.Twilio.Client("bob").HangUpAsync();
        await host.Twilio.Phone(Lawyer).IsIdleAsync();
        await Eventually.TrueAsync(() => Task.FromResult(OfEvent(1006) == 1 && OfEvent(1005) == 3), "the end of each line is logged",
            Patience);

        OfEvent(1001).ShouldBe(1, "started");
        OfEvent(1002).ShouldBe(2, "the callee and the guest ring");
        OfEvent(1003).ShouldBe(2, "the callee and the guest answer");
        OfEvent(1004).ShouldBe(3, "three people join");
        OfEvent(1005).ShouldBe(3, "three people leave");
        var ended = lines.All.Single(line => line.Id == 1006).Text;
        ended.ShouldContain("OnePersonLeft");
        ended.ShouldContain("evidence Webhook");
        ended.ShouldContain("participants on the line 3");
        lines.All.Select(line => line.Text).ShouldAllBe(text => text.Contains("Call " + Session, StringComparison.Ordinal));
        lines.All.Select(
            line => TraceOf(line.Text)).Distinct().ShouldHaveSingleItem("every line names the trace of the call").Length.ShouldBe(32);
        foreach (var leg in legs)
            lines.All.ShouldContain(line => line.Text.Contains(leg, StringComparison.Ordinal));
        foreach (var personal in new[] { "alice", "bob", Lawyer, Lawyer[1..], "marker-label" })
            lines.All.ShouldNotContain(line => line.Text.Contains(personal, StringComparison.Ordinal), personal);
    }

    [Fact]
    public async Task A_refused_dial_and_a_change_that_only_a_review_found_are_logged()
    {
        await using var redis = await Task.Run(EmbeddedRedis.Start);
        await using var host = await StartAsync(redis);
        await TalkAsync(host);
        await host.RestAsync(HttpMethod.Post, Path, host.TokenFor("alice"), $$"""{"phoneNumber": "{{Refused}}"}""");
        await Eventually.TrueAsync(() => Task.FromResult(OfEvent(1007) == 1), "the refusal is logged", Patience);
        lines.All.Single(line => line.Id == 1007).Text.ShouldContain("code 21215");
        host.Twilio.Faults.Add(new WebhookFault { Drop = true });
        await host.Twilio.Client("bob").HangUpAsync();
        await EndedAsync();
        lines.All.ShouldContain(
            line => line.Id == 1008 && line.Text.Contains("callee", StringComparison.Ordinal), "the review found that the callee is gone");
        lines.All.Single(line => line.Id == 1006).Text.ShouldContain("evidence Review");
    }

    private static string Path => $"/v1/sessions/{Session}/participants";

    private int OfEvent(int id) => lines.All.Count(line => line.Id == id);

    private Task EndedAsync() => Eventually.TrueAsync(
        () => Task.FromResult(OfEvent(1006) == 1 && OfEvent(1005) >= 2), "the end of the call is logged", Patience);

    private Task<SandboxHost> StartAsync(EmbeddedRedis redis) => SandboxHost.StartAsync(new SandboxOptions
    {
        RedisConnectionString = redis.ConnectionString,
        Twilio = new() { RefusedNumbers = new Dictionary<string, int>(StringComparer.Ordinal) { [Refused] = 21215 } },
        Settings = [new("Logging:LogLevel:Calls", "Information"), new("Calls:ReviewInterval", "00:00:02")],
        Configure = builder => builder.Services.AddSingleton<ILoggerProvider>(lines),
    });

    private static async Task TalkAsync(SandboxHost host)
    {
        await host.Twilio.Client("alice").CallAsync("bob", Session);
        await host.Twilio.Client("bob").RingsAsync();
        await AllAnsweredAsync(host);
        await host.Twilio.Client("bob").AnswerAsync();
        await host.Twilio.Client("bob").TalksAsync();
        await AllAnsweredAsync(host);
    }

    /// <summary>An event that comes after a later one of its leg is ignored and not logged, so the test waits for each.</summary>
    private static Task AllAnsweredAsync(SandboxHost host) => host.Twilio.WaitUntilAsync(
        cloud => cloud.Journal.OfType<WebhookSent>().Count == cloud.Journal.OfType<WebhookAnswered>().Count,
            "every webhook has its answer");

    private static string TraceOf(string text) => text[(text.IndexOf("trace ", StringComparison.Ordinal) + "trace ".Length)..];

    /// <summary>The lines of the events of calls.</summary>
    private sealed class Lines : ILoggerProvider, ILogger
    {
        private readonly ConcurrentQueue<(int Id, string Text)> written = new();

        public IReadOnlyCollection<(int Id, string Text)> All => [.. written];

        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel == LogLevel.Information;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (eventId.Id is > 1000 and < 2000)
                written.Enqueue((eventId.Id, formatter(state, exception)));
        }

        public void Dispose()
        {
            // There is nothing to release.
        }
    }
}
