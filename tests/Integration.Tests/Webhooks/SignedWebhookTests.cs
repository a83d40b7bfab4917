using System.Net;
using System.Security.Cryptography;
using System.Text;
using Calls.Integration.Tests.EndToEnd;
using Calls.Integration.Tests.Redis;
using Calls.Sandbox;
using Calls.Sandbox.Twilio;

namespace Calls.Integration.Tests.Webhooks;

/// <summary>The gate of the webhooks over real HTTP: what Twilio signed comes in, everything else is 403, and nothing is ever a 500.</summary>
public sealed class SignedWebhookTests(RedisFixture redis) : IAsyncLifetime
{
    private const string OtherToken = "the-token-after-the-next-rotation";
    private static readonly string Sid = "CA" + new string('d', 32);

    private SandboxHost host = null!;

    public async ValueTask InitializeAsync() => host = await SandboxHost.StartAsync(new SandboxOptions
    {
        RedisConnectionString = await redis.NewDatabaseAsync(),
        Settings = [new("Twilio:RequestValidation:SecondaryAuthToken", OtherToken)],
    });

    public ValueTask DisposeAsync() => host.DisposeAsync();

    [Theory]
    [InlineData("/twilio/voice")]
    [InlineData("/twilio/sessions/s/join/callee?call=x")]
    [InlineData("/twilio/sessions/s/conference")]
    [InlineData("/twilio/sessions/s/calls/callee?call=x")]
    [InlineData("/twilio/sessions/s/left/caller")]
    [InlineData("/twilio/wait")]
    [InlineData("/makeCall")]
    [InlineData("/joinConf/s")]
    [InlineData("/leave")]
    [InlineData("/completeCall/s")]
    public async Task Without_a_valid_signature_every_webhook_is_forbidden(string path)
    {
        var url = new Uri(host.Address, path);
        foreach (var signature in new[] { null, "", "x", "AAAA", Convert.ToBase64String(new byte[20]), new string('A', 5000) })
        {
            (await HostExtensions.SendAsync(HttpMethod.Post, url, signature, Form("CallSid", Sid))).Status.ShouldBe(HttpStatusCode.Forbidden);
            (await HostExtensions.SendAsync(HttpMethod.Get, url, signature)).Status.ShouldBe(HttpStatusCode.Forbidden);
        }
    }

    [Fact]
    public async Task A_request_that_was_tampered_with_or_signed_for_elsewhere_is_forbidden()
    {
        var url = new Uri(host.Address, "/twilio/voice");
        List<KeyValuePair<string, string>> form = [new("CallSid", Sid), new("From", "client:alice"), new("To", "bob")];
        var signature = Signer.Sign(host.Twilio.Options.AuthToken, url, form);
        (await HostExtensions.SendAsync(HttpMethod.Post, url, signature, new FormUrlEncodedContent([.. form[..2], new("To", "eve")]))).Status.ShouldBe(HttpStatusCode.Forbidden);
        (await HostExtensions.SendAsync(HttpMethod.Post, new Uri(host.Address, "/twilio/voice?x=1"), signature, new FormUrlEncodedContent(form))).Status.ShouldBe(HttpStatusCode.Forbidden);
        var elsewhere = Signer.Sign(host.Twilio.Options.AuthToken, new Uri("http://evil.example/twilio/voice"), form);
        (await HostExtensions.SendAsync(HttpMethod.Post, url, elsewhere, new FormUrlEncodedContent(form), host: "evil.example")).Status
            .ShouldBe(HttpStatusCode.Forbidden, "the Host header says nothing of where Twilio was told to go");
        (await HostExtensions.SendAsync(HttpMethod.Post, url, signature, new FormUrlEncodedContent(form), host: "evil.example")).Status.ShouldBe(HttpStatusCode.OK);
    }

    [Fact]
    public async Task Either_token_is_accepted_while_they_are_rotated()
    {
        var url = new Uri(host.Address, "/twilio/wait");
        (await HostExtensions.SendAsync(HttpMethod.Get, url, Signer.Sign(host.Twilio.Options.AuthToken, url, []))).Status.ShouldBe(HttpStatusCode.OK);
        (await HostExtensions.SendAsync(HttpMethod.Get, url, Signer.Sign(OtherToken, url, []))).Status.ShouldBe(HttpStatusCode.OK);
        (await HostExtensions.SendAsync(HttpMethod.Get, url, Signer.Sign("a third one", url, []))).Status.ShouldBe(HttpStatusCode.Forbidden);
    }

    [Fact]
    public async Task A_GET_carries_its_parameters_in_the_signed_query()
    {
        var url = new Uri(host.Address, $"/twilio/voice?CallSid={Sid}&From=client%3Aalice&To=bob&SessionID=by-get");
        var (status, body) = await HostExtensions.SendAsync(HttpMethod.Get, url, Signer.Sign(host.Twilio.Options.AuthToken, url, []));
        status.ShouldBe(HttpStatusCode.OK);
        body.ShouldContain("<Conference");
        await host.Twilio.Client("bob").RingsAsync();
    }

    [Fact]
    public async Task A_JSON_body_is_signed_by_its_hash_in_the_url()
    {
        const string Body = """{"hello": "world"}""";
        var hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Body)));
        var url = new Uri(host.Address, "/twilio/sessions/s/conference?bodySHA256=" + hash);
        var signature = Signer.Sign(host.Twilio.Options.AuthToken, url, []);
        (await HostExtensions.SendAsync(HttpMethod.Post, url, signature, Json(Body))).Status.ShouldBe(HttpStatusCode.NoContent);
        (await HostExtensions.SendAsync(HttpMethod.Post, url, signature, Json(Body + " "))).Status.ShouldBe(HttpStatusCode.Forbidden);
        var bare = new Uri(host.Address, "/twilio/sessions/s/conference");
        (await HostExtensions.SendAsync(HttpMethod.Post, bare, Signer.Sign(host.Twilio.Options.AuthToken, bare, []), Json(Body))).Status.ShouldBe(HttpStatusCode.Forbidden);
    }

    [Fact]
    public async Task A_parameter_that_comes_twice_is_signed_by_all_its_values_and_counts_as_none()
    {
        List<KeyValuePair<string, string>> form = [new("CallSid", Sid), new("From", "client:alice"), new("To", "bob"), new("To", "eve")];
        var url = new Uri(host.Address, "/twilio/voice");
        var (status, body) = await HostExtensions.SendAsync(HttpMethod.Post, url, Signer.Sign(host.Twilio.Options.AuthToken, url, form), new FormUrlEncodedContent(form));
        status.ShouldBe(HttpStatusCode.OK);
        body.ShouldContain("nobody is named");
    }

    [Theory]
    [InlineData("application/x-www-form-urlencoded", "%ZZ=%%%&&&==")]
    [InlineData("multipart/form-data", "no boundary")]
    [InlineData("multipart/form-data; boundary=x", "--x\r\nbroken")]
    [InlineData("application/json", "{")]
    [InlineData("text/plain", "hello")]
    public async Task A_body_that_cannot_be_read_is_forbidden_and_never_a_500(string contentType, string body)
    {
        var url = new Uri(host.Address, "/twilio/voice");
        using var content = new ByteArrayContent(Encoding.UTF8.GetBytes(body));
        content.Headers.TryAddWithoutValidation("Content-Type", contentType);
        (await HostExtensions.SendAsync(HttpMethod.Post, url, Signer.Sign(host.Twilio.Options.AuthToken, url, []), content)).Status.ShouldBe(HttpStatusCode.Forbidden);
    }

    [Fact]
    public async Task A_body_that_is_too_large_is_turned_away()
    {
        var url = new Uri(host.Address, "/twilio/voice");
        var (status, _) = await HostExtensions.SendAsync(HttpMethod.Post, url, "AAAA", Form("CallSid", new string('x', 100_000)));
        status.ShouldBeOneOf(HttpStatusCode.Forbidden, HttpStatusCode.RequestEntityTooLarge);
    }

    private static FormUrlEncodedContent Form(string key, string value) => new([new KeyValuePair<string, string>(key, value)]);

    private static StringContent Json(string body) => new(body, Encoding.UTF8, "application/json");
}
