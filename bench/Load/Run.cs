using System.Globalization;

namespace Calls.Load;

/// <summary>What one loop counted, and how long it took from the first call to the end of the last.</summary>
internal sealed record Run(Tally Tally, TimeSpan Took)
{
    /// <summary>One after another, as if they had been one.</summary>
    public static Run Sum(IReadOnlyCollection<Run> runs) => new(Tally.Sum(runs.Select(run => run.Tally)), TimeSpan.FromTicks(runs.Sum(run => run.Took.Ticks)));

    public double CallsPerSecond => Tally.Calls / Took.TotalSeconds;

    public double WebhooksPerSecond => Tally.Webhooks / Took.TotalSeconds;

    public override string ToString() => string.Create(CultureInfo.InvariantCulture,
        $"{CallsPerSecond:0} calls/s, {WebhooksPerSecond:0} webhooks/s, {Times(Webhook.Voice)}, {Times(Webhook.Conference)}{Faults}");

    private string Faults => Tally.IsSound ? "" : string.Create(CultureInfo.InvariantCulture,
        $"; {Tally.Failed} webhooks failed, {Tally.StuckCalls} calls stuck, {Tally.RungTwice} rung twice");

    private string Times(Webhook kind) => string.Create(CultureInfo.InvariantCulture,
        $"{kind.ToString().ToLowerInvariant()} p50 {Tally.Percentile(kind, 50):0.0} p99 {Tally.Percentile(kind, 99):0.0} ms");
}
