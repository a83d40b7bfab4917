using System.Globalization;
using System.Net;
using System.Text.Json;
using Calls.Integration.Tests.Redis;
using Calls.Sandbox;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace Calls.Integration.Tests.RestApi;

/// <summary>Live events over two replicas on one Redis: versions rise, none comes twice, and the end always arrives.</summary>
public sealed class EventsTests(RedisFixture redis) : IAsyncLifetime
{
    private const string Session = "s-42";

    private static readonly string[] Shared = ["PublicBaseUrl", "Twilio:Client:ApiBaseUrl", "Authentication:Schemes:Bearer:SigningKeys:0:Value"];

    private SandboxHost host = null!;

    public async ValueTask InitializeAsync() => host = await SandboxHost.StartAsync(new SandboxOptions { RedisConnectionString = await redis.NewDatabaseAsync() });

    public ValueTask DisposeAsync() => host.DisposeAsync();

    [Fact]
    public async Task A_reader_sees_the_call_as_it_is_and_every_change_to_its_end()
    {
        await host.Twilio.Client("alice").CallAsync("bob", Session);
        await host.Twilio.Client("bob").RingsAsync();
        using var stream = await EventStream.OpenAsync(host, Session, host.TokenFor("alice"));
        stream.Status.ShouldBe(HttpStatusCode.OK);
        stream.ContentType.ShouldBe("text/event-stream");
        stream.Header("X-Accel-Buffering").ShouldBe("no");
        stream.Header("Cache-Control")!.ShouldContain("no-store");
        var (first, snapshot) = (await stream.NextAsync())!.Value;
        snapshot.GetProperty("state").GetString().ShouldBe("ringing");
        snapshot.EnumerateObject().Select(p => p.Name).ShouldBe(["sessionId", "state", "version", "startedAt", "answeredAt", "endedAt", "endReason", "participants"]);
        await host.Twilio.Client("bob").AnswerAsync();
        await host.Twilio.Client("bob").TalksAsync();
        await host.Twilio.Client("alice").HangUpAsync();
        var (versions, last) = await stream.ReadToEndAsync();
        Rise([first, .. versions]);
        last!.Value.GetProperty("endReason").GetString().ShouldBe("one-person-left");
        last.Value.GetProperty("participants").EnumerateArray().ShouldAllBe(p => p.GetProperty("state").GetString() == "left");

        // What Twilio still says of a call that is over may come as one state more; then there is nothing, which tells a browser not to come back.
        await Eventually.TrueAsync(async () =>
        {
            using var again = await EventStream.OpenAsync(host, Session, host.TokenFor("alice"), versions[^1].ToString(CultureInfo.InvariantCulture));
            versions.AddRange((await again.ReadToEndAsync()).Versions);
            return again.Status == HttpStatusCode.NoContent;
        });
        Rise([first, .. versions]);
        using var fromTheFuture = await EventStream.OpenAsync(host, Session, host.TokenFor("alice"), "999999999");
        (await fromTheFuture.ReadToEndAsync()).Versions.ShouldBe([versions[^1]], "an id that was never given is no excuse for silence");
    }

    [Fact]
    public async Task Over_fifty_reconnections_to_either_replica_nothing_comes_twice_and_the_end_arrives()
    {
        await using var other = await StartBesideAsync();
        await TalkAsync();
        List<long> versions = [];
        string? lastId = null;
        var changing = ChangeAsync();
        for (var i = 0; i < 50; i++)
        {
            using var stream = await EventStream.OpenAsync(i % 2 == 0 ? host : other, Session, host.TokenFor(i % 3 == 0 ? "bob" : "alice"), lastId);
            stream.Status.ShouldBe(HttpStatusCode.OK);
            // Sometimes one, sometimes a few, sometimes gone before anything came.
            for (var n = 0; n < i % 3; n++)
            {
                (long Id, JsonElement Session)? next;
                try
                {
                    next = await stream.NextAsync(TimeSpan.FromMilliseconds(100));
                }
                catch (OperationCanceledException)
                {
                    break;
                }

                versions.Add(next!.Value.Id);
                lastId = next.Value.Id.ToString(CultureInfo.InvariantCulture);
            }
        }

        await changing;
        using var last = await EventStream.OpenAsync(other, Session, host.TokenFor("alice"), lastId);
        await host.Twilio.Client("alice").HangUpAsync();
        var (rest, final) = await last.ReadToEndAsync();
        versions.Count.ShouldBeGreaterThan(5);
        Rise([.. versions, .. rest]);
        final!.Value.GetProperty("state").GetString().ShouldBe("ended");
    }

    [Fact]
    public async Task One_who_never_reads_holds_nobody_up_and_fifty_others_all_see_the_end()
    {
        await using var other = await StartBesideAsync();
        await TalkAsync();
        using var never = await EventStream.OpenAsync(host, Session, host.TokenFor("alice"));
        var readers = await Task.WhenAll(Enumerable.Range(0, 50).Select(i => EventStream.OpenAsync(i % 2 == 0 ? host : other, Session, host.TokenFor("bob"))));
        var reading = readers.Select(reader => reader.ReadToEndAsync()).ToList();
        await ChangeAsync();
        await host.Twilio.Client("alice").HangUpAsync();
        var all = await Task.WhenAll(reading);
        all.ShouldAllBe(one => one.Last!.Value.GetProperty("state").GetString() == "ended");
        foreach (var (versions, _) in all)
            Rise(versions);
        // Once everybody's line has ended only the version may rise, when the last hang-up is confirmed: a stream can end before or after that.
        all.Select(one => Said(one.Last!.Value)).Distinct().Count().ShouldBe(1, "everybody sees the same end");
        foreach (var reader in readers)
            reader.Dispose();
    }

    private static string Said(JsonElement session) =>
        string.Join('\n', session.EnumerateObject().Where(property => property.Name != "version").Select(property => property.ToString()));

    [Fact]
    public async Task Who_may_not_see_the_call_may_not_follow_it()
    {
        await TalkAsync();
        foreach (var (session, bearer, expected) in new (string, string?, HttpStatusCode)[]
        {
            (Session, null, HttpStatusCode.Unauthorized), (Session, "nonsense", HttpStatusCode.Unauthorized), (Session, host.TokenFor("carol"), HttpStatusCode.NotFound),
            ("no-such", host.TokenFor("alice"), HttpStatusCode.NotFound), ("..%2f..", host.TokenFor("alice"), HttpStatusCode.NotFound),
        })
        {
            using var stream = await EventStream.OpenAsync(host, session, bearer);
            stream.Status.ShouldBe(expected);
        }

        using var operators = await EventStream.OpenAsync(host, Session, host.TokenFor("olga", "calls.operate"));
        (await operators.NextAsync()).ShouldNotBeNull();
    }

    [Fact]
    public async Task A_stream_ends_when_its_host_stops()
    {
        var other = await StartBesideAsync();
        await TalkAsync();
        using var stream = await EventStream.OpenAsync(other, Session, host.TokenFor("alice"));
        (await stream.NextAsync()).ShouldNotBeNull();
        var stopping = other.DisposeAsync().AsTask();
        (await stream.ReadToEndAsync()).Last?.GetProperty("state").GetString().ShouldBe("live");
        await stopping.WaitAsync(TimeSpan.FromSeconds(10));
    }

    [Fact]
    public async Task Events_come_from_the_embedded_Redis_too()
    {
        await using var embedded = await SandboxHost.StartAsync(new SandboxOptions());
        await embedded.Twilio.Client("alice").CallAsync("bob", Session);
        await embedded.Twilio.Client("bob").RingsAsync();
        await Eventually.TrueAsync(async () => (await embedded.RestAsync(HttpMethod.Get, $"/v1/sessions/{Session}", embedded.TokenFor("alice"))).Status == HttpStatusCode.OK);
        using var stream = await EventStream.OpenAsync(embedded, Session, embedded.TokenFor("alice"));
        (await stream.NextAsync()).ShouldNotBeNull();
        await embedded.Twilio.Client("alice").HangUpAsync();
        (await stream.NextAsync(TimeSpan.FromSeconds(4))).ShouldNotBeNull("told, and not only read again after five seconds");
        (await stream.ReadToEndAsync()).Last?.GetProperty("state").GetString().ShouldBe("ended");
    }

    private static void Rise(IReadOnlyList<long> versions)
    {
        versions.ShouldNotBeEmpty();
        versions.Zip(versions.Skip(1)).ShouldAllBe(pair => pair.First < pair.Second, string.Join(" ", versions));
    }

    private async Task TalkAsync()
    {
        await host.Twilio.Client("alice").CallAsync("bob", Session);
        await host.Twilio.Client("bob").RingsAsync();
        await host.Twilio.Client("bob").AnswerAsync();
        await host.Twilio.Client("bob").TalksAsync();
    }

    /// <summary>Two dozen changes, one after another.</summary>
    private async Task ChangeAsync()
    {
        for (var i = 0; i < 12; i++)
        {
            await host.RestAsync(HttpMethod.Patch, $"/v1/sessions/{Session}/participants/callee", host.TokenFor("alice"), i % 2 == 0 ? """{"muted": true}""" : """{"muted": false}""");
            await Task.Delay(20);
        }
    }

    /// <summary>A second replica: the same Redis, the same bearers, the same emulated Twilio.</summary>
    private async Task<SandboxHost> StartBesideAsync()
    {
        var keys = host.Services.GetRequiredService<IConfiguration>();
        return await SandboxHost.StartAsync(new SandboxOptions
        {
            RedisConnectionString = keys.GetConnectionString("Redis"),
            Settings = [.. Shared.Select(key => new KeyValuePair<string, string?>(key, keys[key]))],
        });
    }
}
