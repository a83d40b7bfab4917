using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using Calls.Integration.Tests.EndToEnd;
using Calls.Integration.Tests.Redis;
using Calls.Sandbox;
using Calls.Sandbox.Twilio;

namespace Calls.Integration.Tests.RestApi;

/// <summary>What one person may use up, and what whoever asks too much is told.</summary>
public sealed class LimitsTests(RedisFixture redis)
{
    private static readonly HttpMessageInvoker Http = new(new SocketsHttpHandler { UseCookies = false });

    [Fact]
    public async Task Only_phones_that_were_added_count_and_the_hour_is_over_all_of_a_persons_calls()
    {
        await using var host = await StartAsync(("Calls:Dialing:PerIdentityPerHour", "3"));
        foreach (var session in new[] { "one", "two" })
        {
            await host.Twilio.Client("alice").CallAsync("bob" + session, session);
            await host.Twilio.Client("bob" + session).RingsAsync();
        }

        (await host.AddPhoneAsync("one", "alice", "+15550100101")).Status.ShouldBeOneOf(HttpStatusCode.Created, HttpStatusCode.Accepted);
        (await host.AddPhoneAsync("one", "alice", "+15550100101")).Status.ShouldBe(HttpStatusCode.Conflict);
        (await host.AddPhoneAsync("one", "alice", "+41791234567")).Status.ShouldBe(HttpStatusCode.Forbidden);
        var answers = await Task.WhenAll(
            Enumerable.Range(2, 8).Select(i => host.AddPhoneAsync(i % 2 == 0 ? "one" : "two", "alice", $"+1555010010{i}")));
        answers.Count(
            a => a.Status is HttpStatusCode.Created or HttpStatusCode.Accepted).ShouldBe(2, string.Join("\n", answers.Select(a => a.Body)));
        answers.Count(a => a.Status == HttpStatusCode.TooManyRequests).ShouldBe(6);

        using var refused = await SendAsync(
            host, HttpMethod.Post, "/v1/sessions/one/participants", host.TokenFor("alice"), """{"phoneNumber": "+15550100110"}""");
        refused.StatusCode.ShouldBe(HttpStatusCode.TooManyRequests);
        refused.Headers.RetryAfter!.Delta!.Value.ShouldBeInRange(TimeSpan.FromMinutes(50), TimeSpan.FromHours(1));
        (await refused.Content.ReadAsStringAsync()).ShouldContain("too-many-adds");
        (await host.AddPhoneAsync("one", "bobone", "+15550100111")).Status.ShouldBeOneOf(HttpStatusCode.Created, HttpStatusCode.Accepted);
    }

    [Fact]
    public async Task Each_operator_has_an_own_quota_and_own_idempotency_keys_also_without_a_client_identity()
    {
        await using var host = await StartAsync(("Calls:Dialing:PerIdentityPerHour", "1"));
        await host.Twilio.Client("alice").CallAsync("bob", "one");
        await host.Twilio.Client("bob").RingsAsync();
        HashSet<string> guests = new(StringComparer.Ordinal);
        var i = 0;
        string[] bearers =
        [
            host.TokenFor("oliver example", "calls.operate"), host.TokenFor("olga example", "calls.operate"),
            host.TokenFor("client_id:backend", "calls.operate"), host.BearerWith(("client_id", "backend"), ("scope", "calls.operate")),
            host.BearerWith(("azp", "backend"), ("scope", "calls.operate")), host.BearerWith(("scope", "calls.operate")),
        ];
        foreach (var bearer in bearers)
        {
            i++;
            var phone = $$"""{"phoneNumber": "+1555010010{{i}}"}""";
            for (var repeat = 0; repeat < 2; repeat++)
            {
                var (status, body) = await host.RestAsync(HttpMethod.Post, "/v1/sessions/one/participants", bearer, phone, "the-same-key");
                status.ShouldBeOneOf(HttpStatusCode.Created, HttpStatusCode.Accepted);
                guests.Add(JsonDocument.Parse(body).RootElement.GetProperty("id").GetString()!).ShouldBe(repeat == 0);
            }

            (await host.RestAsync(HttpMethod.Post, "/v1/sessions/one/participants", bearer, """{"phoneNumber": "+15550100199"}""")).Status
                .ShouldBe(HttpStatusCode.TooManyRequests, "one phone an hour");
        }
    }

    [Fact]
    public async Task One_person_has_so_many_calls_at_once_and_a_call_that_ends_makes_room()
    {
        await using var host = await StartAsync(("Calls:MaxSessionsPerIdentity", "2"));
        for (var i = 0; i < 3; i++)
            (await VoiceAsync(host, i)).ShouldContain(i < 2 ? "<Conference" : "too many calls at once");
        (await VoiceAsync(host, 1)).ShouldContain("<Conference", Case.Sensitive, "the same voice webhook again");
        (await host.RestAsync(HttpMethod.Delete, "/v1/sessions/place-0", host.TokenFor("alice"))).Status.ShouldBe(HttpStatusCode.NoContent);
        (await VoiceAsync(host, 3)).ShouldContain("<Conference");
        (await host.Twilio.Client("bob2").LookAsync()).Rings.ShouldBe(0);
    }

    [Fact]
    public async Task Too_many_requests_of_one_bearer_are_told_when_to_come_back_and_others_are_served()
    {
        await using var host = await StartAsync(("Calls:Limits:Burst", "5"), ("Calls:Limits:RequestsPerSecond", "1"));
        List<HttpStatusCode> statuses = [];
        for (var i = 0; i < 8; i++)
        {
            using var response = await SendAsync(host, HttpMethod.Get, "/v1/sessions/none", host.TokenFor("alice"));
            statuses.Add(response.StatusCode);
            response.Headers.GetValues("RateLimit-Policy").Single().ShouldBe("\"requests\";q=5;w=5");
            response.Headers.GetValues("RateLimit").Single().ShouldMatch("^\"requests\";r=[0-5];t=[0-5]$");
            if (response.StatusCode != HttpStatusCode.TooManyRequests)
                continue;
            response.Headers.RetryAfter!.Delta.ShouldBe(TimeSpan.FromSeconds(1));
            var problem = JsonDocument.Parse(await response.Content.ReadAsStringAsync()).RootElement;
            problem.GetProperty("code").GetString().ShouldBe("too-many-requests");
            problem.GetProperty("policy").GetString().ShouldBe("requests");
        }

        statuses.Take(5).ShouldAllBe(status => status == HttpStatusCode.NotFound);
        statuses.ShouldContain(HttpStatusCode.TooManyRequests);
        (await host.RestAsync(HttpMethod.Get, "/v1/sessions/none", host.TokenFor("bob"))).Status.ShouldBe(HttpStatusCode.NotFound);
        (await host.RestAsync(HttpMethod.Get, "/healthz/live", null)).Status.ShouldBe(HttpStatusCode.OK);
    }

    [Fact]
    public async Task Calls_to_phones_and_added_phones_draw_on_one_quota_and_a_repeated_webhook_takes_nothing()
    {
        await using var host = await StartAsync(("Calls:Dialing:PerIdentityPerHour", "3"));
        await host.Twilio.Client("alice").CallAsync("bob", "one");
        await host.Twilio.Client("bob").RingsAsync();
        for (var i = 1; i <= 2; i++)
            foreach (var _ in Enumerable.Range(0, 3))
                (await VoiceAsync(host, i, $"+1555010010{i}")).ShouldContain("<Conference");
        (await host.AddPhoneAsync("one", "alice", "+15550100103")).Status.ShouldBeOneOf(HttpStatusCode.Created, HttpStatusCode.Accepted);
        (await VoiceAsync(host, 4, "+15550100104")).ShouldContain("the hourly limit of calls to phones");
        var (status, body) = await host.AddPhoneAsync("one", "alice", "+15550100105");
        (status, body.Contains("too-many-adds", StringComparison.Ordinal)).ShouldBe((HttpStatusCode.TooManyRequests, true));
        (await VoiceAsync(host, 6)).ShouldContain("<Conference", Case.Sensitive, "app users are still called");
        (await VoiceAsync(host, 7, "+15550100107", "carol")).ShouldContain("<Conference", Case.Sensitive, "another person");
    }

    [Fact]
    public async Task A_hundred_and_fifty_calls_to_phones_at_once_ring_as_many_phones_as_an_hour_allows()
    {
        await using var host = await StartAsync(("Calls:MaxSessionsPerIdentity", "1000"));
        var answers = await Task.WhenAll(Enumerable.Range(0, 150).Select(i => VoiceAsync(host, i, $"+1555010{i:d4}")));
        answers.Count(answer => answer.Contains("<Conference", StringComparison.Ordinal)).ShouldBe(120);
        answers.Count(answer => answer.Contains("the hourly limit of calls to phones", StringComparison.Ordinal)).ShouldBe(30);
    }

    [Fact]
    public async Task One_person_places_so_many_calls_in_an_hour_also_to_app_users()
    {
        await using var host = await StartAsync(("Calls:StartsPerIdentityPerHour", "2"));
        for (var i = 0; i < 4; i++)
            (await VoiceAsync(host, i)).ShouldContain(i < 2 ? "<Conference" : "the hourly limit of calls.");
        (await VoiceAsync(host, 1)).ShouldContain("<Conference", Case.Sensitive, "the same voice webhook again");
        (await VoiceAsync(host, 5, caller: "carol")).ShouldContain("<Conference");
    }

    /// <summary>A refused call takes nothing of the other limits.</summary>
    [Fact]
    public async Task A_region_and_the_whole_service_have_their_limits()
    {
        await using var host = await StartAsync(
            ("Calls:Dialing:PerRegionPerHour", "2"), ("Calls:Dialing:PerHour", "3"), ("Calls:Dialing:PerIdentityPerHour", "3"));
        for (var i = 0; i < 5; i++)
            (await VoiceAsync(host, i, $"+1202555012{i}")).ShouldContain(i < 2 ? "<Conference" : "limit of calls to this country");
        (await VoiceAsync(host, 6, "+15550100106")).ShouldContain("<Conference", Case.Sensitive, "of no region, and the third");
        (await VoiceAsync(host, 7, "+15550100107", "carol")).ShouldContain("The hourly limit of calls to phones is reached");
        await host.Twilio.Client("carol").CallAsync("bob", "one");
        await host.Twilio.Client("bob").RingsAsync();
        using var refused = await SendAsync(
            host, HttpMethod.Post, "/v1/sessions/one/participants", host.TokenFor("carol"), """{"phoneNumber": "+15550100110"}""");
        refused.StatusCode.ShouldBe(HttpStatusCode.TooManyRequests);
        refused.Headers.RetryAfter!.Delta!.Value.ShouldBeInRange(TimeSpan.FromMinutes(50), TimeSpan.FromHours(1));
        (await refused.Content.ReadAsStringAsync()).ShouldContain("too-many-phones");
    }

    [Fact]
    public async Task Unsigned_webhooks_of_one_address_are_limited_and_signed_ones_never()
    {
        await using var host = await StartAsync(("Calls:Limits:UnsignedPerMinute", "3"));
        var url = new Uri(host.Address, "/twilio/wait");
        for (var i = 0; i < 6; i++)
            (await HostExtensions.SendAsync(HttpMethod.Get, url, "AAAA")).Status.ShouldBe(
                i < 3 ? HttpStatusCode.Forbidden : HttpStatusCode.TooManyRequests);
        for (var i = 0; i < 6; i++)
            (await HostExtensions.SendAsync(HttpMethod.Get, url, Signer.Sign(host.Twilio.Options.AuthToken, url, []))).Status
                .ShouldBe(HttpStatusCode.OK);
    }

    private static async Task<string> VoiceAsync(SandboxHost host, int i, string? to = null, string caller = "alice") =>
        (await host.SignedAsync(
            "/twilio/voice", ("CallSid", string.Create(CultureInfo.InvariantCulture, $"CA{i:d32}")), ("From", "client:" + caller),
            ("To", to ?? $"bob{i}"), ("SessionID", $"place-{i}"))).Body;

    private static async Task<HttpResponseMessage> SendAsync(
        SandboxHost host, HttpMethod method, string path, string bearer, string? json = null)
    {
        using var request = new HttpRequestMessage(method, new Uri(host.Address, path));
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", bearer);
        if (json is not null)
            request.Content = new StringContent(json, System.Text.Encoding.UTF8, "application/json");
        return await Http.SendAsync(request, TestContext.Current.CancellationToken);
    }

    private async Task<SandboxHost> StartAsync(params (string Key, string Value)[] settings) =>
        await SandboxHost.StartAsync(new SandboxOptions
        {
            RedisConnectionString = await redis.NewDatabaseAsync(),
            Settings = [.. settings.Select(s => new KeyValuePair<string, string?>(s.Key, s.Value))],
        });
}
