using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using Calls.Integration.Tests.Redis;
using Calls.Sandbox;
using Microsoft.Extensions.DependencyInjection;

namespace Calls.Integration.Tests.EndToEnd;

/// <summary>What an operator sees of dialled phones, and the time that each leg may last.</summary>
public sealed class DialedPhonesTests(RedisFixture redis)
{
    [Fact]
    public async Task A_phone_counts_in_its_region_and_an_app_user_does_not_count()
    {
        await using var host = await StartAsync();
        ConcurrentQueue<string?> regions = [];
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, it) =>
        {
            if (instrument.Name == "calls.dialed.phones" && instrument.Meter.Scope == host.Services.GetRequiredService<IMeterFactory>())
                it.EnableMeasurementEvents(instrument);
        };
        listener.SetMeasurementEventCallback<long>((_, _, tags, _) => regions.Enqueue(tags[0].Value?.ToString()));
        listener.Start();

        await host.Twilio.Client("alice").CallAsync("bob", "app");
        await host.Twilio.Client("bob").RingsAsync();
        await host.Twilio.Client("bob").AnswerAsync();
        await host.Twilio.Client("bob").TalksAsync();
        regions.ShouldBeEmpty();
        await host.AddPhoneAsync("app", "alice", "+15550100101");
        await host.Twilio.Phone("+15550100101").RingsAsync();
        await host.Twilio.Client("carol").CallAsync("+12025550123", "phone");
        await host.Twilio.Phone("+12025550123").RingsAsync();
        await Eventually.TrueAsync(() => Task.FromResult(regions.Count == 2));
        regions.ShouldBe(["unknown", "US"]);
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
