using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Calls.Api.ErrorHandling;
using Calls.Integration.Tests.Redis;
using Calls.Sandbox;

namespace Calls.Integration.Tests.RestApi;

/// <summary>Every error has a type and a code, also one that no code of ours has answered.</summary>
public sealed partial class ProblemsTests(RedisFixture redis) : IAsyncLifetime
{
    private static readonly HttpMessageInvoker Http = new(new SocketsHttpHandler { UseCookies = false });

    private SandboxHost host = null!;

    public async ValueTask InitializeAsync() =>
        host = await SandboxHost.StartAsync(new SandboxOptions { RedisConnectionString = await redis.NewDatabaseAsync() });

    public ValueTask DisposeAsync() => host.DisposeAsync();

    [Theory]
    [InlineData("GET", "/v1/sessions/s-42", false, null, null, 401, "unauthenticated")]
    [InlineData("GET", "/v1/sessions/s-42/events", false, null, null, 401, "unauthenticated")]
    [InlineData("GET", "/v1/sessions/s-42/events", true, null, null, 404, "no-such-session")]
    [InlineData("GET", "/v1/no-such-route", true, null, null, 404, "no-such-route")]
    [InlineData("GET", "/", false, null, null, 404, "no-such-route")]
    [InlineData("PUT", "/v1/sessions/s-42", true, null, null, 405, "method-not-allowed")]
    [InlineData("POST", "/v1/sessions/s-42/participants", true, "{", "application/json", 400, "malformed-body")]
    [InlineData("POST", "/v1/sessions/s-42/participants", true, """{"phoneNumber": 1}""", "application/json", 400, "malformed-body")]
    [InlineData("POST", "/v1/sessions/s-42/participants", true, "{}", "application/json", 400, "invalid-request")]
    [InlineData("POST", "/v1/sessions/s-42/participants", true, "{}", "text/plain", 415, "unsupported-media-type")]
    [InlineData("POST", "/v1/tokens", true, """{"platform": "windows"}""", "application/json", 400, "invalid-request")]
    [InlineData("POST", "/addUser", false, "{}", "application/json", 401, "unauthenticated")]
    public async Task An_error_has_a_type_a_code_and_a_trace_whatever_the_client_accepts(
        string method, string path, bool hasBearer, string? body, string? contentType, int status, string code)
    {
        foreach (var accepted in new[] { null, "application/json", "text/event-stream", "image/png" })
        {
            using var request = new HttpRequestMessage(new HttpMethod(method), new Uri(host.Address, path));
            if (hasBearer)
                request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", host.TokenFor("alice"));
            if (accepted is not null)
                request.Headers.Accept.ParseAdd(accepted);
            if (body is not null)
                request.Content = new StringContent(body, Encoding.UTF8, contentType!);
            using var response = await Http.SendAsync(request, TestContext.Current.CancellationToken);
            ((int)response.StatusCode).ShouldBe(status, accepted);
            response.Content.Headers.ContentType!.MediaType.ShouldBe("application/problem+json", accepted);
            var problem = JsonDocument.Parse(await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken)).RootElement;
            problem.GetProperty("status").GetInt32().ShouldBe(status);
            problem.GetProperty("code").GetString().ShouldBe(code);
            problem.GetProperty("type").GetString().ShouldBe("urn:calls:problem:" + code);
            foreach (var text in new[] { "title", "detail", "traceId" })
                problem.GetProperty(text).GetString().ShouldNotBeNullOrEmpty(text);
        }
    }

    [Fact]
    public async Task A_body_that_is_too_large()
    {
        var json = $$"""{"phoneNumber": "{{new string('1', 70_000)}}"}""";
        var (status, body) = await host.RestAsync(HttpMethod.Post, "/v1/sessions/s-42/participants", host.TokenFor("alice"), json);
        status.ShouldBe(HttpStatusCode.RequestEntityTooLarge);
        JsonDocument.Parse(body).RootElement.GetProperty("code").GetString().ShouldBe("body-too-large");
    }

    [Fact]
    public async Task The_catalogue_the_page_and_the_code_have_the_same_problems()
    {
        var cancellationToken = TestContext.Current.CancellationToken;
        var catalogue = ProblemCatalogue.All.Select(problem => $"| `{problem.Code}` | {problem.Status} | {problem.Meaning} |");
        var page = await File.ReadAllLinesAsync(Path.Combine(Repository.Root, "docs", "problems.md"), cancellationToken);
        page.Where(line => line.StartsWith("| `", StringComparison.Ordinal)).ShouldBe(catalogue);

        HashSet<string> inCode = new(StringComparer.Ordinal);
        foreach (var file in Directory.EnumerateFiles(Path.Combine(Repository.Root, "src", "Api"), "*.cs", SearchOption.AllDirectories)
            .Where(file => !file.Contains("/obj/", StringComparison.Ordinal) && !file.EndsWith("Catalogue.cs", StringComparison.Ordinal)))
            foreach (Match match in Coded().Matches(await File.ReadAllTextAsync(file, cancellationToken)))
                inCode.Add($"{match.Groups["code"]} {match.Groups["status"]}");
        inCode.Count.ShouldBeGreaterThan(20);
        inCode.Except(ProblemCatalogue.All.Select(problem => $"{problem.Code} {problem.Status}")).ShouldBeEmpty();
    }

    [GeneratedRegex("""Of\(\s*(?<status>\d{3}),\s*"(?<code>[a-z-]+)",""", RegexOptions.None, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Coded();
}
