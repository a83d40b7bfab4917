using System.Net;
using Calls.Api.Twilio;
using Calls.Integration.Tests.Redis;
using Calls.Sandbox;
using Calls.Sandbox.Twilio;

namespace Calls.Integration.Tests.EndToEnd;

/// <summary>The caller of a callee who was not reached hears a tone or words, and then the line ends (docs/adr/0023).</summary>
public sealed class CallerNoticeTests(RedisFixture redis)
{
    private const string Session = "s-42";
    private const string Lawyer = "+15550100101";
    private const string Busy = "/twilio/tones/busy.wav";
    private const string Reorder = "/twilio/tones/reorder.wav";

    [Theory]
    [InlineData(PhoneBehaviour.Busy, Busy, "callee-busy")]
    [InlineData(PhoneBehaviour.Unreachable, Reorder, "callee-unreachable")]
    [InlineData(PhoneBehaviour.LetRing, Reorder, "callee-no-answer")]
    public async Task The_caller_hears_the_tone_of_the_outcome_and_then_the_line_ends(PhoneBehaviour callee, string tone, string reason)
    {
        await using var host = await StartAsync(new(), [new("Calls:RingTimeout", "00:00:05")]);
        var alice = host.Twilio.Client("alice");
        await host.Twilio.Phone(Lawyer).BehaveAsync(callee);
        await alice.CallAsync(Lawyer, Session);
        await host.HearsAsync(tone);
        await alice.IsIdleAsync();
        var document = await host.SessionAsync();
        (document.GetProperty("state").GetString(), document.GetProperty("endReason").GetString()).ShouldBe(("ended", reason));
        Updates(host).ShouldHaveSingleItem()["Twiml"].ShouldBe(
            $"<?xml version=\"1.0\" encoding=\"utf-8\"?><Response><Play>{host.Address}{tone[1..]}</Play><Hangup></Hangup></Response>");
        LastState(host).ShouldBe("<Hangup>", "the line is not hung up by another request");
    }

    [Fact]
    public async Task Words_take_the_place_of_the_tone_in_the_language_of_the_call()
    {
        await using var host = await StartAsync(
            new(), [new("Calls:Prompts:declined:en", "The person has declined."), new("Calls:Prompts:declined:de", "Abgelehnt.")]);
        await DeclinesAsync(host, "s-1", "de-CH");
        await DeclinesAsync(host, "s-2", null);
        await DeclinesAsync(host, "s-3", "no language at all\"/>");
        host.Twilio.Client("alice").Heard.Where(sound => sound.StartsWith('"'))
            .ShouldBe(["\"Abgelehnt.\"", "\"The person has declined.\"", "\"The person has declined.\""]);
        (Updates(host)[0]["Twiml"] ?? "").ShouldContain("<Say language=\"de\">Abgelehnt.</Say>");
    }

    [Fact]
    public async Task The_language_of_a_held_call_is_kept()
    {
        using var gate = new RedisGate(await redis.NewDatabaseAsync(), isOpen: false);
        await using var host = await SandboxHost.StartAsync(new SandboxOptions
        {
            RedisConnectionString = gate.ConnectionString,
            Twilio = new() { PauseScale = 0.5 },
            Settings = [new("Calls:Prompts:busy:fr", "La ligne est occupée.")],
        });
        var alice = host.Twilio.Client("alice");
        await host.Twilio.Phone(Lawyer).BehaveAsync(PhoneBehaviour.Busy);
        await alice.PlaceCallAsync(Lawyer, new() { { "SessionID", Session }, { "Language", "fr" } });
        await host.HearsAsync("/twilio/wait/ringback.wav");
        gate.Open();
        await alice.IsIdleAsync(TimeSpan.FromSeconds(20));
        alice.Heard[^1].ShouldBe("\"La ligne est occupée.\"");
    }

    [Fact]
    public async Task A_caller_who_has_hung_up_or_whose_call_simply_ends_hears_no_tone()
    {
        await using var host = await StartAsync(new(), []);
        var (alice, bob) = (host.Twilio.Client("alice"), host.Twilio.Client("bob"));
        await alice.CallAsync("bob", Session);
        await bob.RingsAsync();
        await alice.HangUpAsync();
        await bob.IsIdleAsync();
        await host.TalkAsync("s-43");
        await bob.HangUpAsync();
        await alice.IsIdleAsync();
        await host.TalkAsync("s-44");
        (await host.RestAsync(HttpMethod.Delete, "/v1/sessions/s-44", host.TokenFor("alice"))).Status.ShouldBe(HttpStatusCode.NoContent);
        await alice.IsIdleAsync();
        await bob.IsIdleAsync();
        Updates(host).ShouldAllBe(update => update["Twiml"] == null);
        alice.Heard.ShouldNotContain(sound => sound.Contains("/twilio/tones/", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(RestFaultKind.TimeOut)]
    [InlineData(RestFaultKind.Cut)]
    [InlineData(RestFaultKind.ServerErrorAfterActing)]
    public async Task The_line_ends_although_the_request_for_the_tone_is_lost(RestFaultKind fault)
    {
        await using var host = await StartAsync(new(), []);
        host.Twilio.Faults.Add(new RestFault { Operation = RestOperation.UpdateCall, Contains = "Twiml", Kind = fault });
        await DeclinesAsync(host, Session, null);
        host.Twilio.Journal.OfType<RestAnswered>().ShouldContain(
            answer => answer.Operation == RestOperation.UpdateCall && answer.Fault != null, "the request for the tone was sent and lost");
        await host.EventuallyAsync(document =>
            document.GetProperty("participants").EnumerateArray().All(person => person.GetProperty("state").GetString() != "connected"));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task The_session_settles_although_all_webhooks_of_the_redirected_leg_are_lost(bool requestsAction)
    {
        await using var host = await StartAsync(
            new() { RedirectRequestsAction = requestsAction, InlinePlayTime = TimeSpan.FromSeconds(1) }, []);
        var (alice, bob) = (host.Twilio.Client("alice"), host.Twilio.Client("bob"));
        await alice.CallAsync("bob", Session);
        await bob.RingsAsync();
        host.Faults(new WebhookFault { Kind = WebhookKind.Conference, Drop = true });
        await bob.DeclineAsync();
        await alice.IsIdleAsync();
        LastState(host).ShouldBe("<Hangup>", "the tone was played to its end");
        await host.EventuallyAsync(document => document.GetProperty("participants")[0].GetProperty("state").GetString() == "left");
    }

    [Fact]
    public async Task The_tones_are_audio_that_any_cache_may_keep()
    {
        await using var host = await StartAsync(new(), [new("Calls:Tones:Region", "gb")]);
        using var http = new HttpMessageInvoker(new SocketsHttpHandler { UseCookies = false });
        foreach (var (tone, seconds) in new[] { (Busy, 2.25), (Reorder, 4.5), ("/twilio/wait/ringback.wav", 3.0) })
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(host.Address, tone));
            using var response = await http.SendAsync(request, TestContext.Current.CancellationToken);
            response.Content.Headers.ContentType?.MediaType.ShouldBe("audio/wav");
            response.Headers.CacheControl?.Public.ShouldBeTrue();
            var wav = await response.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken);
            SecondsOf(wav).ShouldBe(seconds, tone);
        }
    }

    [Fact]
    public void No_tone_of_any_region_is_longer_than_five_seconds()
    {
        foreach (var tones in CallTones.Regions.Append("").Select(region => new CallTones(region)))
        {
            SecondsOf(tones.Busy).ShouldBeInRange(1, 5);
            SecondsOf(tones.Reorder).ShouldBeInRange(1, 5);
            SecondsOf(tones.Ringback).ShouldBe(tones.RingbackCycle.TotalSeconds, 0.001);
        }
    }

    [Fact]
    public void The_congestion_tone_of_Spain_has_three_bursts_in_each_of_three_cycles() =>
        SecondsOf(new CallTones("ES").Reorder).ShouldBe(4.8, 0.001);

    [Theory]
    [InlineData("PR", "US")]
    [InlineData("VI", "US")]
    [InlineData("GU", "US")]
    [InlineData("AS", "US")]
    [InlineData("MP", "US")]
    [InlineData("GG", "GB")]
    [InlineData("JE", "GB")]
    [InlineData("IM", "GB")]
    public void A_territory_has_the_tones_of_its_network(string territory, string country)
    {
        var (its, tones) = (new CallTones(territory), new CallTones(country));
        (its.Ringback.AsSpan().SequenceEqual(tones.Ringback), its.Busy.AsSpan().SequenceEqual(tones.Busy),
            its.Reorder.AsSpan().SequenceEqual(tones.Reorder)).ShouldBe((true, true, true));
    }

    [Theory]
    [InlineData("IN", 400, 25)]
    [InlineData("SG", 425, 24)]
    [InlineData("ZA", 400, 33)]
    [InlineData("JP", 400, 16)]
    [InlineData("AU", 425, 25)]
    public void A_modulated_ringback_has_both_sidebands(string region, int hertz, int modulation)
    {
        var on = new CallTones(region).Ringback.AsSpan(58, 3200);
        foreach (var frequency in new[] { hertz - modulation, hertz, hertz + modulation })
            Power(on, frequency).ShouldBeGreaterThan(20 * Power(on, hertz + (4 * modulation)));
    }

    [Theory]
    [InlineData("DE", "", 480, 425)]
    [InlineData("", "+12125550100", 500, 480)]
    [InlineData("", "+442079460000", 375, 400)]
    [InlineData("", "+97145550100", 500, 425)]
    public void The_busy_tone_is_that_of_the_region_or_of_the_caller_id(string region, string callerId, int onMs, int hertz)
    {
        var wav = CallTones.Of(region, callerId).Busy;
        var data = wav.AsSpan(58);
        var silence = data[^1];
        var on = data[..(8 * onMs)];
        data.Slice(8 * onMs, 8 * 100).ToArray().ShouldAllBe(sample => sample == silence);
        Power(on, hertz).ShouldBeGreaterThan(20 * Power(on, hertz + 60));
    }

    private async Task<SandboxHost> StartAsync(TwilioEmulatorOptions twilio, KeyValuePair<string, string?>[] settings) =>
        await SandboxHost.StartAsync(new SandboxOptions
        {
            RedisConnectionString = await redis.NewDatabaseAsync(),
            Twilio = twilio with { RingBuffer = TimeSpan.Zero },
            Settings = settings,
        });

    private static async Task DeclinesAsync(SandboxHost host, string session, string? language)
    {
        var (alice, bob) = (host.Twilio.Client("alice"), host.Twilio.Client("bob"));
        await alice.PlaceCallAsync("bob", new() { { "SessionID", session }, { "Language", language } });
        await bob.RingsAsync();
        await bob.DeclineAsync();
        await alice.IsIdleAsync(TimeSpan.FromSeconds(20));
    }

    private static List<Parameters> Updates(SandboxHost host) => [.. host.Twilio.Journal.OfType<RestRequested>()
        .Where(rest => rest.Method == "POST" && rest.Path.Contains("/Calls/", StringComparison.Ordinal)).Select(rest => rest.Parameters)];

    private static string LastState(SandboxHost host) =>
        host.Twilio.Journal.OfType<LegChanged>().Last(change => change.Phone == "client:alice").Why;

    private static double SecondsOf(byte[] wav) => BitConverter.ToInt32(wav, 54) / 8000.0;

    /// <summary>The power of one frequency (Goertzel), of samples in mu-law.</summary>
    private static double Power(ReadOnlySpan<byte> samples, double hertz)
    {
        var (coefficient, one, two) = (2 * Math.Cos(2 * Math.PI * hertz / 8000), 0.0, 0.0);
        foreach (var sample in samples)
            (one, two) = (Linear(sample) + (coefficient * one) - two, one);
        return (one * one) + (two * two) - (coefficient * one * two);

        static double Linear(byte coded)
        {
            var value = ~coded & 0xFF;
            var magnitude = ((((value & 0x0F) << 3) + 132) << ((value & 0x70) >> 4)) - 132;
            return (value & 0x80) != 0 ? -magnitude : magnitude;
        }
    }
}
