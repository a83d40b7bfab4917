using System.Globalization;

namespace Calls.Load;

/// <summary>A fixed number of calls under way: each that ends makes room for the next.</summary>
internal sealed record ClosedLoop(Tally Tally, TimeSpan Took)
{
    public double CallsPerSecond => Tally.Calls / Took.TotalSeconds;

    public static async Task<ClosedLoop> RunAsync(QuickTwilio twilio, Uri origin, int calls, int concurrency)
    {
        var tally = new Tally();
        var from = TimeProvider.System.GetTimestamp();
        await Parallel.ForEachAsync(Enumerable.Range(0, calls), new ParallelOptions { MaxDegreeOfParallelism = concurrency },
            async (_, _) => await twilio.PlayAsync(origin, Guid.NewGuid().ToString("N"), tally));
        return new ClosedLoop(tally, TimeProvider.System.GetElapsedTime(from));
    }

    public override string ToString() => string.Create(CultureInfo.InvariantCulture,
        $"{CallsPerSecond:0} calls/s, {Tally.Webhooks / Took.TotalSeconds:0} webhooks/s; voice p50 {Tally.Percentile("voice", 0.5):0.0} ms, conference p50 {Tally.Percentile("conference", 0.5):0.0} p99 {Tally.Percentile("conference", 0.99):0.0} ms; {Tally.Calls} calls, {Tally.Failed} failed webhooks, {Tally.StuckCalls} stuck, {Tally.RungTwice} rung twice");
}
