using System.Diagnostics;
using System.Globalization;
using Calls.Domain;
using Calls.Infrastructure.Twilio;

namespace Calls.Integration.Tests.Gateway;

public sealed class CallbackUrlsTests
{
    [Fact]
    public void Every_url_lies_under_the_public_origin_and_asks_twilio_to_try_again()
    {
        var urls = new CallbackUrls(new Uri("https://calls.example.com:8443/"));
        var all = new[]
        {
            urls.Answer(Given.Session, ParticipantId.Callee, "nonce"), urls.CallStatus(Given.Session, ParticipantId.Callee, "nonce"), urls.Conference(Given.Session),
            urls.Left(Given.Session, ParticipantId.Caller), urls.Wait(),
        };
        all.Select(u => u.Split('#')[0]).ShouldBe([
            "https://calls.example.com:8443/twilio/sessions/s:42/join/callee?call=nonce",
            "https://calls.example.com:8443/twilio/sessions/s:42/calls/callee?call=nonce",
            "https://calls.example.com:8443/twilio/sessions/s:42/conference",
            "https://calls.example.com:8443/twilio/sessions/s:42/left/caller",
            "https://calls.example.com:8443/twilio/wait",
        ]);
        all.Select(u => u.Split('#')[1]).ShouldAllBe(overrides => overrides.StartsWith("rc=", StringComparison.Ordinal) && overrides.Contains("rp=5xx,ct,rt", StringComparison.Ordinal));
    }

    /// <summary>What was handed out is what arrives, character by character: the signature is over it.</summary>
    [Theory]
    [InlineData("a..b")]
    [InlineData("...x")]
    [InlineData("A-Z_a-z.0-9:-")]
    [InlineData(":")]
    public void A_session_id_is_in_the_path_as_it_is(string id)
    {
        var url = new CallbackUrls(new Uri("http://localhost:5000")).Conference(SessionId.TryParse(id, out var session) ? session : throw new UnreachableException());
        url.ShouldStartWith($"http://localhost:5000/twilio/sessions/{id}/conference#");
        new Uri(url).AbsoluteUri.ShouldBe(url, "Twilio's library takes a Uri, and must not spell it in another way");
    }

    [Fact]
    public void Three_attempts_for_twiml_fit_into_twilios_fifteen_seconds()
    {
        var overrides = CallbackUrls.TwimlOverrides.TrimStart('#').Split('&').Select(o => o.Split('=')).Where(o => o[0] != "rp")
            .ToDictionary(o => o[0], o => int.Parse(o[1], CultureInfo.InvariantCulture));
        ((1 + overrides["rc"]) * (overrides["ct"] + overrides["rt"])).ShouldBeLessThan(15_000);
    }
}
