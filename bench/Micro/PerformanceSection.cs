using System.Globalization;
using System.Text;
using BenchmarkDotNet.Reports;
using Calls.Report;

namespace Calls.Micro;

/// <summary>The section <c>micro</c> of <c>docs/performance.md</c>.</summary>
internal static class PerformanceSection
{
    public static void Write(IReadOnlyCollection<Summary> summaries)
    {
        var host = summaries.First().HostEnvironmentInfo;
        PerformancePage.Write("micro", string.Create(CultureInfo.InvariantCulture, $"""
            ## The parts of a webhook

            `dotnet run --project bench/Micro -c Release` measures the parts one by one, each in its own process. The service's tracing
            and metrics are on. There is no Redis, no Kestrel and no network. A webhook is a form of 15 fields, signed with the second of
            two tokens. The error is the standard error of the mean. Machine: {host.Cpu.Value.ProcessorName}, {host.RuntimeVersion},
            BenchmarkDotNet {host.BenchmarkDotNetVersion}. Date: {TimeProvider.System.GetUtcNow():yyyy-MM-dd}.

            {Table(summaries.SelectMany(summary => summary.Reports))}
            """));
    }

    private static string Table(IEnumerable<BenchmarkReport> reports)
    {
        var table = new StringBuilder("| | mean, µs | error, µs | allocated, bytes |\n| --- | --: | --: | --: |");
        foreach (var report in reports)
        {
            var (what, times) = (report.BenchmarkCase.Descriptor.WorkloadMethodDisplayInfo.Trim('\''), report.ResultStatistics!);
            var size = report.BenchmarkCase.Parameters.Items is [var only] ? $" of {only.Value}" : "";
            var allocated = report.GcStats.GetBytesAllocatedPerOperation(report.BenchmarkCase);
            var name = what.Replace("session,", "session" + size + ",", StringComparison.Ordinal);
            table.Append(CultureInfo.InvariantCulture,
                $"\n| {name} | {times.Mean / 1000:0.00} | {times.StandardError / 1000:0.00} | {allocated:N0} |");
        }

        return table.ToString();
    }
}
