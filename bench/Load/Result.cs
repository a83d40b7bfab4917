using System.Globalization;
using System.Text;

namespace Calls.Load;

/// <summary>The results of all pairs.</summary>
/// <param name="Saturation">The highest rate of calls of the service, measured before the pairs. Open loops offer shares of it.</param>
/// <param name="Service">The service's samples, one for each pair.</param>
/// <param name="Floor">The floor's samples of the same pairs.</param>
/// <param name="Exported">The number of telemetry batches from the service.</param>
internal sealed record Result(double Saturation, IReadOnlyList<Sample> Service, IReadOnlyList<Sample> Floor, long Exported)
{
    public IReadOnlyList<Verdict> Verdicts =>
    [
        Compare("Calls a second, closed loop", 0.75, s => s.Closed.CallsPerSecond) with { AtLeast = true },
        Compare("CPU seconds per 1,000 calls", 1.6, s => s.ProcessorPerThousand),
        Compare("Voice webhook p50 in ms, Twilio takes 100 ms", 0.1, SlowVoice),
        new("Voice webhook p50 in ms, Twilio takes 100 ms, against its own at 0 ms", 1.5, [.. Service.Select(SlowVoice)],
            [.. Service.Select(s => s.At(Sample.Low).Percentile(Webhook.Voice, 50))]),
        Compare("Conference webhooks p99 in ms, at half of the own saturating load", 1.5, s =>
            s.HalfOfItsOwn.Tally.Percentile(Webhook.Conference, 99)),
        Compare($"Peak memory in MB, {Service[0].Live.Placed.Tally.Calls.ToString("N0", CultureInfo.InvariantCulture)} live sessions", 1.6,
            s => s.Live.PeakMegabytes),
        new("Start to ready in seconds", 1.0, [.. Service.SelectMany(s => s.Starts)], []),
    ];

    /// <summary>The sum of all runs of both contenders.</summary>
    public Tally Total => Tally.Sum(Service.Concat(Floor).SelectMany(s => s.Runs).Select(run => run.Tally));

    /// <summary>Every bound and every guarantee held, and the service's telemetry was on.</summary>
    public bool Passed => Verdicts.All(v => v.Passed) && Total.IsSound && Exported > 0;

    public override string ToString()
    {
        var text = new StringBuilder().AppendLine().AppendLine("       figure    bound    service    against");
        foreach (var v in Verdicts)
        {
            var against = v.Against.Count == 0 ? "" : v.Against.Median().ToString("0.00", CultureInfo.InvariantCulture);
            text.AppendLine(CultureInfo.InvariantCulture,
                $"{Word(v.Passed)}   {v.Figure,6:0.00}   {v.Relation} {v.Bound:0.00}   {v.Service.Median(),8:0.00}   {against,8}   "
                + $"{v.What}");
        }

        var total = Total;
        text.AppendLine(CultureInfo.InvariantCulture,
            $"{Word(total.IsSound)}   {total.Calls} calls, {total.Webhooks} webhooks: {total.StuckCalls} stuck, {total.RungTwice} rung "
            + $"twice, {total.Failed} webhooks failed");
        return text.Append(CultureInfo.InvariantCulture, $"{Word(Exported > 0)}   {Exported} batches of telemetry came in").ToString();
    }

    private static string Word(bool passed) => passed ? "PASS" : "FAIL";

    private static double SlowVoice(Sample sample) => sample.SlowTwilio.Tally.Percentile(Webhook.Voice, 50);

    private Verdict Compare(string what, double bound, Func<Sample, double> of) =>
        new(what, bound, [.. Service.Select(of)], [.. Floor.Select(of)]);
}
