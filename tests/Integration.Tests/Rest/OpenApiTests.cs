using System.Net;
using System.Text.Json;
using Calls.Integration.Tests.Redis;
using Calls.Sandbox;

namespace Calls.Integration.Tests.RestApi;

/// <summary>The description of the REST API is a file of this repository, so that a change of the contract is seen in review.</summary>
/// <remarks>To rewrite it: <c>CALLS_WRITE_OPENAPI=1 dotnet test tests/Integration.Tests --filter OpenApiTests</c>.</remarks>
public sealed class OpenApiTests(RedisFixture redis)
{
    private static readonly JsonSerializerOptions Indented =
        new() { WriteIndented = true, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    [Fact]
    public async Task The_committed_document_is_the_one_that_is_served()
    {
        await using var host = await SandboxHost.StartAsync(new SandboxOptions { RedisConnectionString = await redis.NewDatabaseAsync() });
        var (status, body) = await host.RestAsync(HttpMethod.Get, "/openapi/v1.json", null);
        status.ShouldBe(HttpStatusCode.OK);
        var served = JsonSerializer.Serialize(JsonDocument.Parse(body), Indented).ReplaceLineEndings("\n") + "\n";
        var file = Path.Combine(Repository.Root, "docs", "openapi.json");
        if (Environment.GetEnvironmentVariable("CALLS_WRITE_OPENAPI") == "1")
            await File.WriteAllTextAsync(file, served);
        File.Exists(file).ShouldBeTrue();
        (await File.ReadAllTextAsync(file)).ShouldBe(served,
        "the contract has changed; if it was meant to: CALLS_WRITE_OPENAPI=1 dotnet test tests/Integration.Tests --filter OpenApiTests");

        var document = JsonDocument.Parse(served).RootElement;
        document.GetProperty("paths").EnumerateObject().Select(path => path.Name).ShouldBe(
            ["/v1/tokens", "/v1/me/sessions", "/v1/sessions", "/v1/sessions/{sessionId}", "/v1/sessions/{sessionId}/participants",
                "/v1/sessions/{sessionId}/participants/{participantId}", "/v1/sessions/{sessionId}/events"], ignoreOrder: true);
        document.GetProperty("openapi").GetString().ShouldNotBeNull().ShouldStartWith("3.1.");
        document.GetProperty("security").GetArrayLength().ShouldBe(1);
        document.GetProperty("components").GetProperty("securitySchemes").GetProperty("bearer").GetProperty("scheme").GetString()
            .ShouldBe("bearer");
        foreach (var operation in document.GetProperty("paths").EnumerateObject().SelectMany(path => path.Value.EnumerateObject())
            .Select(method => method.Value))
        {
            var (id, responses) = (operation.GetProperty("operationId").GetString(), operation.GetProperty("responses"));
            responses.GetProperty("401").GetProperty("content").TryGetProperty("application/problem+json", out _).ShouldBeTrue(id);
            responses.TryGetProperty("429", out _).ShouldBeTrue(id);
            operation.GetProperty("summary").GetString().ShouldNotBeNullOrEmpty(id);
        }

        document.GetProperty("paths").GetProperty(
            "/v1/sessions/{sessionId}/events").GetProperty("get").GetProperty("responses").GetProperty("200")
            .GetProperty("content").TryGetProperty("text/event-stream", out _).ShouldBeTrue();
    }
}
