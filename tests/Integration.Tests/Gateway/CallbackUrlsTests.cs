using System.Globalization;
using Calls.Domain;
using Calls.Infrastructure.Dialing;
using Calls.Infrastructure.Twilio;

namespace Calls.Integration.Tests.Gateway;

public sealed class CallbackUrlsTests
{
    [Fact]
    public void Every_url_lies_under_the_public_origin_and_asks_twilio_to_try_again()
    {
        var urls = new CallbackUrls(new Uri("https://calls.example.com:8443/"));
        var call = new CallReference(Given.Session, "c1-nonce", "00-trace-01");
        var bob = new Recipient(new Party.Client(Given.Identity("bob")));
        var all = new[]
        {
            urls.Join(call, ParticipantId.Callee), urls.Status(
                call, ParticipantId.Callee), urls.Conference(call), urls.Left(call, ParticipantId.Caller),
            urls.Wait(call.TraceParent), urls.JoinAgain(call, ParticipantId.Callee, 2),
            urls.Answer(call, ParticipantId.Callee, 1), urls.JoinAgain(call, ParticipantId.Callee, 2, AnsweredBy.Human),
            urls.JoinAgain(call, ParticipantId.Callee, 2, AnsweredBy.Unknown, new KeyPress(1, IsOne: true)),
            urls.VoiceAgain(call.Session, bob, null, 1, call.TraceParent),
            urls.VoiceAgain(call.Session, bob, Given.Language("de-CH"), 1, call.TraceParent),
        };
        const string OfCall = "https://calls.example.com:8443/twilio/sessions/s:42/c1-nonce/";
        all.Select(u => u.Split('#')[0]).ShouldBe([
            OfCall + "participants/callee/join?trace=00-trace-01",
            OfCall + "participants/callee/status?trace=00-trace-01",
            OfCall + "conference?trace=00-trace-01",
            OfCall + "participants/caller/left?trace=00-trace-01",
            "https://calls.example.com:8443/twilio/wait?trace=00-trace-01",
            OfCall + "participants/callee/retries/2/join?trace=00-trace-01",
            OfCall + "participants/callee/questions/1/join?trace=00-trace-01",
            OfCall + "participants/callee/answered/Human/retries/2/join?trace=00-trace-01",
            OfCall + "participants/callee/questions/1/one/retries/2/join?trace=00-trace-01",
            "https://calls.example.com:8443/twilio/sessions/s:42/callees/Y2xpZW50OmJvYg/retries/1/voice?trace=00-trace-01",
            "https://calls.example.com:8443/twilio/sessions/s:42/callees/Y2xpZW50OmJvYg/languages/de-CH/retries/1/voice?trace=00-trace-01",
        ]);
        urls.Conference(call with { TraceParent = null }).ShouldStartWith(OfCall + "conference#", customMessage: "nothing is traced");
        all.Select(u => u.Split('#')[1]).ShouldAllBe(overrides => overrides.StartsWith("rc=", StringComparison.Ordinal)
            && overrides.Contains("rp=5xx,ct,rt", StringComparison.Ordinal));
    }

    /// <summary>What was handed out is what arrives, character by character: the signature is over it.</summary>
    [Theory]
    [InlineData("a..b")]
    [InlineData("...x")]
    [InlineData("A-Z_a-z.0-9:-")]
    [InlineData(":")]
    public void A_session_id_is_in_the_path_as_it_is(string id)
    {
        SessionId.TryParse(id, out var session).ShouldBeTrue();
        var url = new CallbackUrls(new Uri("http://localhost:5000")).Conference(new CallReference(session!, "x", null));
        url.ShouldStartWith($"http://localhost:5000/twilio/sessions/{id}/x/conference#");
        new Uri(url).AbsoluteUri.ShouldBe(url, "Twilio's library takes a Uri, and must not spell it in another way");
    }

    [Theory]
    [InlineData("client:bob")]
    [InlineData("client:auth0|5f7c8ec7")]
    [InlineData("client:15550100101")]
    [InlineData("client:o'brien+1~!=@example.com")]
    [InlineData("+15550100101")]
    [InlineData("group:inter-preters_1.a")]
    public void The_callee_of_a_held_call_is_in_the_path_without_an_escape(string address)
    {
        var callee = Recipient.Parse(address, out _).ShouldNotBeNull();
        var url = new Uri(new CallbackUrls(new Uri("http://localhost:5000")).VoiceAgain(Given.Session, callee, null, 1, null));
        var segment = url.AbsolutePath.Split('/')[5];
        segment.ShouldAllBe(c => char.IsAsciiLetterOrDigit(c) || c == '-' || c == '_');
        CallbackUrls.ReadRecipient(segment).ShouldBe(callee);
        CallbackUrls.ReadCallee(segment).ShouldBe(callee.Group is null ? callee.Party : null);
        url.AbsolutePath.ShouldEndWith("/voice", customMessage: "the last segment is a fixed word");
        url.ToString().ShouldBe(url.AbsoluteUri);
    }

    [Fact]
    public void Three_attempts_for_twiml_fit_into_twilios_fifteen_seconds()
    {
        var overrides = CallbackUrls.TwimlOverrides.TrimStart('#').Split('&').Select(o => o.Split('=')).Where(o => o[0] != "rp")
            .ToDictionary(o => o[0], o => int.Parse(o[1], CultureInfo.InvariantCulture));
        ((1 + overrides["rc"]) * (overrides["ct"] + overrides["rt"])).ShouldBeLessThan(15_000);
    }
}
