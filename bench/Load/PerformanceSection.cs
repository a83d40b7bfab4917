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
            ## Whole calls, compared with the floor

            `{options.Command}` plays calls of two people, from the first webhook to the end. It measures the service and the floor in
            turns. The floor (`bench/Floor`) is the least code that carries such a call.

            - Both are published as for the image. The service exports its traces and logs, and its metrics are scraped every 15 s
              (`OTEL_METRICS_EXPORTER=prometheus`). The floor has no telemetry.
            - Each ratio is a ratio of medians over {options.Pairs} {(options.Pairs == 1 ? "pair" : "pairs")}. The last column has the
              least and the greatest ratio within a pair.
            - In each pair both start with an empty Redis. {options.WarmUp:N0} calls come first and are not counted. Then service and
              floor take turns of one or two seconds.
            - Machine: {Machine()}. All processes run on
              it{(options.Pin ? ", the service or the floor on one processor and the rest on another" : "")}.
            - Date: {TimeProvider.System.GetUtcNow():yyyy-MM-dd}.

            {Bounds(result)}

            There were {total.Calls:N0} calls and {total.Webhooks:N0} webhooks in all. {total.StuckCalls} calls were stuck,
            {total.RungTwice} rang twice, and {total.Failed} webhooks failed.

            - *Closed loop*: {options.Calls:N0} calls in {Comparison.Turns} turns, with {options.Concurrency} calls at once. The processor
              time is that of the measured process.
            - *Half of the own saturating load*: an open loop at half the rate of calls of the closed loop just before, in
              {Comparison.TurnsAtHalf} turns. The floor has the higher rate in its closed loop, so its open loop has the higher rate too.
            - *The service's saturating load*: {result.Saturation:0} calls per second, the service's median of three closed loops before
              the first pair. The second table and the plots compare both at equal shares of this load. At an equal rate the floor leaves
              the processors idle for longer, which also shortens its tail.
            - *Open loop*: calls arrive evenly spaced, independent of the calls before them. The response time of a voice webhook counts
              from the due time of its call. The response time of any other webhook counts from the answer to the webhook before it, or
              from the arrival of the request that causes it. So waiting time is counted and not omitted.
            - *Twilio takes 100 ms*: an open loop at a quarter of the service's saturating load. The floor's voice webhook waits for
              Twilio's answer. The service's voice webhook does not.
            - *Memory*: the peak of the resident memory of a fresh process (`VmHWM`), after {options.Live:N0} calls of two have been
              placed and left under way.

            {Medians(result)}

            {PerformancePage.Show(ByPercentile(result), "load-percentiles.svg")}

            {PerformancePage.Show(ByLoad(result), "load-rates.svg")}
            """));
    }

    private static string Bounds(Result result)
    {
        var table = new StringBuilder(
            "| | ratio | bound | | service | compared with | pair by pair |\n| --- | --: | --: | --- | --: | --: | --- |");
        foreach (var v in result.Verdicts)
        {
            var (passed, against) = (v.Passed ? "pass" : "**fail**", v.Against.Count > 0 ? Text(v.Against.Median()) : "");
            table.Append(CultureInfo.InvariantCulture, $"\n| {v.What} | {v.Figure:0.00} | {v.Relation} {v.Bound:0.00} | {passed} ")
                .Append(CultureInfo.InvariantCulture,
                    $"| {Text(v.Service.Median())} | {against} | {v.Each.Min():0.00} to {v.Each.Max():0.00} |");
        }

        return table.ToString();
    }

    private static string Medians(Result result)
    {
        var table = new StringBuilder("| medians | service | floor |\n| --- | --: | --: |");
        void Row(string what, Func<Sample, double> of) => table.Append(
            CultureInfo.InvariantCulture,
            $"\n| {what} | {Text(result.Service.Select(of).Median())} | {Text(result.Floor.Select(of).Median())} |");

        Row("Webhooks per second, closed loop", s => s.Closed.WebhooksPerSecond);
        Row("Peak memory after the closed loop in MB", s => s.PeakMegabytes);
        Row("Start to ready in seconds", s => s.Starts.Median());
        foreach (var (name, share) in new[] { ("a quarter", Sample.Low), ("half", Sample.Half), ("three quarters", Sample.Shares[^1]) })
        {
            foreach (var kind in Enum.GetValues<Webhook>())
                Row($"{kind} webhook p50 in ms, {name} of the service's saturating load", s => s.At(share).Percentile(kind, 50));
            Row($"Conference webhook p99 in ms, {name} of the service's saturating load", s =>
                s.At(share).Percentile(Webhook.Conference, 99));
        }

        return table.ToString();
    }

    private static Plot ByPercentile(Result result)
    {
        var plot = new Plot(
            "Conference webhooks, both at half of the service's saturating load", "1 / (1 - percentile): 10 is p90, 100 is p99", "ms",
            logarithmic: true);
        foreach (var (name, samples) in Both(result))
        {
            var tally = Tally.Sum(samples.Select(s => s.At(Sample.Half)));
            plot.Line(name, Percentiles.Select(p => (100 / (100 - p), tally.Percentile(Webhook.Conference, p))));
        }

        return plot;
    }

    private static Plot ByLoad(Result result)
    {
        var plot = new Plot("Conference webhooks by load, medians of the pairs", "calls per second offered", "ms");
        foreach (var (name, samples) in Both(result))
        {
            foreach (var percentile in new[] { 50, 99 })
            {
                var points = Sample.Shares.Select(share =>
                    (share * result.Saturation, samples.Select(s => s.At(share).Percentile(Webhook.Conference, percentile)).Median()));
                plot.Line($"{name} p{percentile}", points);
            }
        }

        return plot;
    }

    private static IEnumerable<(string Name, IReadOnlyList<Sample> Samples)> Both(Result result) =>
        [("service", result.Service), ("floor", result.Floor)];

    private static string Machine()
    {
        const string model = "model name";
        var line = File.ReadLines("/proc/cpuinfo").FirstOrDefault(line => line.StartsWith(model, StringComparison.Ordinal));
        var processor = line?[model.Length..].Trim('\t', ' ', ':') ?? "processor unknown";
        return string.Create(CultureInfo.InvariantCulture,
            $"{Environment.ProcessorCount} cores ({processor}), {RuntimeInformation.FrameworkDescription}");
    }

    private static string Text(double value) => value.ToString(value < 100 ? "0.00" : "0", CultureInfo.InvariantCulture);
}
