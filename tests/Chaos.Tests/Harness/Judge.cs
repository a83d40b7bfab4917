using System.Globalization;
using Calls.Sandbox.Demo;
using Calls.Sandbox.Twilio;
using StackExchange.Redis;

namespace Calls.Chaos.Tests.Harness;

/// <summary>Says what became of the calls: by what the emulated Twilio saw, and for the deadlines by what is left in Redis; by nothing that the service says of itself.</summary>
internal static class Judge
{
    private const int Partitions = 64;

    /// <summary>Waits for quiet, then holds every guarantee against what Twilio saw.</summary>
    /// <param name="deployment">What was tried.</param>
    /// <param name="stories">The calls.</param>
    /// <param name="patience">How long the service may take to end what people have left.</param>
    /// <returns>The figures, for the report.</returns>
    public static async Task<Verdict> AfterQuietAsync(Deployment deployment, IReadOnlyList<Story> stories, TimeSpan patience)
    {
        var from = TimeProvider.System.GetTimestamp();
        try
        {
            await deployment.Twilio.WaitUntilAsync(cloud => !cloud.LiveLegs().Any(), "every line has ended", patience);
        }
        catch (TimeoutException)
        {
            Assert.Fail(await StuckAsync(deployment));
        }

        var quiet = TimeProvider.System.GetElapsedTime(from);
        var broken = await deployment.Twilio.AskAsync(cloud => Guarantees.Broken(cloud));
        broken.ShouldBeEmpty(string.Join('\n', broken) + "\n" + deployment.Said());
        deployment.Twilio.Cloud.Defects.ShouldBeEmpty();
        var verdict = await deployment.Twilio.AskAsync(cloud => Verdict.Of(cloud, stories));
        verdict.RungTwice.ShouldBeEmpty();
        var settled = await NothingDueAsync(deployment);
        return verdict with { Quiet = quiet, Settled = settled };
    }

    /// <summary>Waits until no deadline is left, and says how long after the last webhook that was.</summary>
    private static async Task<TimeSpan> NothingDueAsync(Deployment deployment)
    {
        await using var redis = await ConnectionMultiplexer.ConnectAsync(deployment.Redis);
        var left = -1L;
        await Eventually.TrueAsync(async () => (left = await DueAsync(redis)) == 0, "no session is due any more", TimeSpan.FromSeconds(30)).ContinueWith(
            async done =>
            {
                if (done.IsFaulted)
                    Assert.Fail($"{left} sessions are still due 30 s after quiet.\n{await FirstDueAsync(redis)}\n{deployment.Said()}");
            }, TaskScheduler.Default).Unwrap();
        var last = deployment.Twilio.Journal.Entries.OfType<WebhookAnswered>().LastOrDefault()?.At ?? TimeProvider.System.GetUtcNow();
        return TimeProvider.System.GetUtcNow() - last;
    }

    private static async Task<long> DueAsync(ConnectionMultiplexer redis)
    {
        var lengths = await Task.WhenAll(Enumerable.Range(0, Partitions).Select(partition => redis.GetDatabase().SortedSetLengthAsync(Due(partition))));
        return lengths.Sum();
    }

    private static async Task<string> FirstDueAsync(ConnectionMultiplexer redis)
    {
        for (var partition = 0; partition < Partitions; partition++)
            foreach (var id in await redis.GetDatabase().SortedSetRangeByRankAsync(Due(partition), 0, 0))
                return await redis.GetDatabase().HashGetAsync(string.Create(CultureInfo.InvariantCulture, $"calls:{{{partition}}}:session:{id}"), "data") + "";
        return "";
    }

    private static string Due(int partition) => string.Create(CultureInfo.InvariantCulture, $"calls:{{{partition}}}:due");

    private static async Task<string> StuckAsync(Deployment deployment)
    {
        var stuck = await deployment.Twilio.AskAsync<Leg[]>(cloud => [.. cloud.LiveLegs()]);
        var journal = stuck.Length == 0 ? "" : string.Join('\n', deployment.Twilio.Journal.Entries.Where(entry => Concerns(entry, stuck[0])).TakeLast(60));
        return $"{stuck.Length} lines did not end: {string.Join(", ", stuck.Select(leg => leg.ToString()).Take(20))}\n{journal}\n{deployment.Said()}";
    }

    /// <summary>Entries of the leg's own, and of everything that names its story.</summary>
    private static bool Concerns(JournalEntry entry, Leg leg)
    {
        var number = leg.Phone.Address[(leg.Phone.Address.LastIndexOf('-') + 1)..];
        return entry.CallSid == leg.Sid || entry.ToString().Contains("story-" + number + "/", StringComparison.Ordinal) || entry.ToString().Contains("-" + number + " ", StringComparison.Ordinal);
    }
}

/// <summary>What Twilio saw of the calls.</summary>
internal sealed record Verdict(int Calls, int Talked, int Guests, int RungOnce, int NeverRung, IReadOnlyList<string> RungTwice, IReadOnlyList<TimeSpan> LetGo)
{
    /// <summary>From the end of the last story until every line had ended.</summary>
    public TimeSpan Quiet { get; init; }

    /// <summary>From the last webhook until nothing was due any more.</summary>
    public TimeSpan Settled { get; init; }

    public static Verdict Of(TwilioCloud cloud, IReadOnlyList<Story> stories)
    {
        var legs = cloud.Legs.ToLookup(leg => leg.Phone.Address, StringComparer.Ordinal);
        var rings = stories.Where(story => story.Plot != Plot.Unreachable).SelectMany(story => story.GuestAdded ? new[] { "client:" + story.Callee, story.Guest } : ["client:" + story.Callee])
            .Select(address => (Address: address, Rings: legs[address].Count(leg => !leg.Inbound && leg.HasRung))).ToList();
        var letGo = stories.Select(story => story.LinesOutlive(legs)).Order().ToList();
        return new Verdict(
            stories.Count, stories.Count(story => story.Talked), stories.Count(story => story.GuestAdded), rings.Count(r => r.Rings == 1), rings.Count(r => r.Rings == 0),
            [.. stories.SelectMany(story => story.Phones).Where(phone => legs[phone].Count(leg => !leg.Inbound) > 1)], letGo);
    }

    public override string ToString() => string.Create(CultureInfo.InvariantCulture,
        $"{Calls} calls, {Talked} talked, {Guests} guests; phones rung once {RungOnce}, never {NeverRung}, twice {RungTwice.Count}; " +
        $"lines outlived the last word by p50 {At(0.5):0.00} s, p99 {At(0.99):0.00} s, max {At(1):0.00} s; quiet after {Quiet.TotalSeconds:0.0} s, nothing due {Settled.TotalSeconds:0.0} s after the last webhook");

    private double At(double share) => LetGo.Count == 0 ? 0 : LetGo[Math.Min(LetGo.Count - 1, (int)(LetGo.Count * share))].TotalSeconds;
}
