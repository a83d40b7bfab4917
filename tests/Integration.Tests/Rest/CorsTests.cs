using System.Net;
using System.Net.Http.Headers;
using Calls.Integration.Tests.EndToEnd;
using Calls.Integration.Tests.Redis;
using Calls.Sandbox;

namespace Calls.Integration.Tests.RestApi;

/// <summary>A page of an allowed origin uses REST from a browser. The requests are those that a browser sends.</summary>
public sealed class CorsTests(RedisFixture redis)
{
    private const string Page = "https://app.example.com";
    private static readonly HttpMessageInvoker Http = new(new SocketsHttpHandler { UseCookies = false });

    [Theory]
    [InlineData("POST", "/v1/sessions/s-42/participants", "authorization,content-type,idempotency-key,if-match")]
    [InlineData("PATCH", "/v1/sessions/s-42/participants/callee", "authorization,content-type")]
    [InlineData("DELETE", "/v1/sessions/s-42", "authorization")]
    [InlineData("GET", "/v1/sessions/s-42/events", "authorization,last-event-id")]
    [InlineData("POST", "/v1/tokens", "authorization")]
    [InlineData("POST", "/addUser", "authorization,content-type")]
    public async Task A_preflight_of_an_allowed_page_is_granted_without_a_bearer(string method, string path, string headers)
    {
        await using var host = await StartAsync(Page, "http://localhost:5173");
        foreach (var origin in new[] { Page, "http://localhost:5173" })
        {
            using var answer = await PreflightAsync(host, origin, method, path, headers);
            answer.StatusCode.ShouldBe(HttpStatusCode.NoContent);
            Header(answer, "Access-Control-Allow-Origin").ShouldBe(origin);
            Header(answer, "Access-Control-Allow-Methods").Split(',').ShouldContain(method);
            var allowed = Header(answer, "Access-Control-Allow-Headers").Split(',').Select(name => name.ToLowerInvariant()).ToList();
            headers.Split(',').Except(allowed).ShouldBeEmpty();
            Header(answer, "Access-Control-Max-Age").ShouldBe("7200");
            answer.Headers.Contains("Access-Control-Allow-Credentials").ShouldBeFalse("the service reads no cookie");
        }
    }

    [Theory]
    [InlineData("https://evil.example.com")]
    [InlineData("https://app.example.com.evil.example")]
    [InlineData("http://app.example.com")]
    [InlineData("https://app.example.com:8443")]
    [InlineData("null")]
    public async Task Another_page_is_not_admitted(string origin)
    {
        await using var host = await StartAsync(Page);
        using var preflight = await PreflightAsync(host, origin, "DELETE", "/v1/sessions/s-42", "authorization");
        preflight.Headers.Contains("Access-Control-Allow-Origin").ShouldBeFalse();
        using var answer = await SendAsync(host, HttpMethod.Get, origin, "/v1/sessions/s-42", host.TokenFor("alice"));
        answer.Headers.Contains("Access-Control-Allow-Origin").ShouldBeFalse();
    }

    [Fact]
    public async Task Without_the_key_no_page_is_admitted()
    {
        await using var host = await StartAsync();
        using var preflight = await PreflightAsync(host, Page, "GET", "/v1/sessions/s-42", "authorization");
        preflight.StatusCode.ShouldBe(HttpStatusCode.MethodNotAllowed);
        preflight.Headers.Contains("Access-Control-Allow-Origin").ShouldBeFalse();
    }

    [Fact]
    public async Task A_page_can_read_each_answer_and_the_headers_that_it_needs()
    {
        await using var host = await StartAsync(Page);
        await host.TalkAsync("s-42");
        (string Path, string? Bearer, HttpStatusCode Status, string[] Headers)[] answers =
        [
            ("/v1/sessions/s-42", host.TokenFor("alice"), HttpStatusCode.OK, ["ETag", "RateLimit", "RateLimit-Policy"]),
            ("/v1/sessions/s-42", null, HttpStatusCode.Unauthorized, ["WWW-Authenticate", "RateLimit"]),
            ("/v1/sessions/none", host.TokenFor("alice"), HttpStatusCode.NotFound, ["RateLimit"]),
            ("/v1/no-such-route", host.TokenFor("alice"), HttpStatusCode.NotFound, []),
        ];
        foreach (var (path, bearer, status, headers) in answers)
        {
            using var answer = await SendAsync(host, HttpMethod.Get, Page, path, bearer);
            answer.StatusCode.ShouldBe(status, path);
            Header(answer, "Access-Control-Allow-Origin").ShouldBe(Page, path);
            var exposed = Header(answer, "Access-Control-Expose-Headers").Split(',').ToHashSet(StringComparer.OrdinalIgnoreCase);
            exposed.IsSupersetOf(["ETag", "Location", "Retry-After", "RateLimit", "RateLimit-Policy"]).ShouldBeTrue(path);
            headers.Where(header => !exposed.Contains(header) || !answer.Headers.Contains(header)).ShouldBeEmpty(path);
        }
    }

    [Fact]
    public async Task Webhooks_and_health_are_for_no_page()
    {
        await using var host = await StartAsync(Page);
        foreach (var path in new[] { "/twilio/voice", "/healthz/ready", "/openapi/v1.json" })
        {
            using var answer = await SendAsync(host, HttpMethod.Get, Page, path, null);
            answer.Headers.Contains("Access-Control-Allow-Origin").ShouldBeFalse(path);
        }
    }

    private async Task<SandboxHost> StartAsync(params string[] origins) => await SandboxHost.StartAsync(new SandboxOptions
    {
        RedisConnectionString = await redis.NewDatabaseAsync(),
        Settings = [.. origins.Select((origin, index) => KeyValuePair.Create($"Calls:Cors:AllowedOrigins:{index}", (string?)origin))],
    });

    private static Task<HttpResponseMessage> PreflightAsync(SandboxHost host, string origin, string method, string path, string headers) =>
        SendAsync(host, HttpMethod.Options, origin, path, null,
            ("Access-Control-Request-Method", method), ("Access-Control-Request-Headers", headers));

    private static async Task<HttpResponseMessage> SendAsync(
        SandboxHost host, HttpMethod method, string origin, string path, string? bearer, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(method, new Uri(host.Address, path));
        request.Headers.Add("Origin", origin);
        if (bearer is not null)
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", bearer);
        foreach (var (name, value) in headers)
            request.Headers.Add(name, value);
        return await Http.SendAsync(request, TestContext.Current.CancellationToken);
    }

    private static string Header(HttpResponseMessage answer, string name) =>
        answer.Headers.TryGetValues(name, out var values) ? string.Join(',', values) : "";
}
