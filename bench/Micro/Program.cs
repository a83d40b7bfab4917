// Measures the parts of a webhook, each alone. Without arguments: all parts, and a section of docs/performance.md. With --quick: each part
// for a moment in this process, as a test of the benchmark. Other arguments go to BenchmarkDotNet, such as --filter *Form*.
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Diagnosers;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;
using Calls.Micro;
using Calls.Report;
using Perfolizer.Horology;

var quick = args.Contains("--quick");
var rest = args.Where(arg => arg != "--quick").ToArray();
// An iteration of half a second averages over disturbances of the machine. A dozen iterations give a reliable error.
var job = quick
    ? Job.Default.WithToolchain(InProcessEmitToolchain.Instance).WithWarmupCount(1).WithIterationCount(3)
        .WithIterationTime(TimeInterval.FromMilliseconds(50))
    : Job.Default.WithWarmupCount(4).WithIterationCount(15).WithIterationTime(TimeInterval.FromMilliseconds(500));
var config = DefaultConfig.Instance.AddJob(job.AsDefault()).AddDiagnoser(MemoryDiagnoser.Default)
    .WithArtifactsPath(Path.Combine(PerformancePage.Root, "artifacts", "bench", "micro"));
var switcher = BenchmarkSwitcher.FromAssembly(typeof(WebhookBenchmarks).Assembly);
var summaries = (rest.Length == 0 ? switcher.RunAll(config) : switcher.Run(rest, config)).ToList();
if (summaries.Count == 0)
    return rest.Contains("--list") || rest.Contains("--help") || rest.Contains("--version") ? 0 : 2;
if (summaries.Exists(summary => summary.HasCriticalValidationErrors || summary.Reports.Any(report => !report.Success)))
    return 1;
if (args.Length == 0)
    PerformanceSection.Write(summaries);
return 0;
