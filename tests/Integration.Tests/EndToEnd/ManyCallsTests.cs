using System.Globalization;
using Calls.Integration.Tests.Redis;
using Calls.Sandbox;
using Calls.Sandbox.Demo;
using Calls.Sandbox.Twilio;

namespace Calls.Integration.Tests.EndToEnd;

/// <summary>Two hundred calls at once, with every webhook late by a random time, so that they overtake each other all the time.</summary>
public sealed class ManyCallsTests(RedisFixture redis)
{
    private const int Calls = 200;

    [Theory]
    [InlineData(11)]
    [InlineData(12)]
    public async Task All_end_none_is_in_limbo_and_each_callee_is_rung_once(int seed)
    {
        await using var host = await SandboxHost.StartAsync(new SandboxOptions
        {
            RedisConnectionString = await redis.NewDatabaseAsync(),
            Twilio = new() { Seed = seed, RingBuffer = TimeSpan.Zero },
            Settings = [new("Calls:RingTimeout", "00:00:05"), new("Calls:JoinGrace", "00:00:02"), new("Calls:ReviewInterval", "00:00:03")],
        });
        host.Faults(new WebhookFault { MaxDelay = TimeSpan.FromMilliseconds(500) });
        var random = new Random(seed);
        await Task.WhenAll(
            Enumerable.Range(0, Calls).Select(i => PlayAsync(host, i, random.Next(4), TimeSpan.FromMilliseconds(random.Next(1500)))));
        await host.Twilio.WaitUntilAsync(cloud => !cloud.LiveLegs().Any(), "every line has ended", TimeSpan.FromSeconds(60));
        (await host.Twilio.AskAsync(cloud => Guarantees.Broken(cloud))).ShouldBeEmpty();
        (await host.Twilio.AskAsync(cloud => Enumerable.Range(0, Calls).Count(i => cloud.Phone($"client:callee-{i}").Rings > 1)))
            .ShouldBe(0);
    }

    private static async Task PlayAsync(SandboxHost host, int number, int story, TimeSpan talk)
    {
        var caller = host.Twilio.Client(string.Create(CultureInfo.InvariantCulture, $"caller-{number}"));
        var callee = host.Twilio.Client(string.Create(CultureInfo.InvariantCulture, $"callee-{number}"));
        await callee.BehaveAsync(story switch { 0 => PhoneBehaviour.Decline, 1 => PhoneBehaviour.LetRing, _ => PhoneBehaviour.Answer },
            TimeSpan.FromMilliseconds(100));
        var leg = await caller.CallAsync(callee.Address, string.Create(CultureInfo.InvariantCulture, $"many-{number}"));
        await Task.Delay(talk);
        await host.Twilio.AskAsync(cloud =>
        {
            // Whoever is still on the line hangs up: the caller, or in every other call that was answered, the callee.
            var other = cloud.Phone(callee.Address).Current;
            cloud.HangUp(story == 3 && other?.AnsweredAt is not null ? other : leg);
            return true;
        });
    }
}
