using System.Net;
using Calls.Chaos.Tests.Harness;
using Calls.Sandbox.Redis;

namespace Calls.Observability.Tests;

/// <summary>
/// <c>OTEL_METRICS_EXPORTER</c> selects the exporters of metrics. The received data is checked after the process has ended, so no more data
/// can come.
/// </summary>
public sealed class MetricsExportersTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    [Theory]
    [InlineData("prometheus", HttpStatusCode.OK, false)]
    [InlineData("otlp", HttpStatusCode.NotFound, true)]
    [InlineData("otlp,prometheus", HttpStatusCode.OK, true)]
    [InlineData("none", HttpStatusCode.NotFound, false)]
    public async Task Metrics_go_out_as_they_are_asked_to_and_traces_all_the_same(string exporters, HttpStatusCode scraped, bool exported)
    {
        await using var redis = await Task.Run(EmbeddedRedis.Start);
        await using var receiver = await OtlpReceiver.StartAsync();
        await using var deployment = await Deployment.StartAsync(redis.ConnectionString, replicas: 1, settings:
            [("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.Address), ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
                ("OTEL_METRICS_EXPORTER", exporters)]);
        await deployment.Twilio.Client("alice").CallAsync("bob", "s-1");
        await deployment.Twilio.Client("bob").RingsAsync();
        var replica = deployment.Replicas.Single();
        (await Http.SendAsync(HttpMethod.Get, new Uri(replica.Address, "/metrics"))).Status.ShouldBe(scraped);
        (await replica.TerminateAsync(Patience)).ExitCode.ShouldBe(0);
        receiver.Metrics.Contains("calls.started").ShouldBe(exported);
        receiver.Spans.ShouldContain(span => span.Name == "StartCall");
    }
}
