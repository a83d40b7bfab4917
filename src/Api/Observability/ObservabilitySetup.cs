using OpenTelemetry.Logs;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace Calls.Api.Observability;

/// <summary>Traces, metrics and logs: over OTLP where <c>OTEL_EXPORTER_OTLP_ENDPOINT</c> names a collector, and metrics at <c>/metrics</c>, unless <see cref="MetricsExporters"/> says otherwise.</summary>
internal static class ObservabilitySetup
{
    private const string EndpointKey = "OTEL_EXPORTER_OTLP_ENDPOINT";

    private static string? Version => typeof(ObservabilitySetup).Assembly.GetName().Version?.ToString(3);

    public static void AddCallsObservability(this WebApplicationBuilder builder)
    {
        // Request lines hold paths and queries. Not only in appsettings.json, which is not there for whoever starts the service from another folder.
        foreach (var talkative in new[] { "Microsoft.AspNetCore", "System.Net.Http.HttpClient", "Polly" })
            builder.Logging.AddFilter(talkative, LogLevel.Warning);
        // It would put the path, and so the session's id, on each line that is logged while a request is served. What such a line belongs to, its trace says.
        builder.Logging.AddFilter("Microsoft.AspNetCore.Hosting.Diagnostics", LogLevel.None);
        var otlp = !string.IsNullOrEmpty(builder.Configuration[EndpointKey]);
        var exporters = MetricsExporters.Of(builder.Configuration);
        var telemetry = builder.Services.AddOpenTelemetry()
            // Later attributes win, so those of the environment come last: OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES.
            .ConfigureResource(resource => resource.AddService("calls", serviceVersion: Version).AddEnvironmentVariableDetector())
            .WithTracing(tracing =>
            {
                tracing.AddSource(CallsTelemetry.Name, CallsTelemetry.Name + ".*");
                // The spans of webhooks are our own: they belong to the trace that the signed URL names.
                tracing.AddAspNetCoreInstrumentation(web => web.Filter = http => IsRest(http.Request.Path));
                if (otlp)
                    tracing.AddOtlpExporter();
            })
            .WithMetrics(metrics =>
            {
                metrics.AddMeter(CallsTelemetry.Name, CallsTelemetry.Name + ".*", "Polly", "Microsoft.AspNetCore.Hosting", "Microsoft.AspNetCore.Server.Kestrel", "System.Net.Http", "System.Runtime")
                    .SetExemplarFilter(ExemplarFilterType.TraceBased);
                if (exporters.Prometheus)
                    metrics.AddPrometheusExporter();
                if (otlp && exporters.Otlp)
                    metrics.AddOtlpExporter();
            });
        if (otlp)
            telemetry.WithLogging(logging => logging.AddOtlpExporter(), options => options.IncludeFormattedMessage = true);
    }

    private static bool IsRest(PathString path) => path.StartsWithSegments("/v1", StringComparison.OrdinalIgnoreCase);
}
