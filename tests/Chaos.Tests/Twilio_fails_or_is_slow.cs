using System.Globalization;
using Calls.Chaos.Tests.Harness;
using Calls.Sandbox.Twilio;

namespace Calls.Chaos.Tests;

/// <summary>One replica compares its live calls with Twilio while Twilio fails, and while Twilio takes its time.</summary>
public sealed class Twilio_fails_or_is_slow
{
    private const int MostWarningsInAMinute = 60;
    private static readonly TimeSpan LongestLag = TimeSpan.FromSeconds(5);

    /// <summary>The settings of production.</summary>
    private static readonly (string, string)[] Settings =
        [("Calls:ReviewInterval", "00:01:00"), ("Calls:JoinGrace", "00:00:15"), ("Calls:RingTimeout", "00:00:30"),
            ("Logging:LogLevel:Default", "Information")];

    [Fact]
    public async Task Two_hundred_live_calls_stay_as_they_are_while_Twilio_answers_500_for_70_seconds()
    {
        using var redis = await RedisServer.StartAsync();
        await using var deployment = await Deployment.StartAsync(redis.Address, replicas: 1, settings: Settings);
        var (count, replica) = (Sizes.LiveCallsWhileTwilioFails, deployment.Replicas[0]);
        await using var calls = new LiveCalls(deployment, count);
        await calls.PlaceAsync(Sizes.CallsPerSecond);
        // The first reviews are due a minute after a call was placed. The outage begins shortly before.
        await Task.Delay(TimeSpan.FromSeconds(45));
        var asked = Reads(deployment);
        using (deployment.Twilio.Faults.Add(new RestFault { Kind = RestFaultKind.ServerError }))
            await Task.Delay(TimeSpan.FromSeconds(70));
        var back = TimeProvider.System.GetTimestamp();
        asked = Reads(deployment) - asked;
        await Task.Delay(TimeSpan.FromSeconds(60));
        var caughtUp = calls.LastAbove(LongestLag) is { } at && at > back
            ? TimeProvider.System.GetElapsedTime(back, at) : TimeSpan.Zero;
        var (talking, warnings) = (await calls.TalkingAsync(), replica.MostWarningsInAMinute());
        await calls.EndAsync(perSecond: 100);
        Report.Line(string.Create(CultureInfo.InvariantCulture,
            $"{count} live calls, Twilio answers 500 for 70 s: {asked} reads in the outage, at most {warnings} warnings in a minute, "
            + $"lag under 5 s again {caughtUp.TotalSeconds:0.0} s after Twilio's return, longest lag "
            + $"{calls.LongestLagSince(0).TotalSeconds:0.0} s, {talking} calls unharmed"));
        talking.ShouldBe(count);
        warnings.ShouldBeInRange(1, MostWarningsInAMinute - 1, "the outage is logged. " + deployment.Said());
        caughtUp.ShouldBeLessThan(TimeSpan.FromMinutes(1));
        calls.LongestLagSince(back + (30 * TimeProvider.System.TimestampFrequency)).ShouldBeLessThan(LongestLag);
    }

    [Fact]
    public async Task Three_thousand_live_calls_are_compared_in_time_while_Twilio_takes_150_ms()
    {
        using var redis = await RedisServer.StartAsync();
        await using var deployment = await Deployment.StartAsync(redis.Address, replicas: 1, settings: Settings);
        var (count, replica) = (Sizes.LiveCallsWhileTwilioIsSlow, deployment.Replicas[0]);
        deployment.Twilio.Faults.RestLatency = TimeSpan.FromMilliseconds(150);
        await using var calls = new LiveCalls(deployment, count);
        await calls.PlaceAsync(Sizes.CallsPerSecond);
        var (placed, asked) = (TimeProvider.System.GetTimestamp(), Reads(deployment));
        await Task.Delay(TimeSpan.FromSeconds(150));
        asked = Reads(deployment) - asked;
        var (talking, warnings, lag) = (await calls.TalkingAsync(), replica.MostWarningsInAMinute(), calls.LongestLagSince(placed));
        await calls.EndAsync(perSecond: 100);
        Report.Line(string.Create(CultureInfo.InvariantCulture,
            $"{count} live calls, Twilio takes 150 ms: {asked} reads in 150 s, at most {warnings} warnings in a minute, longest lag "
            + $"{lag.TotalSeconds:0.0} s, {replica.Written.Lines} log lines ({replica.Written.Characters / 1000} kB) in all, "
            + $"{talking} calls unharmed"));
        talking.ShouldBe(count);
        warnings.ShouldBeLessThan(MostWarningsInAMinute, deployment.Said());
        lag.ShouldBeLessThan(LongestLag);
        asked.ShouldBeGreaterThan(count * 2 * 2, "each call is compared at least twice, with two reads each time");
    }

    private static int Reads(Deployment deployment) => deployment.Twilio.Journal.OfType<RestRequested>()
        .Count(request => request.Method == "GET");
}
