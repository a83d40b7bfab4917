using System.Diagnostics.Metrics;
using System.Text;
using System.Xml;
using BenchmarkDotNet.Attributes;
using Calls.Application;
using Calls.Domain;
using Calls.Infrastructure.Twilio;
using OpenTelemetry;
using OpenTelemetry.Metrics;

namespace Calls.Micro;

/// <summary>Each optimisation beside the plain code that it replaces.</summary>
public class TrickBenchmarks
{
    private readonly CallbackUrls urls = new(new Uri(Service.Origin));
    private readonly Meter meter = new("Calls.Micro");
    private MeterProvider provider = null!;
    private TallyCounter tally = null!;
    private Counter<long> counter = null!;
    private CallSession session = null!;

    [GlobalSetup]
    public void Make()
    {
        session = new MadeCall(1, new CallPolicy(), TimeProvider.System.GetUtcNow()).AtTheDoor().Session!;
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

    [Benchmark(Description = "TwiML: the caller into the room, by an XmlWriter")]
    public string Written()
    {
        var text = new StringBuilder();
        using (var xml = XmlWriter.Create(text, new XmlWriterSettings { OmitXmlDeclaration = true }))
        {
            xml.WriteStartElement("Response");
            xml.WriteStartElement("Dial");
            xml.WriteAttributeString("action", urls.Left(session.Id, session.Caller.Id));
            xml.WriteAttributeString("method", "POST");
            xml.WriteStartElement("Conference");
            xml.WriteAttributeString("beep", "false");
            xml.WriteAttributeString("participantLabel", session.Caller.Id.Value);
            xml.WriteAttributeString("statusCallback", urls.Conference(session.Id));
            xml.WriteAttributeString("statusCallbackMethod", "POST");
            xml.WriteAttributeString("statusCallbackEvent", "start end join leave mute hold");
            xml.WriteAttributeString("waitUrl", urls.Wait(session.TraceParent));
            xml.WriteAttributeString("waitMethod", "GET");
            xml.WriteString(session.Room);
            xml.WriteEndElement();
            xml.WriteEndElement();
            xml.WriteElementString("Hangup", "");
            xml.WriteEndElement();
        }

        return text.ToString();
    }

    private sealed class Nowhere : BaseExporter<Metric>
    {
        public override ExportResult Export(in Batch<Metric> batch) => ExportResult.Success;
    }
}
