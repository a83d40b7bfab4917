using System.Net;
using System.Text;
using System.Text.Json;
using Calls.Integration.Tests.EndToEnd;
using Calls.Integration.Tests.Redis;
using Calls.Sandbox;
using Calls.Sandbox.Twilio;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace Calls.Integration.Tests.RestApi;

/// <summary>What people send who mean no good, or whose program is broken: each is told so by its documented 4xx, and rings
/// nobody.</summary>
public sealed class HostileInputTests(RedisFixture redis) : IAsyncLifetime
{
    private const string Session = "s-42";
    private const string Phones = $"/v1/sessions/{Session}/participants";
    private const string Lawyer = """{"phoneNumber": "+15550100101"}""";

    private static readonly HttpMessageInvoker Http = new(new SocketsHttpHandler
    {
        UseCookies = false,
        AllowAutoRedirect = false,
        RequestHeaderEncodingSelector = (_, _) => Encoding.UTF8,
    });

    private static readonly string[] Numbers =
    [
        "", " ", "+", "++15550100101", "+1555", "15550100101", "0015550100101", "+0155501001", "+15550100101;ext=1", "+15550100101,1",
        "+1555010010a", "tel:15550100101", "tel:+15550100101;ext=1", "tel:tel:+15550100101",
        "sip:bob@example.com", "client:bob", "client:*", "+1 555 010 0101\r\nX: y", "١٥٥٥٠١٠٠١٠١", "+1555010010\u0000",
        "+1\u0301555010010", "\u202A911\u202C", "\u202E1010010555\u202C", "+\uFF10\uFF11", "\u200B", "tel:", "+½5550100101",
        "+1555010010\u2460", "\U000E0001+15550100101", "+15550100101\uFFFE",
        "<Dial>+15550100101</Dial>", "'; DROP TABLE calls; --", "${jndi:ldap://x}",
        "+155501001010155501001010", "+999123456789",
    ];

    private static readonly (string Number, HttpStatusCode Status)[] NeverRung =
    [
        ("+19005550100", HttpStatusCode.Forbidden), ("+41791234567", HttpStatusCode.Forbidden), (
            "+442079460000", HttpStatusCode.Forbidden), ("+881612345678", HttpStatusCode.Forbidden),
        ("+97912345678", HttpStatusCode.Forbidden), ("+18765551234", HttpStatusCode.Forbidden),
        ("+18095551234", HttpStatusCode.Forbidden), ("+12423591234", HttpStatusCode.Forbidden),
        ("+14165550123", HttpStatusCode.Forbidden), ("+16005551234", HttpStatusCode.Forbidden),
        ("+17105551234", HttpStatusCode.Forbidden), ("+12129761234", HttpStatusCode.Forbidden),
        ("+16235551", HttpStatusCode.BadRequest), ("+11115551234", HttpStatusCode.BadRequest),
        ("+61147123456", HttpStatusCode.Forbidden), ("+79541234567", HttpStatusCode.Forbidden),
        ("+41900123456", HttpStatusCode.Forbidden), ("+41581234567", HttpStatusCode.Forbidden),
    ];

    private static readonly string[] Bodies =
    [
        "", " ", "null", "{", "}", "[]", "[[[[", "\"+15550100101\"", "42", "true", "{}", """{"phoneNumber": null}""",
        """{"phoneNumber": 15550100101}""", """{"phoneNumber": ["+15550100101"]}""",
        """{"phoneNumber": {"a": 1}}""", """{"phoneNumber": "+15550100101", "label": 7}""",
        """{"phoneNumber": "+15550100101", "label": "a\u0007b"}""",
        """{"phoneNumber": "+15550100101",}""", """{'phoneNumber': '+15550100101'}""", "{\"phoneNumber\": \"\\ud800\"}",
        $$"""{"phoneNumber": "+15550100101", "label": "{{new string('x', 65)}}"}""",
        string.Concat(Enumerable.Repeat("{\"a\":", 100)), "<xml/>", "phoneNumber=%2B15550100101",
    ];

    private static readonly string[] SessionIds = ["%2e%2e", "a%20b", "a%2fb", "%00", "a%0d%0ab", "%ff", "*", "s-42'", "s-42%22",
        new('a', 129), "no-such", "S-42", "~", "%F0%9F%98%80"];

    private SandboxHost host = null!;

    public async ValueTask InitializeAsync()
    {
        host = await SandboxHost.StartAsync(new SandboxOptions { RedisConnectionString = await redis.NewDatabaseAsync() });
        await host.Twilio.Client("bob").BehaveAsync(PhoneBehaviour.Answer);
        await host.Twilio.Client("alice").CallAsync("bob", Session);
        await host.Twilio.Client("bob").TalksAsync();
    }

    public async ValueTask DisposeAsync()
    {
        (await host.Twilio.AskAsync(cloud => cloud.Journal.Entries.Count(e => e is { Kind: JournalKind.Rest, Who: "CreateParticipant" })))
            .ShouldBe(0, "nobody was rung");
        (await host.Twilio.AskAsync(cloud => cloud.Journal.Entries.Count(e => e is { Kind: JournalKind.Rest, Who: "CreateCall" })))
            .ShouldBe(1, "only bob was called");
        await host.Twilio.Client("alice").TalksAsync();
        await host.DisposeAsync();
    }

    [Fact]
    public async Task Numbers_that_are_none_or_must_not_be_rung()
    {
        foreach (var number in Numbers)
            await RefusedAsync(
                HttpStatusCode.BadRequest, HttpMethod.Post, Phones, Alice, JsonSerializer.Serialize(new { phoneNumber = number }));
        foreach (var (number, status) in NeverRung)
            await RefusedAsync(status, HttpMethod.Post, Phones, Alice, JsonSerializer.Serialize(new { phoneNumber = number }));
    }

    [Fact]
    public async Task Numbers_that_must_not_be_rung_in_a_voice_webhook()
    {
        foreach (var (number, _) in NeverRung)
        {
            var (status, body) = await host.SignedAsync(
                "/twilio/voice", ("CallSid", "CA" + new string('e', 32)), ("From", "client:carol"), ("To", number), ("SessionID", "other"));
            status.ShouldBe(HttpStatusCode.OK);
            body.ShouldContain("<Say>", Case.Sensitive, number);
            body.ShouldContain("<Hangup", Case.Sensitive, number);
            body.ShouldNotContain("<Dial", Case.Sensitive, number);
        }
    }

    [Fact]
    public async Task Bodies_of_every_kind()
    {
        foreach (var body in Bodies)
            await RefusedAsync(HttpStatusCode.BadRequest, HttpMethod.Post, Phones, Alice, body);
        foreach (var body in new[] { "", "null", "{}", "[]", """{"muted": "yes"}""", """{"muted": 1}""", """{"hold": null}""" })
            await RefusedAsync(HttpStatusCode.BadRequest, HttpMethod.Patch, Phones + "/callee", Alice, body);
        await RefusedAsync(HttpStatusCode.UnsupportedMediaType, HttpMethod.Post, Phones, Alice, Lawyer, "text/plain");
        await RefusedAsync(
            HttpStatusCode.UnsupportedMediaType, HttpMethod.Post, Phones, Alice, "phoneNumber=1", "application/x-www-form-urlencoded");
        await RefusedAsync(
            HttpStatusCode.RequestEntityTooLarge, HttpMethod.Post, Phones, Alice, $$"""{"phoneNumber": "{{new string('1', 70_000)}}"}""");
    }

    [Fact]
    public async Task Session_and_participant_ids_and_methods()
    {
        foreach (var id in SessionIds)
        {
            await RefusedAsync(HttpStatusCode.NotFound, HttpMethod.Get, $"/v1/sessions/{id}", Alice);
            await RefusedAsync(HttpStatusCode.NotFound, HttpMethod.Get, $"/v1/sessions/{id}/events", Alice);
            await RefusedAsync(HttpStatusCode.NotFound, HttpMethod.Post, $"/v1/sessions/{id}/participants", Alice, Lawyer);
            await RefusedAsync(HttpStatusCode.NotFound, HttpMethod.Delete, $"/v1/sessions/{id}", Alice);
        }

        foreach (var id in new[] { "nobody", "%00", "a%2fb", "CA" + new string('0', 32), new string('a', 65), "Callee" })
        {
            await RefusedAsync(HttpStatusCode.NotFound, HttpMethod.Patch, $"{Phones}/{id}", Alice, """{"muted": true}""");
            await RefusedAsync(HttpStatusCode.NotFound, HttpMethod.Delete, $"{Phones}/{id}", Alice);
        }

        await RefusedAsync(HttpStatusCode.MethodNotAllowed, HttpMethod.Put, Phones, Alice, Lawyer);
        await RefusedAsync(HttpStatusCode.MethodNotAllowed, HttpMethod.Get, "/v1/tokens", Alice);
    }

    [Fact]
    public async Task Headers_that_cannot_be_read()
    {
        foreach (var (name, value) in new[] { ("Idempotency-Key", "a b"), ("Idempotency-Key", "\"a"),
            ("Idempotency-Key", new string('k', 256)), ("If-Match", "7"), ("If-Match", "\"7") })
            await RefusedAsync(HttpStatusCode.BadRequest, HttpMethod.Post, Phones, Alice, Lawyer, headers: (name, value));
        await RefusedAsync(HttpStatusCode.PreconditionFailed, HttpMethod.Post, Phones, Alice, Lawyer,
            headers: ("If-Match", "\"99999999999999999999999\""));
        foreach (var id in new[] { "-1", "x", "99999999999999999999999", "\u007f", new string('9', 4000) })
        {
            using var stream = await EventStream.OpenAsync(host, Session, Alice, id);
            stream.Status.ShouldBe(HttpStatusCode.OK, "a last event that was never given is none");
            (await stream.NextAsync()).ShouldNotBeNull();
        }
    }

    [Fact]
    public async Task Bearers_that_are_not_ours_or_somebody_elses()
    {
        var now = TimeProvider.System.GetUtcNow().UtcDateTime;
        var tampered = Alice.Split('.');
        foreach (var bearer in new string?[]
        {
            null, "", "x", "a.b.c", "..", Alice + "x", Alice[..^3], $"{tampered[0]}.{tampered[1]}.", $"{tampered[0]}.{tampered[1]}",
            $"{tampered[0]}.{Part("""{"sub":"alice","iss":"calls-sandbox","aud":"calls","exp":9999999999}""")}.{tampered[2]}",
            $"{Part("""{"alg":"none","typ":"JWT"}""")}.{tampered[1]}.", $"{Part("""{"alg":"NONE"}""")}.{tampered[1]}.{tampered[2]}",
            $"{Part("""{"alg":"RS256"}""")}.{tampered[1]}.{tampered[2]}",
            Mint(expires: now.AddMinutes(-5)), Mint(issuer: "somebody-else"), Mint(
                audience: "another-service"), Mint(notBefore: now.AddHours(1)), Mint(key: new byte[32]), new string('a', 10_000),
        })
        {
            await RefusedAsync(HttpStatusCode.Unauthorized, HttpMethod.Post, Phones, bearer, Lawyer);
            await RefusedAsync(HttpStatusCode.Unauthorized, HttpMethod.Get, $"/v1/sessions/{Session}", bearer);
            await RefusedAsync(HttpStatusCode.Unauthorized, HttpMethod.Post, "/v1/tokens", bearer);
            await RefusedAsync(HttpStatusCode.Unauthorized, HttpMethod.Get, "/v1/sessions?state=live", bearer);
        }

        foreach (var sub in new[] { "carol", "", "Alice", "alice ", "*", "alice\u0000", "client:carol", "client:alice", "bob,alice" })
        {
            await RefusedAsync(HttpStatusCode.NotFound, HttpMethod.Post, Phones, host.TokenFor(sub), Lawyer);
            await RefusedAsync(HttpStatusCode.NotFound, HttpMethod.Delete, $"/v1/sessions/{Session}",
                host.TokenFor(sub, "calls.operator calls.operate.not CALLS.OPERATE"));
            await RefusedAsync(HttpStatusCode.NotFound, HttpMethod.Get, $"/v1/sessions/{Session}/events", host.TokenFor(sub));
        }
    }

    [Fact]
    public async Task Bearers_that_no_library_makes_are_401_and_nothing_of_them_comes_back_in_a_header()
    {
        const string mark = "mark-of-the-sender";
        var (claims, signature) = (Part("""{"sub":"alice","aud":"calls","exp":9999999999}"""), Part("signature"));
        string[] headers =
        [
            """{"alg":"HS256","typ":"JWT","kid":"unknown"}""", """{"alg":"HS256","kid":""}""", """{"alg":"HS256","kid":7}""",
            """{"alg":"HS256","kid":"é\r\nSet-Cookie: a=b"}""", """{"alg":7}""", """{"alg":null}""", "{}", "[]", "null", "", "{",
            """{"alg":"HS256","crit":["b64"],"b64":false}""", """{"alg":"dir","enc":"A256GCM"}""", """{"alg":"HS256","zip":"DEF"}""",
            """{"alg":"ES256","kid":"sandbox"}""", """{"alg":"HS512","kid":"sandbox"}""",
            """{"alg":"HS256","kid":"sandbox","alg":"none"}""",
        ];
        string[] payloads =
        [
            $$"""{"iss":"é{{mark}}","sub":"alice","aud":"calls","exp":9999999999}""", $$"""{"iss":"a\r\nX: {{mark}}","exp":9999999999}""",
            $$"""{"iss":"{{mark}}\u0000\ud83d","exp":9999999999}""", $$"""{"aud":"é{{mark}}","iss":"calls-sandbox","exp":9999999999}""",
            """{"exp":"soon"}""", """{"exp":99999999999999999999}""", """{"exp":-1}""", """{"exp":1e400}""",
            """{"exp":9223372036854775807}""",
            """{"nbf":9223372036854775807,"exp":1}""", """{"nbf":"é"}""", """{"iss":["é"]}""", """{"iss":{"a":1}}""",
            """{"aud":[1,null]}""", "[]", "null", "", "{", string.Concat(Enumerable.Repeat("{\"a\":", 1000)),
        ];
        string[] bearers =
        [
            .. headers.Select(header => $"{Part(header)}.{claims}.{signature}"),
            .. payloads.Select(payload => $"{Part("""{"alg":"HS256","typ":"JWT","kid":"unknown"}""")}.{Part(payload)}.{signature}"),
            .. payloads.Select(payload => $"{Part("""{"alg":"HS256","typ":"JWT","kid":"sandbox"}""")}.{Part(payload)}.{signature}"),
            "é", "é.é.é", $"{mark}.{mark}.{mark}", "....", "a.b.c.d.e", "a.b.c.d.e.f", $"{Part("{}")}.{Part("{}")}.é", "\u007f", "Bearer x",
            new string('.', 5000), string.Join('.', new string('a', 4000), new string('b', 4000), new string('c', 4000)),
            $"{Part("""{"alg":"RSA-OAEP","enc":"A256GCM"}""")}.{signature}.{signature}.{signature}.{signature}",
        ];
        foreach (var bearer in bearers)
            foreach (var path in new[] { $"/v1/sessions/{Session}", $"/v1/sessions/{Session}/events", "/v1/me/sessions?state=live" })
            {
                using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(host.Address, path));
                request.Headers.TryAddWithoutValidation("Authorization", "Bearer " + bearer);
                using var response = await Http.SendAsync(request, TestContext.Current.CancellationToken);
                response.StatusCode.ShouldBe(HttpStatusCode.Unauthorized, bearer);
                response.Headers.WwwAuthenticate.ToString().ShouldBeOneOf("Bearer", "Bearer error=\"invalid_token\"");
                response.Headers.ToString().ShouldNotContain(mark);
            }
    }

    [Theory]
    [InlineData("utf-7")]
    [InlineData("utf-16")]
    [InlineData("iso-8859-1")]
    [InlineData("\"utf-32\"")]
    [InlineData("none")]
    [InlineData("é")]
    public async Task JSON_in_another_charset_than_UTF_8(string charset)
    {
        var type = "application/json; charset=" + charset;
        await RefusedAsync(HttpStatusCode.UnsupportedMediaType, HttpMethod.Post, Phones, Alice, Lawyer, type);
        await RefusedAsync(HttpStatusCode.UnsupportedMediaType, HttpMethod.Patch, Phones + "/callee", Alice, """{"muted": true}""", type);
        await RefusedAsync(HttpStatusCode.Unauthorized, HttpMethod.Post, Phones, null, Lawyer, type);
    }

    [Fact]
    public async Task Paths_that_are_spelled_in_another_way_are_the_same_routes()
    {
        foreach (var path in new[] { $"/V1/Sessions/{Session}", $"/%761/sessions/{Session}", $"/v1/%73essions/{Session}" })
        {
            await RefusedAsync(HttpStatusCode.Unauthorized, HttpMethod.Get, path, null);
            await RefusedAsync(HttpStatusCode.NotFound, HttpMethod.Get, path, host.TokenFor("carol"));
        }
    }

    private string Alice => host.TokenFor("alice");

    private static string Part(string json) => Base64UrlEncoder.Encode(json);

    private string Mint(string issuer = "calls-sandbox", string audience = "calls", DateTime? expires = null, DateTime? notBefore = null,
        byte[]? key = null)
    {
        var signing = key ?? Convert.FromBase64String(
            host.Services.GetRequiredService<IConfiguration>()["Authentication:Schemes:Bearer:SigningKeys:0:Value"]!);
        var now = TimeProvider.System.GetUtcNow().UtcDateTime;
        return new JsonWebTokenHandler().CreateToken(new SecurityTokenDescriptor
        {
            Issuer = issuer,
            Audience = audience,
            Claims = new Dictionary<string, object>(StringComparer.Ordinal) { ["sub"] = "alice" },
            NotBefore = notBefore ?? now.AddHours(-2),
            IssuedAt = now.AddHours(-2),
            Expires = expires ?? now.AddHours(2),
            SigningCredentials = new SigningCredentials(
                new SymmetricSecurityKey(signing) { KeyId = "sandbox" }, SecurityAlgorithms.HmacSha256),
        });
    }

    private async Task RefusedAsync(HttpStatusCode expected, HttpMethod method, string path, string? bearer, string? json = null,
        string contentType = "application/json", (string Name, string Value)? headers = null)
    {
        using var request = new HttpRequestMessage(method,
            new Uri(host.Address + path.TrimStart('/'), new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true }));
        if (bearer is not null)
            request.Headers.TryAddWithoutValidation("Authorization", "Bearer " + bearer);
        if (headers is var (name, value))
            request.Headers.TryAddWithoutValidation(name, value);
        if (json is not null)
        {
            request.Content = new ByteArrayContent(Encoding.UTF8.GetBytes(json));
            request.Content.Headers.TryAddWithoutValidation("Content-Type", contentType);
        }

        using var response = await Http.SendAsync(request, TestContext.Current.CancellationToken);
        var body = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        // Kestrel turns a null character in a path away by itself, whatever the route.
        if (path.Contains("%00", StringComparison.Ordinal))
            expected = HttpStatusCode.BadRequest;
        response.StatusCode.ShouldBe(expected, $"{method} {path} {json} {bearer}\n{body}");
        body.ShouldNotContain("   at ", Case.Sensitive, "no stack trace goes out");
        if (path.Contains("%00", StringComparison.Ordinal))
            return;
        var problem = JsonDocument.Parse(body).RootElement;
        problem.GetProperty("status").GetInt32().ShouldBe((int)expected);
        problem.GetProperty("type").GetString().ShouldBe("urn:calls:problem:" + problem.GetProperty("code").GetString());
    }
}
