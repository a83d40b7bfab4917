using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Calls.Report;

namespace Calls.Load;

/// <summary>The section <c>load</c> of <c>docs/performance.md</c>, and its plots.</summary>
internal static class PerformanceSection
{
    private static readonly double[] Percentiles = [50, 75, 90, 95, 98, 99, 99.5, 99.8, 99.9];

    public static void Write(Result result, Options options)
    {
        var total = result.Total;
        PerformancePage.Write("load", string.Create(CultureInfo.InvariantCulture, $"""
            ## Whole calls, against the floor

            `{options.Command}` places, rings, answers, talks, leaves and ends calls of two, with the service and with the floor (`bench/Floor`: the least code that carries such a call) in turns. Each figure is a ratio of
            medians over {options.Pairs} {(options.Pairs == 1 ? "pair" : "pairs")}; beside it are the least and the greatest ratio within a pair. Both are published as the image is; the service exports its traces and logs, and its metrics are scraped every 15 s (`OTEL_METRICS_EXPORTER=prometheus`); the floor has none.
            In each pair both start anew with an empty Redis, {options.WarmUp:N0} calls that are not counted come first, and they take turns of a second or two. {Machine()}; everything runs on it{(options.Pin ? ", the service or the floor on one processor and the rest on another" : "")}. {TimeProvider.System.GetUtcNow():yyyy-MM-dd}.

            {Bounds(result)}

            {total.Calls:N0} calls and {total.Webhooks:N0} webhooks in all: {total.StuckCalls} calls stuck, {total.RungTwice} rung twice, {total.Failed} webhooks failed.

            - *Closed loop*: {options.Calls:N0} calls in {Comparison.Turns} turns, {options.Concurrency} at once. Processor time is the process's own.
            - *Half of the own saturating load*: an open loop at half of the calls a second that the same process took in its closed loop just before, as many calls in {Comparison.TurnsAtHalf} turns. The floor, which takes more, is offered more.
            - *The service's saturating load*: {result.Saturation:0} calls a second, its median of three closed loops before the first pair. The second table and the plots compare both at equal shares of it: at the same calls a
              second the floor has the idler processors, and its tail is shorter for that too.
            - *Open loop*: calls arrive evenly spaced, however those before them get on. A voice webhook's time counts from when its call was due, any other's from when the one before it was answered or the request that causes it came in: what
              waits is counted, not omitted.
            - *Twilio takes 100 ms*: an open loop at a quarter of the service's saturating load. The floor's voice webhook waits for Twilio's answer; the service's does not.
            - *Memory*: the most that a fresh process ever had in RAM (`VmHWM`), once {options.Live:N0} calls of two who talk have been placed.

            {Medians(result)}

            {PerformancePage.Show(ByPercentile(result), "load-percentiles.svg")}

            {PerformancePage.Show(ByLoad(result), "load-rates.svg")}
            """));
    }

    private static string Bounds(Result result)
    {
        var table = new StringBuilder("| | ratio | bound | | service | against | pair by pair |\n| --- | --: | --: | --- | --: | --: | --- |");
        foreach (var v in result.Verdicts)
        {
            table.Append(CultureInfo.InvariantCulture,
                $"\n| {v.What} | {v.Figure:0.00} | {v.Relation} {v.Bound:0.00} | {(v.Passed ? "pass" : "**fail**")} | {Text(v.Service.Median())} | {(v.Against.Count > 0 ? Text(v.Against.Median()) : "")} | {v.Each.Min():0.00} to {v.Each.Max():0.00} |");
        }

        return table.ToString();
    }

    private static string Medians(Result result)
    {
        var table = new StringBuilder("| medians | service | floor |\n| --- | --: | --: |");
        void Row(string what, Func<Sample, double> of) => table.Append(CultureInfo.InvariantCulture, $"\n| {what} | {Text(result.Service.Select(of).Median())} | {Text(result.Floor.Select(of).Median())} |");

        Row("Webhooks a second, closed loop", s => s.Closed.WebhooksPerSecond);
        Row("Peak memory after the closed loop in MB", s => s.PeakMegabytes);
        Row("Start to ready in seconds", s => s.Starts.Median());
        foreach (var (name, share) in new[] { ("a quarter", Sample.Low), ("half", Sample.Half), ("three quarters", Sample.Shares[^1]) })
        {
            foreach (var kind in Enum.GetValues<Webhook>())
                Row($"{kind} webhook p50 in ms, {name} of the service's saturating load", s => s.At(share).Percentile(kind, 50));
            Row($"Conference webhook p99 in ms, {name} of the service's saturating load", s => s.At(share).Percentile(Webhook.Conference, 99));
        }

        return table.ToString();
    }

    private static Plot ByPercentile(Result result)
    {
        var plot = new Plot("Conference webhooks, both at half of the service's saturating load", "1 / (1 - percentile): 10 is p90, 100 is p99", "ms", logarithmic: true);
        foreach (var (name, samples) in Both(result))
        {
            var tally = Tally.Sum(samples.Select(s => s.At(Sample.Half)));
            plot.Line(name, Percentiles.Select(p => (100 / (100 - p), tally.Percentile(Webhook.Conference, p))));
        }

        return plot;
    }

    private static Plot ByLoad(Result result)
    {
        var plot = new Plot("Conference webhooks by load, medians of the pairs", "calls a second offered", "ms");
        foreach (var (name, samples) in Both(result))
        {
            foreach (var percentile in new[] { 50, 99 })
                plot.Line($"{name} p{percentile}", Sample.Shares.Select(share => (share * result.Saturation, samples.Select(s => s.At(share).Percentile(Webhook.Conference, percentile)).Median())));
        }

        return plot;
    }

    private static IEnumerable<(string Name, IReadOnlyList<Sample> Samples)> Both(Result result) => [("service", result.Service), ("floor", result.Floor)];

    private static string Machine()
    {
        const string model = "model name";
        var processor = File.ReadLines("/proc/cpuinfo").FirstOrDefault(line => line.StartsWith(model, StringComparison.Ordinal))?[model.Length..].Trim('\t', ' ', ':') ?? "processor unknown";
        return string.Create(CultureInfo.InvariantCulture, $"{Environment.ProcessorCount} cores ({processor}), {RuntimeInformation.FrameworkDescription}");
    }

    private static string Text(double value) => value.ToString(value < 100 ? "0.00" : "0", CultureInfo.InvariantCulture);
}
