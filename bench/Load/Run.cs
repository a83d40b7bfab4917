using System.Globalization;

namespace Calls.Load;

/// <summary>The counters of one loop, and its duration from the start of the first call to the end of the last.</summary>
internal sealed record Run(Tally Tally, TimeSpan Took)
{
    /// <summary>Joins runs that followed one another.</summary>
    public static Run Sum(IReadOnlyCollection<Run> runs) =>
        new(Tally.Sum(runs.Select(run => run.Tally)), TimeSpan.FromTicks(runs.Sum(run => run.Took.Ticks)));

    public double CallsPerSecond => Tally.Calls / Took.TotalSeconds;

    public double WebhooksPerSecond => Tally.Webhooks / Took.TotalSeconds;

    public override string ToString() => string.Create(CultureInfo.InvariantCulture,
        $"{CallsPerSecond:0} calls/s, {WebhooksPerSecond:0} webhooks/s, {Times(Webhook.Voice)}, {Times(Webhook.Conference)}{Faults}");

    private string Faults => Tally.IsSound ? "" : string.Create(CultureInfo.InvariantCulture,
        $"; {Tally.Failed} webhooks failed, {Tally.StuckCalls} calls stuck, {Tally.RungTwice} rung twice");

    private string Times(Webhook kind) => string.Create(CultureInfo.InvariantCulture,
        $"{kind.ToString().ToLowerInvariant()} p50 {Tally.Percentile(kind, 50):0.0} p99 {Tally.Percentile(kind, 99):0.0} ms");
}
