using System.Net;
using Calls.Integration.Tests.EndToEnd;
using Calls.Integration.Tests.Redis;
using Calls.Sandbox;
using Calls.Sandbox.Twilio;

namespace Calls.Integration.Tests.Webhooks;

/// <summary>Which callee a voice webhook names, and which signed requests place no call at all.</summary>
public sealed class PlacedCallTests(RedisFixture redis) : IAsyncLifetime
{
    private const string Phone = "+15550100101";
    private static readonly string Sid = "CA" + new string('d', 32);
    private SandboxHost host = null!;
    private Measurements unusable = null!;

    public async ValueTask InitializeAsync()
    {
        host = await SandboxHost.StartAsync(new SandboxOptions { RedisConnectionString = await redis.NewDatabaseAsync() });
        unusable = new Measurements(host.Services, "calls.webhooks.unusable");
    }

    public async ValueTask DisposeAsync()
    {
        unusable.Dispose();
        await host.DisposeAsync();
    }

    [Theory]
    [InlineData("+15550100101")]
    [InlineData("+1 (555) 010-0101")]
    [InlineData("\u202A+1 555 010 0101\u202C")]
    [InlineData("\u200E+1\u00A0555\u202F010\u20090101")]
    [InlineData("tel:+1-555-010-0101")]
    [InlineData("\u200FTEL: +1 555 010 0101")]
    [InlineData("+\u0661\u0665\u0665\u0665\u0660\u0661\u0660\u0660\u0661\u0660\u0661")] // Arabic-Indic
    [InlineData("\uFF0B\uFF11\uFF15\uFF15\uFF15\uFF10\uFF11\uFF10\uFF10\uFF11\uFF10\uFF11")] // full-width
    public async Task A_number_as_people_paste_it_rings_the_phone(string to)
    {
        await PlaceAsync(to);
        await host.Twilio.Phone(Phone).RingsAsync();
    }

    [Theory]
    [InlineData("15550100101", "must begin with +")]
    [InlineData("0041446681800", "not with 00")]
    [InlineData("905-553-6523", "must begin with +")]
    [InlineData("911", "must begin with +")]
    [InlineData("(555) 010-0101", "must begin with +")]
    [InlineData("\uFF19\uFF11\uFF11", "must begin with +")]
    [InlineData("\u202A911\u202C", "must begin with +")]
    [InlineData("\u0969\u0967\u0966", "must begin with +")]
    [InlineData("tel:911", "must begin with +")]
    [InlineData("tel:bob", "It must not have &quot;b&quot;, &quot;o&quot;")]
    [InlineData("+1555010010a", "It must not have &quot;a&quot;")]
    [InlineData("+1 555 010 0101\u0007", "It must not have U+0007")]
    [InlineData("+1 555", "too short")]
    [InlineData("1", "must begin with +")]
    [InlineData("12345abc", "It must not have &quot;a&quot;")]
    [InlineData("", "no recipient was given")]
    [InlineData(" \t", "no recipient was given")]
    [InlineData("sip:bob@example.com", "name of the recipient is not valid")]
    [InlineData("Client:bob", "name of the recipient is not valid")]
    [InlineData("client:", "name of the recipient is not valid")]
    [InlineData("client:+15550100101", "name of the recipient is not valid")]
    [InlineData("bob eve", "name of the recipient is not valid")]
    [InlineData("\u202Abob", "name of the recipient is not valid")]
    [InlineData("bob?x=1", "name of the recipient is not valid")]
    public async Task Any_other_recipient_is_refused_in_words_and_no_phone_or_app_rings(string to, string words)
    {
        var twiml = await PlaceAsync(to);
        twiml.Replace("\"", "&quot;").ShouldContain(words);
        twiml.ShouldContain("<Hangup");
        unusable.Tags.ShouldBe(["To"]);
        NothingWasDialled();
    }

    [Theory]
    [InlineData("bob", "bob")]
    [InlineData("client:bob", "bob")]
    [InlineData("client:15550100101", "15550100101")]
    [InlineData("client:client:bob", "client:bob")]
    [InlineData("auth0|5f7c8ec7", "auth0|5f7c8ec7")]
    [InlineData("bob+1@example.com", "bob+1@example.com")]
    public async Task An_identity_rings_the_app(string to, string identity)
    {
        await PlaceAsync(to);
        await host.Twilio.Client(identity).RingsAsync();
    }

    [Fact]
    public async Task The_identity_of_a_caller_is_the_one_that_Twilio_names()
    {
        (await PlaceAsync("bob", "client:auth0|alice")).ShouldContain("<Conference");
        await host.Twilio.Client("bob").RingsAsync();
        var (status, _) = await host.RestAsync(HttpMethod.Get, "/v1/sessions/s-1", host.TokenFor("auth0|alice"));
        status.ShouldBe(HttpStatusCode.OK);
        (status, _) = await host.RestAsync(HttpMethod.Get, "/v1/sessions/s-1", host.TokenFor("client:auth0|alice"));
        status.ShouldBe(HttpStatusCode.NotFound, "a subject is taken to the letter");
    }

    [Theory]
    [InlineData("CallStatus", "completed")]
    [InlineData("CallStatus", "canceled")]
    [InlineData("CallStatus", "no-answer")]
    [InlineData("CallStatus", "busy")]
    [InlineData("CallStatus", "failed")]
    [InlineData("CallbackSource", "call-progress-events")]
    public async Task A_status_callback_at_the_Voice_URL_places_no_call(string name, string value)
    {
        foreach (var path in new[] { "/twilio/voice", "/makeCall" })
        {
            var (status, twiml) = await host.SignedAsync(
                path, ("CallSid", Sid), ("From", "client:alice"), ("To", "bob"), ("SessionID", "s-1"), (name, value));
            status.ShouldBe(HttpStatusCode.OK);
            twiml.ShouldContain("<Response><Hangup></Hangup></Response>");
        }

        unusable.Tags.ShouldBe(["status callback", "status callback"]);
        NothingWasDialled();
        (await host.RestAsync(HttpMethod.Get, "/v1/sessions/s-1", host.TokenFor("alice"))).Status.ShouldBe(HttpStatusCode.NotFound);
    }

    [Fact]
    public async Task A_leg_that_a_REST_request_created_places_no_call()
    {
        var (status, twiml) = await host.SignedAsync("/twilio/voice", ("CallSid", Sid), ("From", "client:alice"), ("To", "client:bob"),
            ("CallStatus", "in-progress"), ("Direction", "outbound-api"));
        status.ShouldBe(HttpStatusCode.OK);
        twiml.ShouldContain("<Hangup");
        unusable.Tags.ShouldBe(["Direction"]);
        NothingWasDialled();
    }

    [Fact]
    public async Task A_status_callback_at_the_Voice_URL_reports_the_end_of_the_callers_own_leg_and_of_no_other()
    {
        var leg = await host.Twilio.Client("alice").CallAsync("bob", "s-1");
        await host.Twilio.Client("bob").RingsAsync();
        await EndedAsync("CA" + new string('e', 32));
        (await StateAsync()).ShouldBe("ringing", "the session does not have this leg");
        (await host.SignedAsync("/twilio/voice", ("CallSid", leg.Sid), ("From", "client:alice"), ("To", ""), ("SessionID", "s-1"),
            ("CallStatus", "ringing"), ("CallbackSource", "call-progress-events"))).Status.ShouldBe(HttpStatusCode.OK);
        (await StateAsync()).ShouldBe("ringing", "this callback says that the leg rings");
        await EndedAsync(leg.Sid);
        (await StateAsync()).ShouldBe("ended");
        await host.Twilio.Client("bob").IsIdleAsync();

        Task EndedAsync(string sid) => host.SignedAsync("/twilio/voice", ("CallSid", sid), ("From", "client:alice"), ("To", ""),
            ("SessionID", "s-1"), ("CallStatus", "completed"), ("CallbackSource", "call-progress-events"));
    }

    [Fact]
    public async Task A_status_callback_at_the_answer_URL_admits_no_leg_and_reports_the_end()
    {
        await host.Twilio.Client("alice").CallAsync("bob", "s-1");
        await host.Twilio.Client("bob").RingsAsync();
        var leg = host.Twilio.Client("bob").Incoming.Single();
        var join = new Uri(host.Address, leg.CallbackPath!).AbsolutePath.Replace("/status", "/join", StringComparison.Ordinal);
        var (status, twiml) = await host.SignedAsync(
            join, ("CallSid", leg.Sid), ("CallStatus", "ringing"), ("CallbackSource", "call-progress-events"));
        (status, twiml.Contains("<Conference", StringComparison.Ordinal)).ShouldBe((HttpStatusCode.OK, false));
        (await StateAsync()).ShouldBe("ringing");
        (status, twiml) = await host.SignedAsync(join, ("CallSid", leg.Sid), ("CallStatus", "busy"), ("To", "client:bob"));
        (status, twiml.Contains("<Conference", StringComparison.Ordinal)).ShouldBe((HttpStatusCode.OK, false));
        (await StateAsync()).ShouldBe("ended");
        unusable.Tags.ShouldBe(["status callback", "status callback"]);
    }

    [Fact]
    public async Task A_status_callback_of_a_live_leg_is_no_report_of_a_leave()
    {
        var leg = await host.Twilio.Client("alice").CallAsync("bob", "s-1");
        await host.Twilio.Client("bob").RingsAsync();
        var callee = host.Twilio.Client("bob").Incoming.Single();
        var left = new Uri(host.Address, callee.CallbackPath!).AbsolutePath
            .Replace("/callee/status", "/caller/left", StringComparison.Ordinal);
        await host.SignedAsync(left, ("CallSid", leg.Sid), ("CallStatus", "in-progress"), ("CallbackSource", "call-progress-events"));
        (await StateAsync()).ShouldBe("ringing");
        await host.SignedAsync(left, ("CallSid", leg.Sid), ("CallStatus", "in-progress"), ("DialCallStatus", "answered"));
        (await StateAsync()).ShouldBe("ended");
    }

    private async Task<string> PlaceAsync(string to, string from = "client:alice")
    {
        var (status, twiml) = await host.SignedAsync("/twilio/voice", ("CallSid", Sid), ("From", from), ("To", to),
            ("SessionID", "s-1"), ("CallStatus", "ringing"), ("Direction", "inbound"));
        status.ShouldBe(HttpStatusCode.OK);
        return twiml;
    }

    private async Task<string?> StateAsync() => (await host.SessionAsync("s-1")).GetProperty("state").GetString();

    private void NothingWasDialled() => host.Twilio.Journal.OfType<RestRequested>().ShouldBeEmpty();
}
