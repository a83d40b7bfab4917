using System.Globalization;
using System.Net;
using System.Text.Json;
using Calls.Integration.Tests.EndToEnd;
using Calls.Integration.Tests.Redis;
using Calls.Sandbox;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using StackExchange.Redis;

namespace Calls.Integration.Tests.RestApi;

/// <summary>The list of a person's own calls, through two replicas on one Redis.</summary>
public sealed class OwnSessionsTests(RedisFixture redis) : IAsyncLifetime
{
    private static readonly string[] Shared =
    [
        "PublicBaseUrl", "Twilio:Client:ApiBaseUrl", "Authentication:Schemes:Bearer:SigningKeys:0:Value", "Calls:MaxSessionsPerIdentity",
        "Calls:ReviewInterval",
    ];

    private SandboxHost host = null!;
    private SandboxHost other = null!;

    public async ValueTask InitializeAsync()
    {
        host = await SandboxHost.StartAsync(new SandboxOptions
        {
            RedisConnectionString = await redis.NewDatabaseAsync(),
            Settings = [new("Calls:MaxSessionsPerIdentity", "100"), new("Calls:ReviewInterval", "00:00:02")],
        });
        var keys = host.Services.GetRequiredService<IConfiguration>();
        other = await SandboxHost.StartAsync(new SandboxOptions
        {
            RedisConnectionString = keys.GetConnectionString("Redis"),
            Settings = [.. Shared.Select(key => new KeyValuePair<string, string?>(key, keys[key]))],
        });
    }

    public async ValueTask DisposeAsync()
    {
        await other.DisposeAsync();
        await host.DisposeAsync();
    }

    [Fact]
    public async Task Live_and_ended_calls_are_listed_the_newest_first_in_pages_for_the_caller_and_for_the_callee()
    {
        List<string> live = [], ended = [];
        for (var i = 0; i < 12; i++)
        {
            var id = string.Create(CultureInfo.InvariantCulture, $"own-{i}");
            await VoiceAsync(id, i);
            if (i % 3 == 0)
                (await host.RestAsync(HttpMethod.Delete, $"/v1/sessions/{id}", host.TokenFor("alice"))).Status
                    .ShouldBe(HttpStatusCode.NoContent);
            (i % 3 == 0 ? ended : live).Insert(0, id);
        }

        foreach (var (at, person) in new[] { (host, "alice"), (other, "alice"), (other, "bob") })
            foreach (var limit in new[] { 1, 3, 200 })
            {
                (await ListAsync(at, person, "live", limit)).ShouldBe(live);
                (await ListAsync(at, person, "ended", limit)).ShouldBe(ended);
            }

        (await ListAsync(other, "carol", "live", 10)).ShouldBeEmpty();
        (await ListAsync(other, "Alice", "live", 10)).ShouldBeEmpty();
    }

    [Fact]
    public async Task An_entry_that_was_lost_comes_back_with_the_next_review_and_every_entry_expires()
    {
        await host.Twilio.Client("alice").CallAsync("bob", "lost");
        await host.Twilio.Client("bob").RingsAsync();
        (await ListAsync(other, "bob", "live", 10)).ShouldBe(["lost"]);
        var database = host.Services.GetRequiredService<IConnectionMultiplexer>().GetDatabase();
        foreach (var index in Indexes())
        {
            var life = (await database.KeyTimeToLiveAsync(index)).ShouldNotBeNull();
            life.ShouldBeInRange(TimeSpan.FromHours(24), TimeSpan.FromHours(26));
            index.ToString().ShouldNotContain("alice");
            await database.KeyDeleteAsync(index);
        }

        (await ListAsync(other, "bob", "live", 10)).ShouldBeEmpty();
        await Eventually.TrueAsync(async () => (await ListAsync(other, "bob", "live", 10)) is ["lost"]);
        await Eventually.TrueAsync(async () => (await ListAsync(other, "alice", "live", 10)) is ["lost"]);

        await database.KeyDeleteAsync(Sessions().ToArray());
        (await ListAsync(other, "alice", "live", 10)).ShouldBeEmpty("the session has expired");

        IEnumerable<RedisKey> Indexes() => Server().Keys(database.Database, "calls:own:*").ToList();
        IEnumerable<RedisKey> Sessions() => Server().Keys(database.Database, "calls:*session:lost").ToList();
        IServer Server() => database.Multiplexer.GetServers().Single();
    }

    [Fact]
    public async Task Bad_parameters_and_bearers_without_an_identity_are_told_so()
    {
        foreach (var query in new[] { "", "?state=", "?state=LIVE", "?state=live&limit=0", "?state=ended&limit=201", "?state=live&limit=x",
            "?state=live&cursor=%00", "?state=live&cursor=!!", "?state=live&cursor=AAAA", "?state=live&cursor=" })
            (await host.RestAsync(HttpMethod.Get, "/v1/me/sessions" + query, host.TokenFor("alice"))).Status
                .ShouldBe(HttpStatusCode.BadRequest, query);
        (await host.RestAsync(HttpMethod.Get, "/v1/me/sessions?state=live", null)).Status.ShouldBe(HttpStatusCode.Unauthorized);
        var (status, body) = await host.RestAsync(HttpMethod.Get, "/v1/me/sessions?state=live", host.TokenFor("no identity"));
        status.ShouldBe(HttpStatusCode.Forbidden);
        body.ShouldContain("no-identity");
    }

    private async Task VoiceAsync(string id, int i) => (await host.SignedAsync("/twilio/voice",
        ("CallSid", string.Create(CultureInfo.InvariantCulture, $"CA{i:d32}")), ("From", "client:alice"), ("To", "bob"), ("SessionID", id)))
        .Body.ShouldContain("<Conference");

    /// <summary>All pages of a list.</summary>
    private async Task<List<string>> ListAsync(SandboxHost at, string person, string state, int limit)
    {
        List<string> ids = [];
        for (string? cursor = ""; cursor is not null;)
        {
            var next = cursor.Length > 0 ? "&cursor=" + cursor : "";
            var (status, body) = await at.RestAsync(
                HttpMethod.Get, string.Create(CultureInfo.InvariantCulture, $"/v1/me/sessions?state={state}&limit={limit}{next}"),
                host.TokenFor(person));
            status.ShouldBe(HttpStatusCode.OK, body);
            var page = JsonDocument.Parse(body).RootElement;
            page.GetProperty("sessions").GetArrayLength().ShouldBeLessThanOrEqualTo(limit);
            ids.AddRange(page.GetProperty("sessions").EnumerateArray().Select(session => session.GetProperty("sessionId").GetString()!));
            cursor = page.GetProperty("next").GetString();
        }

        return ids;
    }
}
