using System.Diagnostics.Metrics;
using BenchmarkDotNet.Attributes;
using Calls.Application;
using OpenTelemetry;
using OpenTelemetry.Metrics;

namespace Calls.Micro;

/// <summary>Each optimisation beside the plain code that it replaces.</summary>
public class TrickBenchmarks
{
    private readonly Meter meter = new("Calls.Micro");
    private MeterProvider provider = null!;
    private TallyCounter tally = null!;
    private Counter<long> counter = null!;

    [GlobalSetup]
    public void Make()
    {
        tally = new TallyCounter(meter, "tally", "{time}", "Counted by a cell.", "kind", "outcome");
        counter = meter.CreateCounter<long>("told", "{time}", "Told each time.");
        // The service has two readers as well: one for the scrape, one for the export.
        provider = Sdk.CreateMeterProviderBuilder().AddMeter(meter.Name).SetExemplarFilter(ExemplarFilterType.TraceBased)
            .AddReader(new BaseExportingMetricReader(new Nowhere())).AddReader(new BaseExportingMetricReader(new Nowhere())).Build();
    }

    [GlobalCleanup]
    public void Dispose()
    {
        provider.Dispose();
        meter.Dispose();
    }

    [Benchmark(Description = "count a webhook: by a cell that the instrument reads")]
    public void Tally() => tally.Add("conference", "accepted");

    [Benchmark(Description = "count a webhook: by telling the instrument")]
    public void Tell() =>
        counter.Add(1, new KeyValuePair<string, object?>("kind", "conference"), new KeyValuePair<string, object?>("outcome", "accepted"));

    private sealed class Nowhere : BaseExporter<Metric>
    {
        public override ExportResult Export(in Batch<Metric> batch) => ExportResult.Success;
    }
}
