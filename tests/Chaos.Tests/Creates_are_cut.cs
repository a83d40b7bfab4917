using System.Globalization;
using Calls.Chaos.Tests.Harness;
using Calls.Sandbox.Demo;
using Calls.Sandbox.Twilio;

namespace Calls.Chaos.Tests;

/// <summary>A create is cut: Twilio has created the call, and its answer never arrives.</summary>
public sealed class Creates_are_cut
{
    /// <summary>The number of calls with an intact create for each call whose create is cut.</summary>
    /// <remarks>
    /// Too many failures open the circuit breaker, and then no create is sent. Of the first ten creates of a replica, and of the 32 that it
    /// may have under way, fewer than five must be cut. The number is odd, so that each replica has its share.
    /// </remarks>
    private const int AloneForEach = 10;

    [Fact]
    public async Task Each_callee_of_a_create_that_was_cut_after_Twilio_had_acted_is_rung_exactly_once()
    {
        using var redis = await RedisServer.StartAsync();
        await using var deployment = await Deployment.StartAsync(redis.Address, settings: ("Calls:RingTimeout", "00:00:20"));
        var twilio = deployment.Twilio;
        twilio.Faults.Add(new RestFault { Operation = RestOperation.CreateCall, Contains = "cut-", Kind = RestFaultKind.CutAfterActing });
        // Half of those calls send no status webhook while they ring. The service must find them by a look-up.
        twilio.Faults.Add(new WebhookFault
        {
            Kind = WebhookKind.CallStatus,
            Event = "initiated",
            UrlContains = "silent-cut-",
            Drop = true,
        });
        twilio.Faults.Add(new WebhookFault { Kind = WebhookKind.CallStatus, Event = "ringing", UrlContains = "silent-cut-", Drop = true });
        var calls = Enumerable.Range(0, Sizes.CutCreates * (1 + AloneForEach)).ToList();
        var from = TimeProvider.System.GetTimestamp();
        await Task.WhenAll(calls.Select(async number =>
        {
            await Task.Delay(TimeSpan.FromSeconds((double)number / Sizes.CallsPerSecond));
            await PlayAsync(twilio, number);
        }));
        await twilio.WaitUntilAsync(cloud => !cloud.LiveLegs().Any(), "every leg has ended", TimeSpan.FromSeconds(40));
        var took = TimeProvider.System.GetElapsedTime(from);
        (await twilio.AskAsync(cloud => Guarantees.Broken(cloud))).ShouldBeEmpty();
        var cut = twilio.Journal.OfType<RestAnswered>()
            .Count(answer => answer.Operation == RestOperation.CreateCall && answer is { Status: 0, Acted: true });
        var dials = await twilio.AskAsync(cloud => cloud.DialCounts());
        var rings = await twilio.AskAsync(cloud => cloud.RingCounts());
        var lookedUp = twilio.Journal.OfType<RestRequested>().Count(request => request.Operation == RestOperation.ListCalls);
        Report.Line(string.Create(CultureInfo.InvariantCulture,
            $"{cut} creates cut after Twilio had acted, among {calls.Count} calls in {took.TotalSeconds:0.0} s: "
            + $"{calls.Count(n => dials[Callee(n)] == 1)} callees with exactly one leg, "
            + $"{calls.Count(n => rings[Callee(n)] == 1)} rung once; {lookedUp} look-ups"));
        cut.ShouldBe(Sizes.CutCreates);
        calls.Where(number => dials.GetValueOrDefault(Callee(number)) != 1 || rings.GetValueOrDefault(Callee(number)) != 1).ShouldBeEmpty();
    }

    private static string Callee(int number) => string.Create(CultureInfo.InvariantCulture, $"client:{Kind(number)}-{number}");

    private static string Kind(int number) => (number % (1 + AloneForEach), number / (1 + AloneForEach) % 2) switch
    {
        (0, 0) => "cut",
        (0, _) => "silent-cut",
        _ => "alone",
    };

    private static async Task PlayAsync(TwilioEmulator twilio, int number)
    {
        var caller = twilio.Client(string.Create(CultureInfo.InvariantCulture, $"caller-{number}"));
        await twilio.Client(Callee(number)["client:".Length..])
            .BehaveAsync(PhoneBehaviour.Answer, TimeSpan.FromSeconds(number % 2 == 0 ? 0.2 : 3));
        await caller.CallAsync(Callee(number), string.Create(CultureInfo.InvariantCulture, $"{Kind(number)}-{number}"));
        await caller.TalksAsync(TimeSpan.FromSeconds(40));
        await caller.HangUpAsync();
    }
}
