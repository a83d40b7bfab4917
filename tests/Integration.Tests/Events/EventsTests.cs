using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using System.Text.Json.Nodes;
using Calls.Domain;
using Calls.Infrastructure.Redis;
using Calls.Infrastructure.Webhooks;
using Calls.Integration.Tests.EndToEnd;
using Calls.Integration.Tests.Redis;
using Calls.Sandbox;
using Calls.Sandbox.Twilio;
using Microsoft.Extensions.DependencyInjection;
using StackExchange.Redis;

namespace Calls.Integration.Tests.Events;

/// <summary>Events leave the service: from real calls to receivers over real HTTP (docs/adr/0031).</summary>
public sealed class EventsTests(RedisFixture redis)
{
    private const string Doctor = "+15550100101";

    /// <summary>The members that an event has beside the document of the session.</summary>
    private static readonly string[] More = ["callSid", "joinedAt", "leftAt"];

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_customer_can_bill_and_audit_a_call_from_its_events_alone(bool onGarnet)
    {
        await using var receiver = await FakeReceiver.StartAsync();
        await using var host = await StartAsync(receiver.Settings("crm"), database: onGarnet ? redis.NewGarnetDatabase() : null);
        await host.TalkAsync();
        await receiver.UntilAsync(events => events.Any(e => e.Type == "session.answered"));
        await host.AddAndTalkAsync(Doctor);
        // The version can be that of a save that no document shows.
        await Eventually.TrueAsync(
            async () => receiver.Delivered is [.., var last] && Plain(last.Data) == Text(await host.SessionAsync()));
        (await host.RestAsync(HttpMethod.Delete, "/v1/sessions/s-42", host.TokenFor("bob"))).Status.ShouldBe(HttpStatusCode.NoContent);
        await receiver.EndedAsync();

        var events = receiver.Delivered;
        events[0].Type.ShouldBe("session.started");
        events.Select(e => e.Type).Distinct().ShouldBe(
            ["session.started", "session.answered", "session.changed", "session.ended"], ignoreOrder: true);
        events.Select(e => e.Version).ShouldBeInOrder(SortDirection.Ascending);
        events.Select(e => e.Version).ShouldBeUnique();
        events.Select(e => e.Id).ShouldBeUnique();
        events.ShouldAllBe(e => e.IsSigned && e.Signatures == 1 && e.ContentType == "application/json");
        var end = events[^1].Data;
        (end.GetProperty("endReason").GetString(), end.GetProperty("endedBy").GetString()).ShouldBe(("ended-by-person", "callee"));
        end.GetProperty("conferenceSid").GetString().ShouldNotBeNull().ShouldStartWith("CF");
        end.GetProperty("durationSeconds").GetInt64().ShouldBe((long)Math.Round(
            (end.GetProperty("endedAt").GetDateTimeOffset() - end.GetProperty("answeredAt").GetDateTimeOffset()).TotalSeconds));
        end.GetProperty("participants")[2].GetProperty("addedBy").GetString().ShouldBe("caller");
        foreach (var person in end.GetProperty("participants").EnumerateArray())
        {
            person.GetProperty("callSid").GetString().ShouldNotBeNull().ShouldStartWith("CA");
            person.GetProperty("joinedAt").GetDateTimeOffset().ShouldBeLessThan(person.GetProperty("leftAt").GetDateTimeOffset());
        }
    }

    [Fact]
    public async Task A_receiver_that_fails_gets_the_same_event_again_and_then_the_newest_state()
    {
        await using var receiver = await FakeReceiver.StartAsync();
        receiver.Answer = (http, attempt) =>
        {
            http.Response.StatusCode = attempt <= 3 ? 500 : 204;
            return Task.CompletedTask;
        };
        await using var host = await StartAsync(receiver.Settings("crm", ("Events", "session.ended")));
        await host.Twilio.Client("bob").BehaveAsync(PhoneBehaviour.Decline);
        await host.Twilio.Client("alice").CallAsync("bob", "s-42");
        await receiver.EndedAsync();
        receiver.Attempts.ShouldAllBe(attempt => attempt.Type == "session.ended");
        foreach (var same in receiver.Attempts.GroupBy(attempt => attempt.Version))
            same.Select(attempt => attempt.Id).Distinct().Count().ShouldBe(1, "a receiver knows a repetition by its webhook-id");
        receiver.Attempts.Count.ShouldBeGreaterThan(3);
        receiver.Delivered[^1].Data.GetProperty("durationSeconds").GetInt64().ShouldBe(0);
        receiver.Delivered[^1].Data.GetProperty("participants")[1].GetProperty("leftAt").ValueKind.ShouldBe(JsonValueKind.Null);
    }

    [Fact]
    public async Task While_a_secret_is_exchanged_a_receiver_can_have_the_old_one_or_the_new_one()
    {
        await using var before = await FakeReceiver.StartAsync();
        await using var after = await FakeReceiver.StartAsync();
        await using var host = await StartAsync(
        [
            .. before.Settings("before").Where(setting => !setting.Key.EndsWith(":Secret", StringComparison.Ordinal)),
            new("Calls:Webhooks:before:Secret", after.Secret), new("Calls:Webhooks:before:PreviousSecret", before.Secret),
            .. after.Settings("after", ("PreviousSecret", before.Secret)),
        ]);
        await host.TalkAsync();
        await host.Twilio.Client("alice").HangUpAsync();
        foreach (var receiver in new[] { before, after })
        {
            await receiver.EndedAsync();
            receiver.Attempts.ShouldAllBe(attempt => attempt.IsSigned && attempt.Signatures == 2);
        }
    }

    [Fact]
    public async Task A_receiver_that_hangs_delays_no_call_and_no_other_receiver()
    {
        await using var dead = await FakeReceiver.StartAsync();
        await using var alive = await FakeReceiver.StartAsync();
        dead.Answer = (http, _) => Task.Delay(Timeout.InfiniteTimeSpan, http.RequestAborted)
            .ContinueWith(_ => http.Response.StatusCode = 500, TaskScheduler.Default);
        // No time-out of a request ends within the test.
        await using var host = await StartAsync(
            [.. dead.Settings("dead"), .. alive.Settings("alive")], new EventSettings { Timeout = TimeSpan.FromMinutes(5) });
        for (var call = 1; call <= 2 * EventSettings.Concurrency; call++)
        {
            var session = string.Create(CultureInfo.InvariantCulture, $"s-{call}");
            await host.TalkAsync(session);
            await host.Twilio.Client("alice").HangUpAsync();
            await host.EventuallyAsync(document => document.GetProperty("state").GetString() == "ended", session);
            await alive.EndedAsync(session);
        }

        dead.Attempts.Count.ShouldBe(EventSettings.Concurrency, "the requests to one receiver are limited");
        dead.Delivered.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_receiver_that_is_gone_gets_nothing_more_and_the_session_does_not_wait_for_it()
    {
        await using var receiver = await FakeReceiver.StartAsync();
        receiver.Answer = (http, _) =>
        {
            http.Response.StatusCode = 410;
            return Task.CompletedTask;
        };
        await using var host = await StartAsync(receiver.Settings("crm"));
        await host.TalkAsync();
        await host.Twilio.Client("alice").HangUpAsync();
        await Eventually.TrueAsync(async () => await PendingAsync(host, "crm") == 0 && await LifeAsync(host) < TimeSpan.FromHours(25));
        receiver.Attempts.Count.ShouldBe(1);
    }

    [Theory]
    [InlineData(HttpStatusCode.Redirect)]
    [InlineData(HttpStatusCode.TemporaryRedirect)]
    public async Task A_redirect_is_not_followed(HttpStatusCode status)
    {
        await using var receiver = await FakeReceiver.StartAsync();
        await using var target = await FakeReceiver.StartAsync();
        receiver.Answer = (http, _) =>
        {
            http.Response.StatusCode = (int)status;
            http.Response.Headers.Location = target.Url.ToString();
            return Task.CompletedTask;
        };
        await using var host = await StartAsync(receiver.Settings("crm"));
        await host.TalkAsync();
        await Eventually.TrueAsync(() => Task.FromResult(receiver.Attempts.Count >= 3));
        target.Attempts.ShouldBeEmpty();
        (await PendingAsync(host, "crm")).ShouldBe(1);
    }

    [Fact]
    public async Task An_answer_without_end_is_not_read()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var url = string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}/");
        await using var host = await StartAsync(
        [
            new("Calls:Webhooks:crm:Url", url), new("Calls:Webhooks:crm:AllowPrivateAddresses", "true"),
            new("Calls:Webhooks:crm:Secret", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
        ]);
        await host.Twilio.Client("alice").CallAsync("bob", "s-42");
        using var connection = await listener.AcceptTcpClientAsync();
        var stream = connection.GetStream();
        var written = 0L;
        await Should.ThrowAsync<IOException>(async () =>
        {
            await stream.WriteAsync("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"u8.ToArray());
            byte[] chunk = [.. "10000\r\n"u8, .. new byte[0x10000], .. "\r\n"u8];
            while (true)
            {
                await stream.WriteAsync(chunk);
                written += chunk.Length;
            }
        });
        // What the buffers of both sockets take.
        written.ShouldBeLessThan(16 * 1024 * 1024);
    }

    [Fact]
    public async Task A_session_is_kept_until_its_end_was_delivered()
    {
        await using var receiver = await FakeReceiver.StartAsync();
        var isAway = true;
        receiver.Answer = (http, _) =>
        {
            http.Response.StatusCode = isAway ? 503 : 204;
            return Task.CompletedTask;
        };
        await using var host = await StartAsync([.. receiver.Settings("crm"), new("Calls:Retention", "00:02:00")]);
        await host.TalkAsync();
        await host.Twilio.Client("alice").HangUpAsync();
        await Eventually.TrueAsync(() => Task.FromResult(receiver.Attempts.Any(attempt => attempt.IsWholeEnd)));
        (await LifeAsync(host)).ShouldNotBeNull().ShouldBeGreaterThan(TimeSpan.FromHours(47));
        isAway = false;
        await receiver.EndedAsync();
        await Eventually.TrueAsync(async () => await LifeAsync(host) <= TimeSpan.FromMinutes(2));
        (await PendingAsync(host, "crm")).ShouldBe(0);
    }

    [Fact]
    public async Task The_end_of_a_call_is_delivered_although_a_new_call_has_taken_its_session_id()
    {
        await using var receiver = await FakeReceiver.StartAsync();
        var isAway = true;
        receiver.Answer = (http, _) =>
        {
            http.Response.StatusCode = isAway ? 503 : 204;
            return Task.CompletedTask;
        };
        await using var host = await StartAsync(receiver.Settings("crm"));
        await host.TalkAsync();
        await host.Twilio.Client("alice").HangUpAsync();
        await host.EventuallyAsync(document => document.GetProperty("participants").EnumerateArray()
            .All(p => p.GetProperty("state").GetString() == "left"));
        var first = await host.SessionAsync();
        await host.TalkAsync();
        var second = await host.SessionAsync();
        second.GetProperty("version").GetInt64().ShouldBeGreaterThan(first.GetProperty("version").GetInt64());
        isAway = false;
        await receiver.UntilAsync(events =>
            events.Any(e => e.IsWholeEnd && e.Data.GetProperty("startedAt").GetString() == first.GetProperty("startedAt").GetString())
            && events.Any(e => e.Type != "session.ended"
                && e.Data.GetProperty("startedAt").GetString() == second.GetProperty("startedAt").GetString()));
        await Eventually.TrueAsync(async () => await PendingAsync(host, "crm") == 0);
        await host.Twilio.Client("alice").HangUpAsync();
        await receiver.UntilAsync(events => events.Any(e => e.IsWholeEnd && e.Version > second.GetProperty("version").GetInt64()));
    }

    [Fact]
    public async Task An_event_is_given_up_when_it_was_tried_long_enough()
    {
        await using var receiver = await FakeReceiver.StartAsync();
        receiver.Answer = (http, _) =>
        {
            http.Response.StatusCode = 500;
            return Task.CompletedTask;
        };
        await using var host = await StartAsync(
            receiver.Settings("crm", ("Events", "session.ended")), Quick with { GiveUpAfter = TimeSpan.FromSeconds(2) });
        await host.TalkAsync();
        await host.Twilio.Client("alice").HangUpAsync();
        await Eventually.TrueAsync(() => Task.FromResult(receiver.Attempts.Count > 1));
        await Eventually.TrueAsync(async () => await PendingAsync(host, "crm") == 0 && await LifeAsync(host) < TimeSpan.FromHours(25));
        receiver.Delivered.ShouldBeEmpty();
    }

    [Fact]
    public async Task Another_replica_sends_what_a_dead_one_has_claimed()
    {
        var database = await redis.NewDatabaseAsync();
        await using var receiver = await FakeReceiver.StartAsync();
        receiver.Answer = (http, _) =>
        {
            http.Response.StatusCode = 503;
            return Task.CompletedTask;
        };
        // This replica waits an hour after its first failure.
        await using var first = await StartAsync(
            receiver.Settings("crm", ("Events", "session.ended")), new EventSettings { FirstRetry = TimeSpan.FromHours(1) }, database);
        await first.TalkAsync();
        await first.Twilio.Client("alice").HangUpAsync();
        await first.EventuallyAsync(document => document.GetProperty("participants").EnumerateArray()
            .All(p => p.GetProperty("state").GetString() == "left"));
        await Eventually.TrueAsync(() => Task.FromResult(receiver.Attempts.Any(attempt => attempt.IsWholeEnd)));
        receiver.Answer = null;
        // The claim of a replica that has died a moment ago.
        var events = RedisKeys.Events(RedisKeys.PartitionOf(Id("s-42")), "crm");
        var commands = first.Services.GetRequiredService<IConnectionMultiplexer>().GetDatabase();
        await commands.SortedSetAddAsync(events, "s-42", TimeProvider.System.GetUtcNow().AddSeconds(1).ToUnixTimeMilliseconds());
        await using var second = await StartAsync(receiver.Settings("crm", ("Events", "session.ended")), Quick, database);
        await receiver.EndedAsync();
    }

    [Fact]
    public async Task Saves_that_no_receiver_can_see_send_nothing()
    {
        await using var receiver = await FakeReceiver.StartAsync();
        await using var host = await StartAsync([.. receiver.Settings("crm"), new("Calls:ReviewInterval", "00:00:01")]);
        await host.TalkAsync();
        await Eventually.TrueAsync(
            async () => receiver.Delivered is [.., var last] && Plain(last.Data) == Text(await host.SessionAsync()));
        var (told, version) = (receiver.Attempts.Count, (await host.SessionAsync()).GetProperty("version").GetInt64());
        // Each review is a save.
        await host.EventuallyAsync(document => document.GetProperty("version").GetInt64() >= version + 3);
        receiver.Attempts.Count.ShouldBe(told);
    }

    private static EventSettings Quick { get; } = new()
    {
        FirstRetry = TimeSpan.FromMilliseconds(100),
        LongestRetry = TimeSpan.FromMilliseconds(500),
        Sweep = TimeSpan.FromMilliseconds(100),
    };

    private async Task<SandboxHost> StartAsync(
        IEnumerable<KeyValuePair<string, string?>> settings, EventSettings? times = null, string? database = null) =>
        await SandboxHost.StartAsync(new SandboxOptions
        {
            RedisConnectionString = database ?? await redis.NewDatabaseAsync(),
            Settings = [.. settings],
            Configure = builder => builder.Services.AddSingleton(times ?? Quick),
        });

    private static async Task<long> PendingAsync(SandboxHost host, string receiver) =>
        (await host.Services.GetRequiredService<RedisEvents>().FindAsync(receiver)).Pending;

    private static async Task<TimeSpan?> LifeAsync(SandboxHost host) =>
        await host.Services.GetRequiredService<IConnectionMultiplexer>().GetDatabase().KeyTimeToLiveAsync(RedisKeys.Session(Id("s-42")));

    private static SessionId Id(string text) => SessionId.TryParse(text, out var id) ? id : throw new ArgumentException(text, nameof(text));

    /// <summary>The document of an event without the members that only events have.</summary>
    private static string Plain(JsonElement data)
    {
        var document = JsonNode.Parse(data.GetRawText())!.AsObject();
        document.Remove("conferenceSid").ShouldBeTrue();
        document.Remove("durationSeconds").ShouldBeTrue();
        document.Remove("version").ShouldBeTrue();
        foreach (var person in document["participants"]!.AsArray())
            More.ShouldAllBe(member => person!.AsObject().Remove(member));
        return document.ToJsonString();
    }

    private static string Text(JsonElement session)
    {
        var document = JsonNode.Parse(session.GetRawText())!.AsObject();
        document.Remove("version").ShouldBeTrue();
        return document.ToJsonString();
    }
}
