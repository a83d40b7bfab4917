using System.Net;
using System.Text;
using System.Text.Json;
using Calls.Integration.Tests.Redis;
using Calls.Sandbox;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace Calls.Integration.Tests.RestApi;

/// <summary>Access tokens, read by a library that did not make them.</summary>
public sealed class TokensApiTests(RedisFixture redis)
{
    private static readonly TimeSpan Slack = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task A_token_is_for_its_bearers_identity_and_good_for_as_long_as_it_says()
    {
        await using var host = await StartAsync(("Twilio:Voice:TokenTtl", "02:00:00"));
        var (status, body) = await TokenAsync(host, host.TokenFor("alice"));
        status.ShouldBe(HttpStatusCode.OK, body);
        var answer = JsonDocument.Parse(body).RootElement;
        answer.EnumerateObject().Select(p => p.Name).ShouldBe(["token", "identity", "expiresAt"]);
        answer.GetProperty("identity").GetString().ShouldBe("alice");

        var jwt = await ReadAsync(host, answer.GetProperty("token").GetString()!);
        jwt.Typ.ShouldBe("JWT");
        jwt.Cty.ShouldBe("twilio-fpa;v=1");
        jwt.TryGetHeaderValue<string>("twr", out _).ShouldBeFalse("no region is set");
        jwt.Subject.ShouldBe(host.Twilio.Options.AccountSid);
        jwt.Id.ShouldStartWith(host.Twilio.Options.ApiKeySid + "-");
        var now = TimeProvider.System.GetUtcNow().UtcDateTime;
        jwt.ValidTo.ShouldBeInRange(now + TimeSpan.FromHours(2) - Slack, now + TimeSpan.FromHours(2));
        (jwt.ValidTo - jwt.ValidFrom).ShouldBe(
            TimeSpan.FromHours(2) + TimeSpan.FromMinutes(1), "a phone whose clock is a minute behind can use the token at once");
        answer.GetProperty("expiresAt").GetDateTimeOffset().UtcDateTime.ShouldBe(jwt.ValidTo);
        var grants = JsonDocument.Parse(jwt.GetPayloadValue<JsonElement>("grants").GetRawText()).RootElement;
        grants.GetProperty("identity").GetString().ShouldBe("alice");
        grants.GetProperty("voice").GetProperty("incoming").GetProperty("allow").GetBoolean().ShouldBeTrue();
        grants.GetProperty("voice").GetProperty("outgoing").GetProperty("application_sid").GetString().ShouldStartWith("AP");
    }

    [Fact]
    public async Task Nobody_gets_a_token_for_somebody_else()
    {
        await using var host = await StartAsync();
        var (_, body) = await host.RestAsync(
            HttpMethod.Post, "/v1/tokens?identity=bob", host.TokenFor("alice", "calls.operate"), """{"identity": "bob"}""");
        var jwt = await ReadAsync(host, JsonDocument.Parse(body).RootElement.GetProperty("token").GetString()!);
        jwt.GetPayloadValue<JsonElement>("grants").GetProperty("identity").GetString().ShouldBe("alice");
        (await TokenAsync(host, null)).Status.ShouldBe(HttpStatusCode.Unauthorized);
        foreach (var sub in new[] { "", "not an identity", new string('a', 200), "alice/../bob" })
        {
            var (status, problem) = await TokenAsync(host, host.TokenFor(sub));
            status.ShouldBe(HttpStatusCode.Forbidden, problem);
            problem.ShouldContain("no-identity");
            problem.ShouldContain("claim sub");
        }
    }

    [Theory]
    [InlineData("auth0|5f7c8ec7c33c6c004bbafe82")]
    [InlineData("alice@example.com")]
    [InlineData("a-b")]
    public async Task An_identity_is_the_subject_to_the_letter_and_one_that_mobile_apps_cannot_use_has_a_warning(string sub)
    {
        await using var host = await StartAsync();
        var (status, body) = await TokenAsync(host, host.TokenFor(sub));
        status.ShouldBe(HttpStatusCode.OK, body);
        var answer = JsonDocument.Parse(body).RootElement;
        answer.GetProperty("identity").GetString().ShouldBe(sub);
        answer.GetProperty("warnings").EnumerateArray().ShouldHaveSingleItem().GetString().ShouldNotBeNull().ShouldContain(sub);
        var jwt = await ReadAsync(host, answer.GetProperty("token").GetString()!);
        jwt.GetPayloadValue<JsonElement>("grants").GetProperty("identity").GetString().ShouldBe(sub);

        await host.Twilio.Client(sub).CallAsync("bob", "own");
        await host.Twilio.Client("bob").RingsAsync();
        (await host.RestAsync(HttpMethod.Get, "/v1/sessions/own", host.TokenFor(sub))).Status.ShouldBe(HttpStatusCode.OK);
        (await host.RestAsync(HttpMethod.Get, "/v1/sessions/own", host.TokenFor("client:" + sub))).Status.ShouldBe(HttpStatusCode.NotFound);
        (await host.RestAsync(HttpMethod.Get, "/v1/sessions/own", host.TokenFor("client:bob"))).Status.ShouldBe(HttpStatusCode.NotFound);
    }

    [Fact]
    public async Task The_configuration_can_name_another_claim_as_the_identity()
    {
        await using var host = await StartAsync(("Calls:IdentityClaim", "phone_id"));
        var (_, body) = await TokenAsync(host, host.BearerWith(("sub", "auth0|1"), ("phone_id", "alice")));
        JsonDocument.Parse(body).RootElement.GetProperty("identity").GetString().ShouldBe("alice");
        await host.Twilio.Client("alice").CallAsync("bob", "own");
        await host.Twilio.Client("bob").RingsAsync();
        (await host.RestAsync(HttpMethod.Get, "/v1/sessions/own", host.BearerWith(("sub", "x"), ("phone_id", "alice")))).Status
            .ShouldBe(HttpStatusCode.OK);
        string[] both = ["alice", "bob"];
        foreach (var bearer in new[]
        {
            host.BearerWith(("sub", "alice")), host.BearerWith(("sub", "alice"), ("phone_id", "")),
            host.BearerWith(("sub", "alice"), ("phone_id", both)),
        })
        {
            (await host.RestAsync(HttpMethod.Get, "/v1/sessions/own", bearer)).Status.ShouldBe(HttpStatusCode.NotFound);
            var (status, problem) = await TokenAsync(host, bearer);
            status.ShouldBe(HttpStatusCode.Forbidden);
            problem.ShouldContain("claim phone_id");
        }

        // To the letter: another person than alice.
        var other = host.BearerWith(("sub", "alice"), ("phone_id", "client:alice"));
        (await host.RestAsync(HttpMethod.Get, "/v1/sessions/own", other)).Status.ShouldBe(HttpStatusCode.NotFound);
    }

    [Theory]
    [InlineData("""{"platform": "ios"}""", "CRa0000000000000000000000000000001")]
    [InlineData("""{"platform": "android"}""", "CRa0000000000000000000000000000002")]
    [InlineData("""{"platform": null}""", null)]
    [InlineData("{}", null)]
    [InlineData("", null)]
    [InlineData(null, null)]
    public async Task An_app_on_a_phone_gets_the_push_credential_of_its_platform(string? json, string? credential)
    {
        await using var host = await StartAsync(
            ("Twilio:Voice:PushCredentialSids:ios", "CRa0000000000000000000000000000001"),
            ("Twilio:Voice:PushCredentialSids:android", "CRa0000000000000000000000000000002"));
        var (status, body) = await host.RestAsync(HttpMethod.Post, "/v1/tokens", host.TokenFor("alice"), json);
        status.ShouldBe(HttpStatusCode.OK, body);
        var jwt = await ReadAsync(host, JsonDocument.Parse(body).RootElement.GetProperty("token").GetString()!);
        var voice = jwt.GetPayloadValue<JsonElement>("grants").GetProperty("voice");
        voice.GetProperty("incoming").GetProperty("allow").GetBoolean().ShouldBeTrue();
        (voice.TryGetProperty("push_credential_sid", out var sid) ? sid.GetString() : null).ShouldBe(credential);
    }

    [Theory]
    [InlineData("ios")]
    [InlineData("android")]
    public async Task Without_the_push_credential_of_the_platform_it_is_a_503_that_names_the_key(string platform)
    {
        await using var host = await StartAsync();
        var (status, body) = await host.RestAsync(
            HttpMethod.Post, "/v1/tokens", host.TokenFor("alice"), $$"""{"platform": "{{platform}}"}""");
        status.ShouldBe(HttpStatusCode.ServiceUnavailable, body);
        JsonDocument.Parse(body).RootElement.GetProperty("missingKeys").EnumerateArray().ShouldHaveSingleItem().GetString()
            .ShouldBe("Twilio:Voice:PushCredentialSids:" + platform);
    }

    [Fact]
    public async Task A_region_is_in_the_header()
    {
        await using var host = await StartAsync(("Twilio:Client:Region", "ie1"));
        var (_, body) = await TokenAsync(host, host.TokenFor("alice"));
        var jwt = await ReadAsync(host, JsonDocument.Parse(body).RootElement.GetProperty("token").GetString()!);
        jwt.GetHeaderValue<string>("twr").ShouldBe("ie1");
    }

    [Theory]
    [InlineData("Twilio:Voice:ApplicationSid", "Twilio:Voice:ApplicationSid")]
    [InlineData("Twilio:Client:ApiKeySid,Twilio:Client:ApiKeySecret", "Twilio:Client:ApiKeySecret")]
    public async Task Without_the_keys_it_is_a_503_that_names_them(string without, string named)
    {
        await using var host = await StartAsync([.. without.Split(',').Select(key => (key, ""))]);
        var (status, body) = await TokenAsync(host, host.TokenFor("alice"));
        status.ShouldBe(HttpStatusCode.ServiceUnavailable, body);
        var problem = JsonDocument.Parse(body).RootElement;
        problem.GetProperty("code").GetString().ShouldBe("tokens-not-configured");
        problem.GetProperty("missingKeys").EnumerateArray().Select(key => key.GetString()).ShouldContain(named);
        body.ShouldNotContain(host.Twilio.Options.ApiKeySecret);
    }

    private static async Task<JsonWebToken> ReadAsync(SandboxHost host, string token)
    {
        var twilio = host.Twilio.Options;
        var checks = new TokenValidationParameters
        {
            ValidIssuer = twilio.ApiKeySid,
            ValidateAudience = false,
            RequireExpirationTime = true,
            ValidAlgorithms = ["HS256"],
            IssuerSigningKey = new SymmetricSecurityKey(Encoding.UTF8.GetBytes(twilio.ApiKeySecret)),
        };
        var result = await new JsonWebTokenHandler().ValidateTokenAsync(token, checks);
        result.IsValid.ShouldBeTrue(result.Exception?.Message);
        checks.IssuerSigningKey = new SymmetricSecurityKey(Encoding.UTF8.GetBytes(twilio.AuthToken));
        (await new JsonWebTokenHandler().ValidateTokenAsync(token, checks)).IsValid.ShouldBeFalse("another key has not signed it");
        return (JsonWebToken)result.SecurityToken;
    }

    private static Task<(HttpStatusCode Status, string Body)> TokenAsync(SandboxHost host, string? bearer) =>
        host.RestAsync(HttpMethod.Post, "/v1/tokens", bearer);

    private async Task<SandboxHost> StartAsync(params (string Key, string Value)[] settings) =>
        await SandboxHost.StartAsync(new SandboxOptions
        {
            RedisConnectionString = await redis.NewDatabaseAsync(),
            Settings = [.. settings.Select(s => new KeyValuePair<string, string?>(s.Key, s.Value))]
        });
}
