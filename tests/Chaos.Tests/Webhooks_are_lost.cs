using Calls.Chaos.Tests.Harness;
using Calls.Sandbox.Twilio;

namespace Calls.Chaos.Tests;

/// <summary>A fifth of all status webhooks is lost, a tenth is repeated, and each has a random delay.</summary>
public sealed class Webhooks_are_lost
{
    private static readonly TimeSpan Review = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan MaxDelay = TimeSpan.FromMilliseconds(300);
    private static readonly WebhookKind[] Status = [WebhookKind.CallStatus, WebhookKind.Conference];

    [Fact]
    public async Task All_calls_end_within_two_review_intervals_of_when_they_end_without_a_loss()
    {
        var lossless = await RunAsync(lossy: false);
        var lossy = await RunAsync(lossy: true);
        var later = lossy.Zip(lossless, (with, without) => with - without).Order().ToList();
        Report.Line($"A fifth of the status webhooks lost: {lossy.Count} of {lossless.Count} calls ended; later than without a loss by "
            + $"p50 {later[later.Count / 2].TotalSeconds:0.00} s, p99 {later[later.Count * 99 / 100].TotalSeconds:0.00} s, max "
            + $"{later[^1].TotalSeconds:0.00} s");
        later[^1].ShouldBeLessThanOrEqualTo(2 * Review);
    }

    /// <returns>For each call, the time from the last act of a person or a phone to the end of the last leg.</returns>
    private static async Task<IReadOnlyList<TimeSpan>> RunAsync(bool lossy)
    {
        using var redis = await RedisServer.StartAsync();
        await using var deployment = await Deployment.StartAsync(redis.Address);
        deployment.Twilio.Faults.Add(new WebhookFault { MaxDelay = MaxDelay });
        foreach (var kind in lossy ? Status : [])
        {
            deployment.Twilio.Faults.Add(new WebhookFault { Kind = kind, Drop = true, Probability = 0.2 });
            deployment.Twilio.Faults.Add(new WebhookFault { Kind = kind, Duplicates = 1, MaxDelay = MaxDelay, Probability = 0.1 });
        }

        var load = Load.Start(deployment, Story.Draw(Sizes.LossyCalls, Sizes.Seed + 5), Sizes.CallsPerSecond);
        await load.Told;
        var verdict = await Judge.AfterQuietAsync(deployment, load.Stories, TimeSpan.FromSeconds(60));
        var faults = deployment.Twilio.Journal.OfType<WebhookFaulted>();
        var (lost, repeated) = (faults.Count(f => f.Fault == "drop"),
            faults.Count(f => f.Fault.StartsWith("duplicate", StringComparison.Ordinal)));
        Report.Line($"{(lossy ? "Lossy" : "Lossless")}: {lost} status webhooks lost, {repeated} repeated; {verdict}");
        return await deployment.Twilio.AskAsync<TimeSpan[]>(cloud =>
        {
            var legs = cloud.Legs.ToLookup(leg => leg.Phone.Address, StringComparer.Ordinal);
            return [.. load.Stories.Select(story => story.LinesOutlive(legs))];
        });
    }
}
