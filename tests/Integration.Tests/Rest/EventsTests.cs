using System.Globalization;
using System.Net;
using System.Text.Json;
using Calls.Integration.Tests.EndToEnd;
using Calls.Integration.Tests.Redis;
using Calls.Sandbox;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Time.Testing;

namespace Calls.Integration.Tests.RestApi;

/// <summary>Live events over two replicas on one Redis: versions rise, none comes twice, and the end always arrives.</summary>
public sealed class EventsTests(RedisFixture redis) : IAsyncLifetime
{
    private const string Session = "s-42";

    private static readonly string[] Shared =
        ["PublicBaseUrl", "Twilio:Client:ApiBaseUrl", "Authentication:Schemes:Bearer:SigningKeys:0:Value"];

    private SandboxHost host = null!;

    public async ValueTask InitializeAsync() =>
        host = await SandboxHost.StartAsync(new SandboxOptions { RedisConnectionString = await redis.NewDatabaseAsync() });

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
        snapshot.EnumerateObject().Select(p => p.Name).ShouldBe(
            ["sessionId", "state", "version", "startedAt", "answeredAt", "endedAt", "endReason", "endedBy", "participants"]);
        await host.Twilio.Client("bob").AnswerAsync();
        await host.Twilio.Client("bob").TalksAsync();
        await host.Twilio.Client("alice").HangUpAsync();
        var (versions, last) = await stream.ReadToEndAsync();
        Rise([first, .. versions]);
        last!.Value.GetProperty("endReason").GetString().ShouldBe("one-person-left");
        last.Value.GetProperty("participants").EnumerateArray().ShouldAllBe(p => p.GetProperty("state").GetString() == "left");

        // What Twilio still says of a call that is over may come as one state more; then there is nothing, which tells a browser not to
        // come back.
        await Eventually.TrueAsync(async () =>
        {
            using var again = await EventStream.OpenAsync(
                host, Session, host.TokenFor("alice"), versions[^1].ToString(CultureInfo.InvariantCulture));
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
        await host.TalkAsync(Session);
        List<long> versions = [];
        string? lastId = null;
        using var enough = new CancellationTokenSource();
        var changing = ChangeAsync(enough.Token);
        for (var i = 0; i < 50; i++)
        {
            using var stream = await EventStream.OpenAsync(
                i % 2 == 0 ? host : other, Session, host.TokenFor(i % 3 == 0 ? "bob" : "alice"), lastId);
            stream.Status.ShouldBe(HttpStatusCode.OK);
            // Sometimes one, sometimes two, sometimes gone before anything came. There is always something newer, for the call goes on
            // changing.
            for (var n = 0; n < i % 3; n++)
            {
                versions.Add((await stream.NextAsync()).ShouldNotBeNull().Id);
                lastId = versions[^1].ToString(CultureInfo.InvariantCulture);
            }
        }

        await enough.CancelAsync();
        await changing;
        using var last = await EventStream.OpenAsync(other, Session, host.TokenFor("alice"), lastId);
        await host.Twilio.Client("alice").HangUpAsync();
        var (rest, final) = await last.ReadToEndAsync();
        versions.Count.ShouldBe(49);
        Rise([.. versions, .. rest]);
        final!.Value.GetProperty("state").GetString().ShouldBe("ended");
    }

    [Fact]
    public async Task One_who_never_reads_holds_nobody_up_and_fifty_others_all_see_the_end()
    {
        await using var other = await StartBesideAsync();
        await host.TalkAsync(Session);
        using var never = await EventStream.OpenAsync(host, Session, host.TokenFor("alice"));
        var readers = await Task.WhenAll(
            Enumerable.Range(0, 50).Select(i => EventStream.OpenAsync(i % 2 == 0 ? host : other, Session, host.TokenFor("bob"))));
        var reading = readers.Select(reader => reader.ReadToEndAsync()).ToList();
        await ChangeAsync(CancellationToken.None, 12);
        await host.Twilio.Client("alice").HangUpAsync();
        var all = await Task.WhenAll(reading);
        all.ShouldAllBe(one => one.Last!.Value.GetProperty("state").GetString() == "ended");
        foreach (var (versions, _) in all)
            Rise(versions);
        // Once everybody's line has ended only the version may rise, when the last hang-up is confirmed: a stream can end before or after
        // that.
        all.Select(one => Said(one.Last!.Value)).Distinct().Count().ShouldBe(1, "everybody sees the same end");
        foreach (var reader in readers)
            reader.Dispose();
    }

    private static string Said(JsonElement session) =>
        string.Join('\n', session.EnumerateObject().Where(property => property.Name != "version").Select(property => property.ToString()));

    [Fact]
    public async Task Who_may_not_see_the_call_may_not_follow_it()
    {
        await host.TalkAsync(Session);
        foreach (var (session, bearer, expected) in new (string, string?, HttpStatusCode)[]
        {
            (Session, null, HttpStatusCode.Unauthorized), (
                Session, "nonsense", HttpStatusCode.Unauthorized), (Session, host.TokenFor("carol"), HttpStatusCode.NotFound),
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
        await host.TalkAsync(Session);
        using var stream = await EventStream.OpenAsync(other, Session, host.TokenFor("alice"));
        (await stream.NextAsync()).ShouldNotBeNull();
        var stopping = other.DisposeAsync().AsTask();
        (await stream.ReadToEndAsync()).Last?.GetProperty("state").GetString().ShouldBe("live");
        await stopping.WaitAsync(TimeSpan.FromSeconds(10));
    }

    [Fact]
    public async Task A_quiet_stream_gives_a_sign_of_life_every_fifteen_seconds_and_ends_with_its_bearer()
    {
        var clock = new FakeTimeProvider(TimeProvider.System.GetUtcNow());
        await using var timed = await StartBesideAsync(
            builder => builder.Services.Replace(ServiceDescriptor.Singleton<TimeProvider>(clock)));
        await host.TalkAsync(Session);
        using var stream = await EventStream.OpenAsync(timed, Session, host.TokenFor("alice"));
        (await stream.NextAsync()).ShouldNotBeNull();
        for (var quiet = 0; quiet < 2; quiet++)
        {
            var began = clock.GetUtcNow();
            string? line;
            do
            {
                var reading = stream.NextLineAsync();
                while (!reading.IsCompleted)
                {
                    clock.Advance(TimeSpan.FromSeconds(1));
                    await Task.WhenAny(reading, Task.Delay(50));
                }

                line = await reading;
            }
            while (line != ": ping" && line is not null);
            line.ShouldBe(": ping");
            (clock.GetUtcNow() - began).ShouldBeGreaterThanOrEqualTo(TimeSpan.FromSeconds(14));
        }

        // The sandbox's bearers are good for a day.
        clock.Advance(TimeSpan.FromHours(23));
        var rest = stream.ReadToEndAsync();
        rest.IsCompleted.ShouldBeFalse("the bearer is good still");
        clock.Advance(TimeSpan.FromHours(2));
        (await rest).Last?.GetProperty("state").GetString().ShouldBe("live", "the call goes on; the stream alone has ended");
    }

    [Fact]
    public async Task One_bearer_has_so_many_streams_and_one_that_ends_makes_room()
    {
        await using var few = await StartBesideAsync(settings: new KeyValuePair<string, string?>("Calls:Limits:StreamsPerBearer", "2"));
        await host.TalkAsync(Session);
        var first = await EventStream.OpenAsync(few, Session, host.TokenFor("alice"));
        using var second = await EventStream.OpenAsync(few, Session, host.TokenFor("alice"));
        using (var third = await EventStream.OpenAsync(few, Session, host.TokenFor("alice")))
        {
            third.Status.ShouldBe(HttpStatusCode.TooManyRequests);
            third.Header("Retry-After").ShouldNotBeNull();
            (await third.NextLineAsync()).ShouldNotBeNull().ShouldContain("\"policy\":\"streams\"");
        }

        using (var others = await EventStream.OpenAsync(few, Session, host.TokenFor("bob")))
            others.Status.ShouldBe(HttpStatusCode.OK, "each bearer has its own");
        first.Dispose();
        await Eventually.TrueAsync(async () =>
        {
            using var again = await EventStream.OpenAsync(few, Session, host.TokenFor("alice"));
            return again.Status == HttpStatusCode.OK;
        });
    }

    [Fact]
    public async Task Events_come_from_the_embedded_Redis_too()
    {
        await using var embedded = await SandboxHost.StartAsync(new SandboxOptions());
        await embedded.Twilio.Client("alice").CallAsync("bob", Session);
        await embedded.Twilio.Client("bob").RingsAsync();
        await Eventually.TrueAsync(async () =>
            (await embedded.RestAsync(HttpMethod.Get, $"/v1/sessions/{Session}", embedded.TokenFor("alice"))).Status == HttpStatusCode.OK);
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

    /// <summary>One change after another, until there have been enough.</summary>
    private async Task ChangeAsync(CancellationToken enough, int most = int.MaxValue)
    {
        for (var i = 0; i < most && !enough.IsCancellationRequested; i++)
        {
            await host.RestAsync(HttpMethod.Patch, $"/v1/sessions/{Session}/participants/callee", host.TokenFor("alice"),
                i % 2 == 0 ? """{"muted": true}""" : """{"muted": false}""");
            await Task.Delay(20, CancellationToken.None);
        }
    }

    /// <summary>A second replica: the same Redis, the same bearers, the same emulated Twilio.</summary>
    private async Task<SandboxHost> StartBesideAsync(
        Action<WebApplicationBuilder>? configure = null, params KeyValuePair<string, string?>[] settings)
    {
        var keys = host.Services.GetRequiredService<IConfiguration>();
        return await SandboxHost.StartAsync(new SandboxOptions
        {
            RedisConnectionString = keys.GetConnectionString("Redis"),
            Settings = [.. Shared.Select(key => new KeyValuePair<string, string?>(key, keys[key])), .. settings],
            Configure = configure,
        });
    }
}
