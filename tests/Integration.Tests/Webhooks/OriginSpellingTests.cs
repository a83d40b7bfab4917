using System.Net;
using Calls.Api.Twilio;
using Calls.Infrastructure.Twilio;
using Calls.Integration.Tests.EndToEnd;
using Calls.Integration.Tests.Redis;
using Calls.Sandbox;
using Calls.Sandbox.Twilio;

namespace Calls.Integration.Tests.Webhooks;

/// <summary>Twilio signs the URL as it was written. Every spelling of the public origin is the same origin.</summary>
public sealed class OriginSpellingTests(RedisFixture redis)
{
    /// <summary>The configured base, the base in Twilio's console, the Host header that arrives, and whether they are one origin.</summary>
    public static TheoryData<string, string, string, bool> Spellings => new()
    {
        { "https://calls.example.com", "https://calls.example.com", "calls.example.com", true },
        { "https://Calls.Example.COM", "https://Calls.Example.COM", "Calls.Example.COM", true },
        { "https://Calls.Example.COM", "https://Calls.Example.COM", "calls.example.com", true },
        { "https://Calls.Example.COM", "https://calls.example.com", "calls.example.com", true },
        { "https://calls.example.com", "https://CALLS.example.com", "CALLS.example.com", true },
        { "https://calls.example.com:443", "https://calls.example.com", "calls.example.com", true },
        { "https://calls.example.com", "https://calls.example.com:443", "calls.example.com", true },
        { "https://Calls.example.com:443/", "https://Calls.example.com", "calls.example.com", true },
        { "https://Calls.example.com:443/", "https://Calls.example.com:443", "calls.example.com", true },
        { "https://Calls.example.com", "https://Calls.example.com:443", "calls.example.com", true },
        { "http://HTTP:8080", "http://HTTP:8080", "http:8080", true },
        { "http://calls.example.com", "http://calls.example.com:80", "calls.example.com", true },
        { "https://calls.example.com:8443", "https://CALLS.example.com:8443", "CALLS.example.com:8443", true },
        { "https://calls.example.com/", "https://calls.example.com", "calls.example.com", true },
        { "https://calls.example.com", "https://calls.example.com/", "calls.example.com", true },
        { "https://Calls.example.com/", "https://Calls.example.com/", "Calls.example.com", true },
        { "https://calls.example.com", "https://calls.example.org", "calls.example.org", false },
        { "https://calls.example.com", "http://calls.example.com", "calls.example.com", false },
        { "https://calls.example.com", "https://calls.example.com:8443", "calls.example.com:8443", false },
        { "https://calls.example.com", "https://calls.example.com.evil.example", "calls.example.com.evil.example", false },
    };

    [Theory, MemberData(nameof(Spellings))]
    public async Task A_webhook_is_accepted_in_every_spelling_of_the_public_origin(
        string configured, string console, string host, bool same)
    {
        await using var service = await StartAsync(configured);
        foreach (var path in new[] { "/twilio/voice", "/makeCall" })
        {
            var (status, body) = await PostAsync(service, console + path, path: new Uri(console + path).PathAndQuery, host);
            status.ShouldBe(same ? HttpStatusCode.OK : HttpStatusCode.Forbidden);
            if (same)
                body.ShouldContain("no recipient was given");
        }
    }

    [Fact]
    public async Task A_webhook_is_accepted_if_a_proxy_has_merged_the_two_slashes()
    {
        await using var service = await StartAsync("https://calls.example.com");
        (await PostAsync(service, "https://calls.example.com//twilio/voice", "/twilio/voice", "calls.example.com")).Status
            .ShouldBe(HttpStatusCode.OK);
        (await PostAsync(service, "https://calls.example.com/twilio/voice", "//twilio/voice", "calls.example.com")).Status
            .ShouldBe(HttpStatusCode.OK);
        (await PostAsync(service, "https://calls.example.com///twilio/voice", "/twilio/voice", "calls.example.com")).Status
            .ShouldBe(HttpStatusCode.Forbidden);
    }

    [Theory]
    [InlineData("//metrics")]
    [InlineData("//healthz/live")]
    [InlineData("//v1/sessions/s-1")]
    [InlineData("///twilio/voice")]
    public async Task Only_webhooks_are_served_behind_two_slashes(string path)
    {
        await using var service = await StartAsync("https://calls.example.com");
        (await PostAsync(service, "https://calls.example.com" + path, path, "calls.example.com")).Status.ShouldBe(HttpStatusCode.NotFound);
    }

    [Fact]
    public void The_service_itself_has_one_spelling_and_tries_it_first()
    {
        var urls = new CallbackUrls(new Uri("https://Calls.Example.COM:443/"));
        urls.Wait(null).ShouldStartWith("https://calls.example.com/twilio/wait#");
        SignedUrls.Of(urls, "CALLS.example.com", "/twilio/voice").ShouldBe(
        [
            "https://calls.example.com/twilio/voice", "https://Calls.Example.COM/twilio/voice",
            "https://CALLS.example.com/twilio/voice", "https://calls.example.com//twilio/voice",
            "https://Calls.Example.COM//twilio/voice", "https://CALLS.example.com//twilio/voice",
        ]);
        SignedUrls.Of(new CallbackUrls(new Uri("http://[::1]:5000")), "[::1]", "/x")
            .ShouldBe(["http://[::1]:5000/x", "http://[::1]:5000//x"]);
    }

    private async Task<SandboxHost> StartAsync(string publicBaseUrl) => await SandboxHost.StartAsync(new SandboxOptions
    {
        RedisConnectionString = await redis.NewDatabaseAsync(),
        Settings = [new("PublicBaseUrl", publicBaseUrl), new("Calls:Limits:UnsignedPerMinute", "1000000")],
    });

    /// <summary>A webhook that Twilio has signed for one URL, and that arrives with this path and this Host header.</summary>
    private static Task<(HttpStatusCode Status, string Body)> PostAsync(SandboxHost service, string signed, string path, string host)
    {
        List<KeyValuePair<string, string>> form = [new("CallSid", "CA" + new string('d', 32)), new("From", "client:alice"), new("To", "")];
        var url = new Uri(
            service.Address.GetLeftPart(UriPartial.Authority) + path,
            new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true });
        return HostExtensions.SendAsync(
            HttpMethod.Post, url, Signer.Sign(service.Twilio.Options.AuthToken, signed, form), new FormUrlEncodedContent(form), host);
    }
}
