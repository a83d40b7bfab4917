using System.Collections.Concurrent;
using System.Net;
using System.Text.Json;
using Calls.Integration.Tests.EndToEnd;
using Calls.Integration.Tests.Events;
using Calls.Integration.Tests.Redis;
using Calls.Sandbox;
using Microsoft.Extensions.Logging;
using StackExchange.Redis;

namespace Calls.Integration.Tests.RestApi;

/// <summary>An operator has an ended call forgotten, and the audit says who did what.</summary>
public sealed class RecordTests(RedisFixture redis)
{
    private const string Record = "/v1/sessions/s-42/record";
    private const string Doctor = "+15550100101";

    [Fact]
    public async Task An_operator_has_an_ended_call_forgotten_and_nothing_of_it_is_left_that_names_a_person()
    {
        await using var receiver = await FakeReceiver.StartAsync();
        receiver.Answer = (http, _) =>
        {
            http.Response.StatusCode = 503;
            return Task.CompletedTask;
        };
        await using var host = await StartAsync(settings: [.. receiver.Settings("crm")]);
        var olga = host.TokenFor("olga", "calls.operate");
        (await host.RestAsync(HttpMethod.Delete, Record, olga)).Status.ShouldBe(HttpStatusCode.NotFound);
        await host.TalkAsync();
        await host.AddAndTalkAsync(Doctor);
        await CodeAsync(host, olga, HttpStatusCode.Conflict, "call-is-not-over");
        await CodeAsync(host, host.TokenFor("alice"), HttpStatusCode.Forbidden, "operators-only");
        await host.RestAsync(HttpMethod.Delete, "/v1/sessions/s-42", host.TokenFor("alice"));
        // A second call with the same id: the end of the first one is not delivered yet.
        await EndedAsync(host);
        await host.TalkAsync();
        await host.RestAsync(HttpMethod.Delete, "/v1/sessions/s-42", host.TokenFor("alice"));
        await EndedAsync(host);
        await Eventually.TrueAsync(async () => (await host.RestAsync(HttpMethod.Delete, Record, olga)).Status == HttpStatusCode.NoContent);

        (await host.RestAsync(HttpMethod.Get, "/v1/sessions/s-42", host.TokenFor("alice"))).Status.ShouldBe(HttpStatusCode.NotFound);
        (await host.RestAsync(HttpMethod.Delete, Record, olga)).Status.ShouldBe(HttpStatusCode.NotFound);
        var (_, own) = await host.RestAsync(HttpMethod.Get, "/v1/me/sessions?state=ended", host.TokenFor("alice"));
        JsonDocument.Parse(own).RootElement.GetProperty("sessions").GetArrayLength().ShouldBe(0);
        var kept = await KeysAsync(host);
        kept.ShouldAllBe(key => key.Contains(":placed:", StringComparison.Ordinal) || key.StartsWith("calls:leg:", StringComparison.Ordinal)
            || key.StartsWith("calls:owner:", StringComparison.Ordinal) || key.StartsWith("calls:{phones}:", StringComparison.Ordinal)
            || key.EndsWith("}:starts", StringComparison.Ordinal) || key.EndsWith("}:phones", StringComparison.Ordinal)
            || key == "calls:reconcile", string.Join('\n', kept));
    }

    [Fact]
    public async Task The_audit_says_who_did_what_and_which_operator_read_and_names_nobody()
    {
        var lines = new Lines();
        await using var host = await StartAsync(lines);
        await host.TalkAsync();
        await host.AddAndTalkAsync(Doctor);
        var guest = (await host.SessionAsync()).GetProperty("participants")[2].GetProperty("id").GetString();
        var path = "/v1/sessions/s-42";
        await host.RestAsync(HttpMethod.Patch, $"{path}/participants/callee", host.TokenFor("alice"), """{"hold": true}""");
        await host.RestAsync(HttpMethod.Delete, $"{path}/participants/{guest}", host.TokenFor("bob"));
        await host.RestAsync(HttpMethod.Get, path, host.TokenFor("olga", "calls.operate"));
        await host.RestAsync(HttpMethod.Get, "/v1/sessions?state=live", host.TokenFor("olga", "calls.operate"));
        await host.RestAsync(HttpMethod.Delete, path, host.TokenFor("olga", "calls.operate"));
        await host.RestAsync(HttpMethod.Delete, path, host.TokenFor("olga", "calls.operate"));
        await EndedAsync(host);
        await Eventually.TrueAsync(async () => (await host.RestAsync(
            HttpMethod.Delete, Record, host.TokenFor("otto", "calls.operate"))).Status == HttpStatusCode.NoContent);

        lines.All.Select(line => line.Id).ShouldBe([6001, 6003, 6002, 6005, 6006, 6004, 6007], "each once, in this order");
        var texts = lines.All.Select(line => line.Text).ToList();
        texts[0].ShouldMatch($"^Call s-42: caller \\(bearer [0-9a-f]{{16}}\\) added {guest}$");
        texts[1].ShouldMatch("^Call s-42: caller \\(bearer [0-9a-f]{16}\\) set mute .* and hold True of callee, leg CA[0-9a-f]{32}$");
        texts[2].ShouldMatch($"^Call s-42: callee \\(bearer [0-9a-f]{{16}}\\) removed {guest}, leg CA[0-9a-f]{{32}}$");
        texts[5].ShouldMatch("^Call s-42: operator \\(bearer [0-9a-f]{16}\\) ended the call, conference CF[0-9a-f]{32}$");
        var bearers = texts.Select(text => text[(text.IndexOf("bearer ", StringComparison.Ordinal) + 7)..][..16]).ToList();
        (bearers[0] == bearers[1], bearers[3] == bearers[4], bearers[4] == bearers[5], bearers[5] == bearers[6])
            .ShouldBe((true, true, true, false), "a bearer has one pseudonym");
        foreach (var name in new[] { "alice", "bob", "olga", "otto", Doctor })
            texts.ShouldAllBe(text => !text.Contains(name, StringComparison.Ordinal));
    }

    private static async Task CodeAsync(SandboxHost host, string bearer, HttpStatusCode expected, string code)
    {
        var (status, body) = await host.RestAsync(HttpMethod.Delete, Record, bearer);
        status.ShouldBe(expected, body);
        JsonDocument.Parse(body).RootElement.GetProperty("code").GetString().ShouldBe(code);
    }

    private static Task EndedAsync(SandboxHost host) => host.EventuallyAsync(document =>
        document.GetProperty("state").GetString() == "ended" && document.GetProperty("participants").EnumerateArray()
            .All(p => p.GetProperty("state").GetString() is "left" or "not-reached"));

    private static async Task<List<string>> KeysAsync(SandboxHost host)
    {
        var settings = ConfigurationOptions.Parse(host.RedisConnectionString);
        await using var redis = await ConnectionMultiplexer.ConnectAsync(settings);
        return [.. redis.GetServers()[0].Keys(settings.DefaultDatabase ?? 0, "calls:*").Select(key => key.ToString())];
    }

    private async Task<SandboxHost> StartAsync(Lines? lines = null, IReadOnlyList<KeyValuePair<string, string?>>? settings = null) =>
        await SandboxHost.StartAsync(new SandboxOptions
        {
            RedisConnectionString = await redis.NewDatabaseAsync(),
            Settings = [.. settings ?? [], new("Logging:LogLevel:Calls.Audit", "Information")],
            Configure = builder =>
            {
                if (lines is not null)
                    builder.Logging.AddProvider(lines);
            },
        });

    /// <summary>The lines of the audit.</summary>
    private sealed class Lines : ILoggerProvider, ILogger
    {
        private readonly ConcurrentQueue<(int Id, string Text)> lines = new();

        public IReadOnlyList<(int Id, string Text)> All => [.. lines];

        public ILogger CreateLogger(string categoryName) => categoryName == "Calls.Audit" ? this
            : Microsoft.Extensions.Logging.Abstractions.NullLogger.Instance;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            lines.Enqueue((eventId.Id, formatter(state, exception)));

        public void Dispose()
        {
        }
    }
}
