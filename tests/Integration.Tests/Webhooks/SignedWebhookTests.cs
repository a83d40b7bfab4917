using System.Net;
using System.Security.Cryptography;
using System.Text;
using Calls.Integration.Tests.EndToEnd;
using Calls.Integration.Tests.Redis;
using Calls.Sandbox;
using Calls.Sandbox.Twilio;

namespace Calls.Integration.Tests.Webhooks;

/// <summary>The gate of the webhooks over real HTTP: what Twilio signed comes in, everything else is 403, and nothing is ever a
/// 500.</summary>
public sealed class SignedWebhookTests(RedisFixture redis) : IAsyncLifetime
{
    private const string OtherToken = "the-token-after-the-next-rotation";
    private const string SharedKey = "the-shared-key";
    private static readonly string Sid = "CA" + new string('d', 32);

    private SandboxHost host = null!;
    private Measurements refused = null!;

    public async ValueTask InitializeAsync()
    {
        host = await SandboxHost.StartAsync(new SandboxOptions
        {
            RedisConnectionString = await redis.NewDatabaseAsync(),
            Settings =
            [
                new("Twilio:RequestValidation:SecondaryAuthToken", OtherToken),
                new("Twilio:RequestValidation:SharedKeys:webhooks_sharedkey_1", SharedKey),
            ],
        });
        refused = new Measurements(host.Services, "calls.webhooks.refused");
    }

    public ValueTask DisposeAsync()
    {
        refused.Dispose();
        return host.DisposeAsync();
    }

    [Theory]
    [InlineData("/twilio/voice")]
    [InlineData("/twilio/sessions/s/x/participants/callee/join")]
    [InlineData("/twilio/sessions/s/x/conference")]
    [InlineData("/twilio/sessions/s/x/participants/callee/status")]
    [InlineData("/twilio/sessions/s/x/participants/caller/left")]
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
            (await HostExtensions.SendAsync(HttpMethod.Post, url, signature, Form("CallSid", Sid))).Status
                .ShouldBe(HttpStatusCode.Forbidden);
            (await HostExtensions.SendAsync(HttpMethod.Get, url, signature)).Status.ShouldBe(HttpStatusCode.Forbidden);
        }
    }

    [Fact]
    public async Task A_request_that_was_tampered_with_or_signed_for_elsewhere_is_forbidden()
    {
        var url = new Uri(host.Address, "/twilio/voice");
        List<KeyValuePair<string, string>> form = [new("CallSid", Sid), new("From", "client:alice"), new("To", "bob")];
        var signature = Signer.Sign(host.Twilio.Options.AuthToken, url, form);
        (await HostExtensions.SendAsync(HttpMethod.Post, url, signature, new FormUrlEncodedContent([.. form[..2], new("To", "eve")])))
            .Status.ShouldBe(HttpStatusCode.Forbidden);
        (await HostExtensions.SendAsync(HttpMethod.Post, new Uri(host.Address, "/twilio/voice?x=1"), signature,
            new FormUrlEncodedContent(form))).Status.ShouldBe(HttpStatusCode.Forbidden);
        var elsewhere = Signer.Sign(host.Twilio.Options.AuthToken, new Uri("http://evil.example/twilio/voice"), form);
        (await HostExtensions.SendAsync(HttpMethod.Post, url, elsewhere, new FormUrlEncodedContent(form), host: "evil.example")).Status
            .ShouldBe(HttpStatusCode.Forbidden, "the Host header says nothing of where Twilio was told to go");
        (await HostExtensions.SendAsync(HttpMethod.Post, url, signature, new FormUrlEncodedContent(form), host: "evil.example")).Status
            .ShouldBe(HttpStatusCode.OK);
    }

    [Fact]
    public async Task Either_token_is_accepted_while_they_are_rotated()
    {
        var url = new Uri(host.Address, "/twilio/wait");
        (await HostExtensions.SendAsync(HttpMethod.Get, url, Signer.Sign(host.Twilio.Options.AuthToken, url, []))).Status
            .ShouldBe(HttpStatusCode.OK);
        (await HostExtensions.SendAsync(HttpMethod.Get, url, Signer.Sign(OtherToken, url, []))).Status.ShouldBe(HttpStatusCode.OK);
        (await HostExtensions.SendAsync(HttpMethod.Get, url, Signer.Sign("a third one", url, []))).Status
            .ShouldBe(HttpStatusCode.Forbidden);
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

    [Theory]
    [InlineData("To=&to=bob&SessionID=by-case")]
    [InlineData("to=bob&To=&from=someone&sessionid=by-case")]
    [InlineData("To=bob&to=eve&SessionID=by-case&sessionId=other")]
    public async Task Names_that_differ_only_in_case_are_signed_as_they_are_and_fill_in_where_the_exact_name_is_empty(string parameters)
    {
        var query = $"CallSid={Sid}&From=client%3Aalice&Direction=inbound&{parameters}";
        var get = new Uri(host.Address, "/twilio/voice?" + query);
        var (status, body) = await HostExtensions.SendAsync(HttpMethod.Get, get, Signer.Sign(host.Twilio.Options.AuthToken, get, []));
        (status, body.Contains("<Conference", StringComparison.Ordinal)).ShouldBe((HttpStatusCode.OK, true), body);
        await host.Twilio.Client("bob").RingsAsync();

        var form = query.Split('&').Select(pair => pair.Split('=')).Select(pair => (pair[0], Uri.UnescapeDataString(pair[1]))).ToArray();
        var (postStatus, postBody) = await host.SignedAsync("/twilio/voice", form);
        postStatus.ShouldBe(HttpStatusCode.OK);
        postBody.ShouldBe(body, "the same leg gets the same answer");
        var (found, _) = await host.RestAsync(HttpMethod.Get, "/v1/sessions/by-case", host.TokenFor("alice"));
        found.ShouldBe(HttpStatusCode.OK);
        host.Twilio.Client("bob").Rings.ShouldBe(1);
    }

    [Theory]
    [InlineData("To=%00")]
    [InlineData("To=bob&%00=x")]
    public async Task A_query_that_cannot_be_read_is_forbidden(string query)
    {
        var url = new Uri(host.Address, $"/twilio/voice?CallSid={Sid}&From=client%3Aalice&{query}");
        (await HostExtensions.SendAsync(HttpMethod.Get, url, Signer.Sign(host.Twilio.Options.AuthToken, url, []))).Status
            .ShouldBe(HttpStatusCode.Forbidden);
        refused.Tags.ShouldBe(["unreadable query"]);
    }

    [Fact]
    public async Task A_query_with_too_many_fields_is_forbidden()
    {
        var fields = string.Join('&', Enumerable.Range(0, 201).Select(i => $"k{i}=1"));
        var url = new Uri(host.Address, "/twilio/voice?" + fields);
        (await HostExtensions.SendAsync(HttpMethod.Get, url, Signer.Sign(host.Twilio.Options.AuthToken, url, []))).Status
            .ShouldBe(HttpStatusCode.Forbidden);
        refused.Tags.ShouldBe(["unreadable query"]);
    }

    [Fact]
    public async Task A_POST_without_a_body_and_without_a_content_type_has_no_fields()
    {
        var url = new Uri(host.Address, "/twilio/sessions/s/x/conference");
        var signature = Signer.Sign(host.Twilio.Options.AuthToken, url, []);
        (await HostExtensions.SendAsync(HttpMethod.Post, url, signature)).Status.ShouldBe(HttpStatusCode.NoContent);
    }

    [Fact]
    public async Task A_request_that_names_a_shared_key_is_checked_with_that_key_alone()
    {
        var url = new Uri(host.Address, "/twilio/wait");
        var byKey = Convert.ToBase64String(HMACSHA256.HashData(Encoding.UTF8.GetBytes(SharedKey), Encoding.UTF8.GetBytes(url.AbsoluteUri)));
        var byToken = Signer.Sign(host.Twilio.Options.AuthToken, url, []);
        (await SendAsync(byKey, "key=webhooks_sharedkey_1,algorithm=HMAC_SHA256")).ShouldBe(HttpStatusCode.OK);
        (await SendAsync(byToken, "key=webhooks_sharedkey_1,algorithm=HMAC_SHA256")).ShouldBe(HttpStatusCode.Forbidden);
        (await SendAsync(byToken, null)).ShouldBe(HttpStatusCode.OK);
        (await SendAsync(byKey, null)).ShouldBe(HttpStatusCode.Forbidden);
        refused.Tags.ShouldBe(["wrong signature", "wrong signature"]);
        refused.Clear();
        (await SendAsync(byKey, "key=webhooks_sharedkey_2,algorithm=HMAC_SHA256")).ShouldBe(HttpStatusCode.Forbidden);
        (await SendAsync(byToken, "")).ShouldBe(HttpStatusCode.Forbidden);
        (await SendAsync(byKey, "key=webhooks_sharedkey_1,algorithm=HMAC_SHA1")).ShouldBe(HttpStatusCode.Forbidden);
        refused.Tags.ShouldBe(["shared key not configured", "shared key not configured", "shared key algorithm"]);

        async Task<HttpStatusCode> SendAsync(string signature, string? settings) =>
            (await HostExtensions.SendAsync(HttpMethod.Get, url, signature, settings: settings)).Status;
    }

    [Fact]
    public async Task A_parameter_that_comes_twice_is_signed_by_all_its_values_and_counts_as_none()
    {
        List<KeyValuePair<string, string>> form = [new("CallSid", Sid), new("From", "client:alice"), new("To", "bob"), new("To", "eve")];
        var url = new Uri(host.Address, "/twilio/voice");
        var (status, body) = await HostExtensions.SendAsync(
            HttpMethod.Post, url, Signer.Sign(host.Twilio.Options.AuthToken, url, form), new FormUrlEncodedContent(form));
        status.ShouldBe(HttpStatusCode.OK);
        body.ShouldContain("no recipient was given");
    }

    [Theory]
    [InlineData("application/x-www-form-urlencoded", "%ZZ=%%%&&&==", "wrong signature")]
    [InlineData("application/x-www-form-urlencoded", "To=%00", "unreadable body")]
    [InlineData("application/x-www-form-urlencoded", "To=\u00ff", "unreadable body")]
    [InlineData("application/x-www-form-urlencoded; charset=utf-16", "To=bob", "content type")]
    [InlineData("multipart/form-data", "no boundary", "content type")]
    [InlineData("multipart/form-data; boundary=x", "--x\r\nbroken", "content type")]
    [InlineData("application/json", "{}", "content type")]
    [InlineData("text/plain", "hello", "content type")]
    [InlineData("", "hello", "content type")]
    public async Task A_body_that_is_not_a_readable_form_is_forbidden_and_never_a_500(string contentType, string body, string cause)
    {
        var url = new Uri(host.Address, "/twilio/voice");
        using var content = new ByteArrayContent(Encoding.Latin1.GetBytes(body));
        content.Headers.TryAddWithoutValidation("Content-Type", contentType);
        var signature = Signer.Sign(host.Twilio.Options.AuthToken, url, []);
        (await HostExtensions.SendAsync(HttpMethod.Post, url, signature, content)).Status.ShouldBe(HttpStatusCode.Forbidden);
        refused.Tags.ShouldBe([cause]);
    }

    [Fact]
    public async Task A_body_that_is_too_large_is_turned_away()
    {
        var url = new Uri(host.Address, "/twilio/voice");
        var (status, _) = await HostExtensions.SendAsync(HttpMethod.Post, url, "AAAA", Form("CallSid", new string('x', 100_000)));
        status.ShouldBeOneOf(HttpStatusCode.Forbidden, HttpStatusCode.RequestEntityTooLarge);
    }

    private static FormUrlEncodedContent Form(string key, string value) => new([new KeyValuePair<string, string>(key, value)]);
}
