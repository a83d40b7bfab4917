using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using Calls.Integration.Tests.Redis;
using Calls.Sandbox;
using Calls.Sandbox.Twilio;

namespace Calls.Integration.Tests.RestApi;

/// <summary>Requests that are bound to what their sender knows: <c>If-Match</c> and <c>Idempotency-Key</c>.</summary>
public sealed class ConditionalRequestsTests(RedisFixture redis) : IAsyncLifetime
{
    private const string Session = "s-42";
    private const string Phones = $"/v1/sessions/{Session}/participants";
    private const string Lawyer = """{"phoneNumber": "+15550100101", "label": "lawyer"}""";

    private static readonly HttpMessageInvoker Http = new(new SocketsHttpHandler { UseCookies = false });

    private SandboxHost host = null!;

    public async ValueTask InitializeAsync()
    {
        host = await SandboxHost.StartAsync(new SandboxOptions { RedisConnectionString = await redis.NewDatabaseAsync() });
        await host.Twilio.Client("bob").BehaveAsync(PhoneBehaviour.Answer);
        await host.Twilio.Client("alice").CallAsync("bob", Session);
        await host.Twilio.Client("bob").TalksAsync();
        await Eventually
            .TrueAsync(async () => JsonDocument.Parse((await SendAsync(HttpMethod.Get, $"/v1/sessions/{Session}")).Body).RootElement
            .GetProperty("participants").EnumerateArray().All(p => p.GetProperty("state").GetString() == "connected"));
        await host.Twilio.WaitUntilAsync(cloud =>
            cloud.Journal.OfType<WebhookSent>().Count == cloud.Journal.OfType<WebhookAnswered>().Count,
            "nothing more changes the call's version");
    }

    public ValueTask DisposeAsync() => host.DisposeAsync();

    [Fact]
    public async Task A_change_is_made_only_to_the_version_that_it_names()
    {
        foreach (var (method, path, json) in new (HttpMethod, string, string?)[]
        {
            (HttpMethod.Post, Phones, Lawyer), (HttpMethod.Patch, Phones + "/callee", """{"muted": true}"""),
            (HttpMethod.Delete, Phones + "/callee", null), (HttpMethod.Delete, $"/v1/sessions/{Session}", null),
        })
        {
            foreach (var stale in new[] { "\"1\"", "W/\"1\"", "\"1\", \"2\"", "\"no version\"" })
            {
                var (status, body, _) = await SendAsync(method, path, json, ("If-Match", stale));
                status.ShouldBe(HttpStatusCode.PreconditionFailed, $"{method} {path} {stale} {body}");
                body.ShouldContain("version-mismatch");
            }

            (await SendAsync(method, path, json, ("If-Match", "nonsense"))).Status.ShouldBe(HttpStatusCode.BadRequest);
        }

        (await host.Twilio.Phone("+15550100101").LookAsync()).Rings.ShouldBe(0);
        var etag = (await SendAsync(HttpMethod.Get, $"/v1/sessions/{Session}")).ETag!;
        (await SendAsync(HttpMethod.Post, Phones, Lawyer, ("If-Match", $"\"1\", {etag}"))).Status.ShouldBe(HttpStatusCode.Created);
        (await SendAsync(HttpMethod.Post, Phones, """{"phoneNumber": "+15550100102"}""", ("If-Match", etag))).Status.ShouldBe(
            HttpStatusCode.PreconditionFailed, "the first add made it another version");
        (await SendAsync(HttpMethod.Delete, $"/v1/sessions/{Session}", null, ("If-Match", "*"))).Status.ShouldBe(HttpStatusCode.NoContent);
    }

    [Fact]
    public async Task The_same_request_ten_times_at_once_rings_once_and_is_answered_alike()
    {
        var etag = (await SendAsync(HttpMethod.Get, $"/v1/sessions/{Session}")).ETag!;
        var answers = await Task.WhenAll(Enumerable.Range(0, 10)
            .Select(i => SendAsync(HttpMethod.Post, Phones, Lawyer, ("Idempotency-Key", i % 2 == 0 ? "key-1" : "\"key-1\""),
            ("If-Match", etag))));
        var served = answers.Select(a => (a.Status, a.Body)).Distinct().ShouldHaveSingleItem();
        served.Status.ShouldBe(HttpStatusCode.Created);
        await host.Twilio.Phone("+15550100101").RingsAsync();
        await host.Twilio.Phone("+15550100101").DeclineAsync();
        await host.Twilio.Phone("+15550100101").IsIdleAsync();
        (await SendAsync(HttpMethod.Post, Phones, Lawyer, ("Idempotency-Key", "key-1"))).Body.ShouldBe(served.Body, "long after");
        (await host.Twilio.Phone("+15550100101").LookAsync()).Rings.ShouldBe(1);
        (await SendAsync(HttpMethod.Post, Phones, """{"phoneNumber": "+15550100102"}""", ("Idempotency-Key", "key-1"))).Status.ShouldBe(
            HttpStatusCode.UnprocessableEntity);
        (await host.RestAsync(HttpMethod.Post, Phones, host.TokenFor("bob"), """{"phoneNumber": "+15550100103"}""", "key-1")).Status
            .ShouldBe(HttpStatusCode.Created, "bob's key is not alice's");
    }

    [Theory]
    [InlineData(Phones, Lawyer)]
    [InlineData("/addUser", $$"""{"PhoneNumber": "+15550100101", "SessionID": "{{Session}}"}""")]
    public async Task While_the_first_waits_for_Twilio_the_same_request_is_told_so_and_then_gets_its_answer(string path, string body)
    {
        using var slow = host.Twilio.Faults.Add(new RestFault
        {
            Operation = RestOperation.CreateParticipant,
            MinLatency = TimeSpan.FromSeconds(3),
            MaxLatency = TimeSpan.FromSeconds(3)
        });
        // Else the leg's own callback tells of it before Twilio's answer does.
        using var silent = host.Twilio.Faults.Add(new WebhookFault { Kind = WebhookKind.CallStatus, Drop = true });
        var first = SendAsync(HttpMethod.Post, path, body, ("Idempotency-Key", "key-1"));
        await host.Twilio.WaitForEntryAsync<RestRequested>(
            asked => asked.Operation == RestOperation.CreateParticipant, TimeSpan.FromSeconds(15));
        var second = await SendAsync(HttpMethod.Post, path, body, ("Idempotency-Key", "key-1"));
        second.Status.ShouldBe(HttpStatusCode.Conflict, second.Body);
        second.Body.ShouldContain("request-in-progress");
        var (status, answer, _) = await first;
        status.ShouldBeOneOf(HttpStatusCode.Created, HttpStatusCode.OK);
        var third = await SendAsync(HttpMethod.Post, path, body, ("Idempotency-Key", "key-1"));
        (third.Status, third.Body).ShouldBe((status, answer));
        await host.Twilio.Phone("+15550100101").RingsAsync();
        (await host.Twilio.Phone("+15550100101").LookAsync()).Rings.ShouldBe(1);
    }

    [Theory]
    [InlineData("")]
    [InlineData("\"\"")]
    [InlineData("\"unfinished")]
    [InlineData("a b")]
    [InlineData("a, b")]
    [InlineData("\"a\", \"b\"")]
    [InlineData("\"a\\x\"")]
    public async Task A_key_that_is_none_is_a_400_and_rings_nobody(string key)
    {
        (await SendAsync(HttpMethod.Post, Phones, Lawyer, ("Idempotency-Key", key))).Status.ShouldBe(HttpStatusCode.BadRequest);
        (await host.Twilio.Phone("+15550100101").LookAsync()).Rings.ShouldBe(0);
    }

    [Fact]
    public async Task Twenty_phones_that_are_added_at_once_all_ring_once()
    {
        var answers = await Task.WhenAll(Enumerable.Range(0, 20).Select(i =>
            SendAsync(
                HttpMethod.Post, Phones, string.Create(CultureInfo.InvariantCulture, $$"""{"phoneNumber": "+155501001{{i + 10}}"}"""))));
        answers.ShouldAllBe(a => a.Status == HttpStatusCode.Created || a.Status == HttpStatusCode.Accepted,
            string.Join("\n", answers.Select(a => a.Body).Distinct()));
        for (var i = 0; i < 20; i++)
        {
            var phone = host.Twilio.Phone(string.Create(CultureInfo.InvariantCulture, $"+155501001{i + 10}"));
            await phone.RingsAsync();
            (await phone.LookAsync()).Rings.ShouldBe(1);
        }
    }

    private async Task<(HttpStatusCode Status, string Body, string? ETag)> SendAsync(
        HttpMethod method, string path, string? json = null, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(method, new Uri(host.Address, path));
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", host.TokenFor("alice"));
        foreach (var (name, value) in headers)
            request.Headers.TryAddWithoutValidation(name, value);
        if (json is not null)
            request.Content = new StringContent(json, System.Text.Encoding.UTF8, "application/json");
        using var response = await Http.SendAsync(request, TestContext.Current.CancellationToken);
        return (response.StatusCode, await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken),
            response.Headers.ETag?.ToString());
    }
}
