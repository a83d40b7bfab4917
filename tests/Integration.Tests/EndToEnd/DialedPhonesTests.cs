using Calls.Integration.Tests.Redis;
using Calls.Sandbox;

namespace Calls.Integration.Tests.EndToEnd;

/// <summary>What an operator sees of dialled phones, and the time that each leg may last.</summary>
public sealed class DialedPhonesTests(RedisFixture redis)
{
    [Fact]
    public async Task A_phone_counts_in_its_region_and_an_app_user_does_not_count()
    {
        await using var host = await StartAsync();
        using var dialed = new Measurements(host.Services, "calls.dialed.phones");
        await host.TalkAsync("app");
        dialed.All.ShouldBeEmpty();
        await host.AddPhoneAsync("app", "alice", "+15550100101");
        await host.Twilio.Phone("+15550100101").RingsAsync();
        await host.Twilio.Client("carol").CallAsync("+12025550123", "phone");
        await host.Twilio.Phone("+12025550123").RingsAsync();
        await Eventually.TrueAsync(() => Task.FromResult(dialed.All.Count == 2));
        dialed.Tags.ShouldBe(["unknown", "US"]);
    }

    [Fact]
    public async Task The_leg_of_the_caller_lasts_for_the_maximum_duration_at_most()
    {
        await using var host = await StartAsync(("Calls:MaxDuration", "01:30:00"));
        (await host.SignedAsync(
            "/twilio/voice", ("CallSid", "CA" + new string('9', 32)), ("From", "client:alice"), ("To", "bob"), ("SessionID", "s-42"))).Body
            .ShouldContain("timeLimit=\"5400\"");
    }

    private async Task<SandboxHost> StartAsync(params (string Key, string Value)[] settings) =>
        await SandboxHost.StartAsync(new SandboxOptions
        {
            RedisConnectionString = await redis.NewDatabaseAsync(),
            Settings = [.. settings.Select(setting => new KeyValuePair<string, string?>(setting.Key, setting.Value))],
        });
}
