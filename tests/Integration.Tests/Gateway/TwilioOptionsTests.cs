using Calls.Infrastructure.Twilio;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace Calls.Integration.Tests.Gateway;

public sealed class TwilioOptionsTests
{
    private const string Secret = "do-not-print-me-0123456789abcdef";

    private static readonly (string Key, string Value)[] Enough =
    [
        ("PublicBaseUrl", "https://calls.example.com"),
        ("Twilio:Client:AccountSid", GatewayFixture.AccountSid),
        ("Twilio:AuthToken", Secret),
        ("Twilio:Voice:CallerId", GatewayFixture.CallerNumber),
    ];

    [Fact]
    public void Four_keys_are_enough()
    {
        var options = Read(Enough);
        options.Client.AuthToken.ShouldBe(Secret);
        options.RequestValidation.AuthToken.ShouldBe(Secret);
        options.Client.BaseUrl.ShouldBe("https://api.twilio.com");
        options.Voice.TokenTtl.ShouldBe(TimeSpan.FromHours(1));
    }

    [Fact]
    public void The_variables_of_the_seed_and_of_the_cli_are_read_where_the_keys_are_empty()
    {
        var options = Read([("TWILIO_ACCOUNT_SID", GatewayFixture.AccountSid), ("TWILIO_AUTH_TOKEN", Secret),
            ("MY_URL", "https://seed.example.com/"), ("MY_TWILIO_PHONE_NUMBER", "+15550002222"), ("Twilio:Voice:CallerId", "")]);
        options.Client.AccountSid.ShouldBe(GatewayFixture.AccountSid);
        options.Client.AuthToken.ShouldBe(Secret);
        options.RequestValidation.AuthToken.ShouldBe(Secret);
        options.PublicBaseUrl.ShouldBe("https://seed.example.com/");
        options.Voice.CallerId.ShouldBe("+15550002222");

        Read([.. Enough, ("MY_TWILIO_PHONE_NUMBER", "+15550002222")]).Voice.CallerId.ShouldBe(GatewayFixture.CallerNumber);
    }

    [Theory]
    [InlineData("", "", "", "https://api.twilio.com")]
    [InlineData("ie1", "", "", "https://api.dublin.ie1.twilio.com")]
    [InlineData("au1", "sydney", "", "https://api.sydney.au1.twilio.com")]
    [InlineData("", "tokyo", "", "https://api.tokyo.us1.twilio.com")]
    [InlineData("ie1", "dublin", "http://localhost:5005/", "http://localhost:5005")]
    public void The_host_follows_from_region_and_edge(string region, string edge, string url, string host) =>
        Read([.. Enough, ("Twilio:Client:Region", region), ("Twilio:Client:Edge", edge), ("Twilio:Client:ApiBaseUrl", url)]).Client.BaseUrl
            .ShouldBe(host);

    [Fact]
    public void Everything_that_is_missing_is_named_at_once()
    {
        var failures = Failures([]);
        foreach (var key in new[] { "Twilio:Client:AccountSid", "TWILIO_ACCOUNT_SID", "Twilio:Client:AuthToken",
            "Twilio:RequestValidation:AuthToken", "Twilio:Voice:CallerId", "MY_TWILIO_PHONE_NUMBER", "PublicBaseUrl", "MY_URL" })
            failures.ShouldContain(key);
    }

    [Theory]
    [InlineData("Twilio:Client:AccountSid", "AC123", "Twilio:Client:AccountSid is not")]
    [InlineData("Twilio:Client:ApiKeySid", "SK00000000000000000000000000000002", "Twilio:Client:ApiKeySecret is missing")]
    [InlineData("Twilio:Client:ApiKeySecret", Secret, "Twilio:Client:ApiKeySid is missing")]
    [InlineData("Twilio:Client:Region", "br1", "Twilio:Client:Edge is missing")]
    [InlineData("Twilio:Client:Edge", "evil.example/", "Twilio:Client:Region and Twilio:Client:Edge")]
    [InlineData("Twilio:Client:ApiBaseUrl", "ftp://example.com", "Twilio:Client:ApiBaseUrl is not")]
    [InlineData("Twilio:Voice:CallerId", "(555) 000-1111", "Twilio:Voice:CallerId is not")]
    [InlineData("Twilio:Voice:ApplicationSid", "nope", "Twilio:Voice:ApplicationSid is not")]
    [InlineData("Twilio:Voice:TokenTtl", "00:00:00", "Twilio:Voice:TokenTtl is 00:00:00")]
    [InlineData("Twilio:Voice:TokenTtl", "2.00:00:00", "Twilio:Voice:TokenTtl is 2.00:00:00")]
    [InlineData("PublicBaseUrl", "calls.example.com", "PublicBaseUrl is not")]
    [InlineData("PublicBaseUrl", "https://calls.example.com/app", "PublicBaseUrl is not")]
    [InlineData("PublicBaseUrl", "https://calls.example.com?x=1", "PublicBaseUrl is not")]
    [InlineData("PublicBaseUrl", "https://me:pw@calls.example.com", "PublicBaseUrl is not")]
    [InlineData("PublicBaseUrl", "https://my_calls.example.com", "PublicBaseUrl has an underscore")]
    [InlineData("Calls:Dialing:AllowedCountries:0", "Switzerland", "Calls:Dialing:AllowedCountries has \"Switzerland\"")]
    [InlineData("Calls:Dialing:BlockedPrefixes", "+1900,abc", "Calls:Dialing:BlockedPrefixes has \"abc\"")]
    public void What_is_malformed_is_named_and_no_secret_is_printed(string key, string value, string words)
    {
        var failures = Failures([.. Enough, (key, value)]);
        failures.ShouldStartWith(words);
        failures.ShouldNotContain(Secret);
    }

    [Fact]
    public void An_api_key_alone_calls_twilio_but_checks_no_signature()
    {
        (string, string)[] keyed = [Enough[0], Enough[1], Enough[3], ("Twilio:Client:ApiKeySid", "SK00000000000000000000000000000002"),
            ("Twilio:Client:ApiKeySecret", Secret)];
        Failures(keyed).ShouldStartWith("Twilio:RequestValidation:AuthToken");
        Read([.. keyed, ("Twilio:RequestValidation:AuthToken", Secret)]).Client.HasApiKey.ShouldBeTrue();
    }

    [Fact]
    public void Shared_keys_are_read_by_their_id_and_an_empty_one_is_named()
    {
        Read(Enough).RequestValidation.SharedKeys.ShouldBeEmpty();
        var keys = Read([.. Enough, ("Twilio:RequestValidation:SharedKeys:webhooks_sharedkey_1", Secret)]).RequestValidation.SharedKeys;
        keys.ShouldHaveSingleItem().ShouldBe(new("webhooks_sharedkey_1", Secret));
        const string Keys = "Twilio:RequestValidation:SharedKeys:";
        var failures = Failures([.. Enough, (Keys + "k1", ""), (Keys + "k2", " ")]);
        failures.ShouldContain(Keys + "k1 is empty");
        failures.ShouldContain(Keys + "k2 is empty");
    }

    [Fact]
    public void An_api_key_with_a_secret_that_is_too_short_to_sign_tokens_is_named()
    {
        var failures = Failures(
            [.. Enough, ("Twilio:Client:ApiKeySid", "SK00000000000000000000000000000002"), ("Twilio:Client:ApiKeySecret", "do-not-print")]);
        failures.ShouldStartWith("Twilio:Client:ApiKeySecret is not an API key's secret");
        failures.ShouldNotContain("do-not-print");
    }

    private static TwilioOptions Read((string Key, string Value)[] configuration) =>
        Services(configuration).GetRequiredService<IOptions<TwilioOptions>>().Value;

    /// <summary>What the host says at its start.</summary>
    private static string Failures((string Key, string Value)[] configuration) =>
        Should.Throw<Exception>(() => Services(configuration).GetRequiredService<IStartupValidator>().Validate()).Message;

    private static ServiceProvider Services((string Key, string Value)[] configuration)
    {
        var values = new Dictionary<string, string?>();
        foreach (var (key, value) in configuration)
            values[key] = value;
        return new ServiceCollection().AddLogging().AddMetrics().AddCallsTwilio(
            new ConfigurationBuilder().AddInMemoryCollection(values).Build()).BuildServiceProvider();
    }
}
