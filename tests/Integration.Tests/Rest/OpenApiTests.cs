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
                "/v1/sessions/{sessionId}/participants/{participantId}", "/v1/sessions/{sessionId}/events",
                "/v1/sessions/{sessionId}/record"], ignoreOrder: true);
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
    }

    /// <summary>What a generator of clients needs: closed lists, required members, numbers, headers and problems.</summary>
    [Fact]
    public async Task Good_clients_can_be_generated_from_it()
    {
        var text = await File.ReadAllTextAsync(
            Path.Combine(Repository.Root, "docs", "openapi.json"), TestContext.Current.CancellationToken);
        var document = JsonDocument.Parse(text).RootElement;
        var schemas = document.GetProperty("components").GetProperty("schemas");
        EnumOf(schemas, "SessionState").ShouldBe(["ringing", "live", "ended"]);
        EnumOf(schemas, "SessionEndReason").ShouldBe(
        [
            "caller-hung-up-before-answer", "caller-never-joined", "callee-busy", "callee-declined", "callee-no-answer",
            "callee-unreachable", "callee-refused-by-twilio", "callee-voicemail", "callee-not-accepted", "nobody-accepted",
            "one-person-left", "ended-by-person", "max-duration",
        ]);
        EnumOf(schemas, "ParticipantRole").ShouldBe(["caller", "callee", "guest"]);
        EnumOf(schemas, "ParticipantState").ShouldBe(
            ["queued", "dialing", "ringing", "connected", "reconnecting", "left", "not-reached"]);
        EnumOf(schemas, "ParticipantReason").ShouldBe(
        [
            "hung-up", "call-ended", "removed", "declined", "busy", "no-answer", "unreachable", "canceled", "voicemail", "not-accepted",
            "answered-elsewhere", "nobody-accepted", "refused-by-twilio",
        ]);
        EnumOf(schemas, "ProblemCode").ShouldBe(Api.ErrorHandling.ProblemCatalogue.All.Select(problem => problem.Code));

        schemas.EnumerateObject().Select(schema => schema.Name).ShouldNotContain("HttpValidationProblemDetails");

        // Each member that is always there is required, whether or not it can be null. Only these can be absent.
        Optional(schemas, "SessionDocument").ShouldBeEmpty();
        Optional(schemas, "ParticipantDocument").ShouldBeEmpty();
        Optional(schemas, "SessionEventDocument").ShouldBeEmpty();
        Optional(schemas, "TokenDocument").ShouldBe(["warnings"]);
        Optional(schemas, "TokenToCreate").ShouldBe(["platform"]);
        Optional(schemas, "FlagsToSet").ShouldBe(["muted", "hold"]);
        Optional(schemas, "Problem").ShouldBe(["errors", "policy", "twilioCode", "missingKeys", "candidates"]);

        // A number is never a text too, and a text that is one of a list says which.
        text.ShouldNotContain("pattern");
        Member(schemas, "SessionDocument", "version").GetProperty("type").GetString().ShouldBe("integer");
        var data = Member(schemas, "SessionEventDocument", "data");
        data.GetProperty("$ref").GetString().ShouldBe("#/components/schemas/SessionDocument");
        Texts(Member(schemas, "SessionEventDocument", "event").GetProperty("enum")).ShouldBe(["session"]);
        Texts(Member(schemas, "ParticipantToAdd", "screen").GetProperty("enum")).ShouldBe(["none", "machine", "press-1", null]);
        Texts(Member(schemas, "TokenToCreate", "platform").GetProperty("enum")).ShouldBe(["ios", "android", null]);

        var operations = document.GetProperty("paths").EnumerateObject().SelectMany(path => path.Value.EnumerateObject())
            .ToDictionary(method => method.Value.GetProperty("operationId").GetString()!, method => method.Value);
        var list = operations["ListOwnSessions"].GetProperty("parameters").EnumerateArray()
            .ToDictionary(parameter => parameter.GetProperty("name").GetString()!, parameter => parameter.GetProperty("schema"));
        Texts(list["state"].GetProperty("enum")).ShouldBe(["live", "ended"]);
        operations["ListOwnSessions"].GetProperty("parameters").EnumerateArray().Single(parameter =>
            parameter.GetProperty("name").GetString() == "state").GetProperty("required").GetBoolean().ShouldBeTrue();
        list["limit"].GetProperty("type").GetString().ShouldBe("integer");
        list["limit"].GetProperty("maximum").GetInt32().ShouldBe(200);
        operations["FollowSession"].GetProperty("responses").GetProperty("200").GetProperty("content").GetProperty("text/event-stream")
            .GetProperty("schema").GetProperty("$ref").GetString().ShouldBe("#/components/schemas/SessionEventDocument");

        var codes = EnumOf(schemas, "ProblemCode").ToHashSet();
        foreach (var (id, operation) in operations)
        {
            var responses = operation.GetProperty("responses").EnumerateObject().ToDictionary(response => response.Name, r => r.Value);
            foreach (var (status, response) in responses)
            {
                var headers = response.GetProperty("headers").EnumerateObject().Select(header => header.Name).ToList();
                headers.ShouldContain("RateLimit", id);
                if (status is "429" or "503")
                    headers.ShouldContain("Retry-After", id);
                if (status[0] == '2')
                    continue;
                var narrowed = response.GetProperty("content").GetProperty("application/problem+json").GetProperty("schema")
                    .GetProperty("allOf")[1].GetProperty("properties").GetProperty("code").GetProperty("enum");
                var named = Texts(narrowed).ToList();
                named.ShouldNotBeEmpty(id);
                named.Where(code => !codes.Contains(code)).ShouldBeEmpty(id);
                named.Where(code => !response.GetProperty("description").GetString()!.Contains($"`{code}`", StringComparison.Ordinal))
                    .ShouldBeEmpty(id);
            }

            responses.Keys.ShouldBeSubsetOf(
            [
                "200", "201", "202", "204", "400", "401", "403", "404", "408", "409", "412", "413", "415", "422", "429", "500", "503",
                "504",
            ]);
            foreach (var status in new[] { "401", "429", "500", "503", "504" })
                responses.ShouldContainKey(status, id);
        }

        Headers(operations, "GetSession", "200").ShouldContain("ETag");
        Headers(operations, "AddParticipant", "201").ShouldContain("Location");
        Headers(operations, "AddParticipant", "202").ShouldContain("Location");
        Headers(operations, "AddParticipant", "409").ShouldContain("Retry-After");
        Texts(operations["AddParticipant"].GetProperty("responses").GetProperty("422").GetProperty("content")
            .GetProperty("application/problem+json").GetProperty("schema").GetProperty("allOf")[1].GetProperty("properties")
            .GetProperty("code").GetProperty("enum")).ShouldBe(["idempotency-key-reused", "refused-by-twilio"]);
    }

    private static IEnumerable<string?> Texts(JsonElement values) => values.EnumerateArray().Select(value => value.GetString());

    private static List<string?> EnumOf(JsonElement schemas, string name)
    {
        schemas.GetProperty(name).GetProperty("type").GetString().ShouldBe("string", name);
        return [.. Texts(schemas.GetProperty(name).GetProperty("enum"))];
    }

    private static JsonElement Member(JsonElement schemas, string name, string member) =>
        schemas.GetProperty(name).GetProperty("properties").GetProperty(member);

    private static IEnumerable<string> Optional(JsonElement schemas, string name)
    {
        var schema = schemas.GetProperty(name);
        var required = schema.TryGetProperty("required", out var names) ? Texts(names).ToList() : [];
        return schema.GetProperty("properties").EnumerateObject().Select(member => member.Name).Where(member => !required.Contains(member));
    }

    private static IEnumerable<string> Headers(Dictionary<string, JsonElement> operations, string id, string status) =>
        operations[id].GetProperty("responses").GetProperty(status).GetProperty("headers").EnumerateObject().Select(header => header.Name);
}
