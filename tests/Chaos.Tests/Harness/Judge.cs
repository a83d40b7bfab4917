using System.Globalization;
using Calls.Sandbox.Demo;
using Calls.Sandbox.Twilio;
using StackExchange.Redis;

namespace Calls.Chaos.Tests.Harness;

/// <summary>
/// Judges the calls by the journal of the emulated Twilio, and the deadlines by the content of Redis. It uses no report of the service
/// itself.
/// </summary>
internal static class Judge
{
    private const int Partitions = 64;

    /// <summary>Waits until all legs have ended, then checks every guarantee against Twilio's journal.</summary>
    /// <param name="deployment">The deployment that took the calls.</param>
    /// <param name="stories">The calls.</param>
    /// <param name="patience">The time in which the service must end all legs after the last act of a person.</param>
    /// <returns>The figures for the report.</returns>
    public static async Task<Verdict> AfterQuietAsync(Deployment deployment, IReadOnlyList<Story> stories, TimeSpan patience)
    {
        var from = TimeProvider.System.GetTimestamp();
        try
        {
            await deployment.Twilio.WaitUntilAsync(cloud => !cloud.LiveLegs().Any(), "every leg has ended", patience);
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

    /// <summary>Waits until no deadline is left. Returns the time since the last webhook.</summary>
    private static async Task<TimeSpan> NothingDueAsync(Deployment deployment)
    {
        await using var redis = await ConnectionMultiplexer.ConnectAsync(deployment.Redis);
        var left = -1L;
        await Eventually.TrueAsync(async () => (left = await DueAsync(redis)) == 0, "no session is due", TimeSpan.FromSeconds(30))
            .ContinueWith(
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
        var lengths = await Task.WhenAll(Enumerable.Range(0, Partitions)
            .Select(partition => redis.GetDatabase().SortedSetLengthAsync(Due(partition))));
        return lengths.Sum();
    }

    private static async Task<string> FirstDueAsync(ConnectionMultiplexer redis)
    {
        for (var partition = 0; partition < Partitions; partition++)
            foreach (var id in await redis.GetDatabase().SortedSetRangeByRankAsync(Due(partition), 0, 0))
                return await redis.GetDatabase()
                    .HashGetAsync(string.Create(CultureInfo.InvariantCulture, $"calls:{{{partition}}}:session:{id}"), "data") + "";
        return "";
    }

    private static string Due(int partition) => string.Create(CultureInfo.InvariantCulture, $"calls:{{{partition}}}:due");

    /// <summary>How long ago the oldest deadline passed.</summary>
    public static async Task<TimeSpan> LagAsync(ConnectionMultiplexer redis)
    {
        var oldest = await Task.WhenAll(Enumerable.Range(0, Partitions)
            .Select(partition => redis.GetDatabase().SortedSetRangeByRankWithScoresAsync(Due(partition), 0, 0)));
        var now = TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds();
        return TimeSpan.FromMilliseconds(oldest.Max(first => first is [var most] ? Math.Max(0, now - most.Score) : 0));
    }

    private static async Task<string> StuckAsync(Deployment deployment)
    {
        var stuck = await deployment.Twilio.AskAsync<Leg[]>(cloud => [.. cloud.LiveLegs()]);
        var entries = deployment.Twilio.Journal.Entries;
        var journal = stuck.Length == 0 ? "" : string.Join('\n', entries.Where(entry => Concerns(entry, stuck[0])).TakeLast(60));
        return $"{stuck.Length} legs did not end: "
            + $"{string.Join(", ", stuck.Select(leg => leg.ToString()).Take(20))}\n{journal}\n{deployment.Said()}";
    }

    /// <summary>The entries of the leg, and all entries that name its story.</summary>
    private static bool Concerns(JournalEntry entry, Leg leg)
    {
        var number = leg.Phone.Address[(leg.Phone.Address.LastIndexOf('-') + 1)..];
        return entry.CallSid == leg.Sid
            || entry.ToString().Contains("story-" + number + "/", StringComparison.Ordinal)
            || entry.ToString().Contains("-" + number + " ", StringComparison.Ordinal);
    }
}

/// <summary>The figures of the calls, from Twilio's journal.</summary>
internal sealed record Verdict(int Calls, int Talked, int Guests, int RungOnce, int NeverRung, IReadOnlyList<string> RungTwice,
    IReadOnlyList<TimeSpan> LetGo)
{
    /// <summary>The time from the end of the last story until every leg had ended.</summary>
    public TimeSpan Quiet { get; init; }

    /// <summary>The time from the last webhook until no session was due.</summary>
    public TimeSpan Settled { get; init; }

    public static Verdict Of(TwilioCloud cloud, IReadOnlyList<Story> stories)
    {
        var legs = cloud.Legs.ToLookup(leg => leg.Phone.Address, StringComparer.Ordinal);
        var rings = stories.Where(story => story.Plot != Plot.Unreachable)
            .SelectMany(story => story.GuestAdded ? new[] { "client:" + story.Callee, story.Guest } : ["client:" + story.Callee])
            .Select(address => (Address: address, Rings: legs[address].Count(leg => !leg.Inbound && leg.HasRung))).ToList();
        var letGo = stories.Select(story => story.LinesOutlive(legs)).Order().ToList();
        return new Verdict(
            stories.Count, stories.Count(story => story.Talked), stories.Count(story => story.GuestAdded), rings.Count(r => r.Rings == 1),
            rings.Count(r => r.Rings == 0),
            [.. stories.SelectMany(story => story.Phones).Where(phone => legs[phone].Count(leg => !leg.Inbound) > 1)], letGo);
    }

    public override string ToString() => string.Create(CultureInfo.InvariantCulture,
        $"{Calls} calls, {Talked} talked, {Guests} guests; phones that rang once {RungOnce}, never {NeverRung}, twice {RungTwice.Count}; " +
        $"legs ended after the last act of a person: p50 {At(0.5):0.00} s, p99 {At(0.99):0.00} s, max {At(1):0.00} s; all legs ended "
            + $"after {Quiet.TotalSeconds:0.0} s, no session due {Settled.TotalSeconds:0.0} s after the last webhook");

    private double At(double share) => LetGo.Count == 0 ? 0 : LetGo[Math.Min(LetGo.Count - 1, (int)(LetGo.Count * share))].TotalSeconds;
}
