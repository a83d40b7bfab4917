using Microsoft.Extensions.Configuration.Memory;
using OpenTelemetry.Logs;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace Calls.Api.Observability;

/// <summary>Traces, metrics and logs go over OTLP if <c>OTEL_EXPORTER_OTLP_ENDPOINT</c> names a collector. <c>/metrics</c> has the metrics
/// too. <see cref="MetricsExporters"/> can change where metrics go.</summary>
internal static class ObservabilitySetup
{
    private static string? Version => typeof(ObservabilitySetup).Assembly.GetName().Version?.ToString(3);

    public static void AddCallsObservability(this WebApplicationBuilder builder)
    {
        // Request lines have paths and queries. The filters are code, because appsettings.json is not read from another working directory.
        foreach (var talkative in new[] { "Microsoft.AspNetCore", "System.Net.Http.HttpClient", "Polly" })
            builder.Logging.AddFilter(talkative, LogLevel.Warning);
        // This logger would put the path, which has the session's id, on each line of a request. The trace id relates the lines.
        builder.Logging.AddFilter("Microsoft.AspNetCore.Hosting.Diagnostics", LogLevel.None);
        var otlp = !string.IsNullOrEmpty(builder.Configuration["OTEL_EXPORTER_OTLP_ENDPOINT"]);
        var exporters = MetricsExporters.Of(builder.Configuration);
        var telemetry = builder.Services.AddOpenTelemetry()
            // Later attributes win, so the environment's come last: OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES.
            .ConfigureResource(resource => resource.AddService("calls", serviceVersion: Version).AddEnvironmentVariableDetector())
            .WithTracing(tracing =>
            {
                tracing.AddSource(CallsTelemetry.Name, CallsTelemetry.Name + ".*");
                // The service makes the spans of webhooks itself, because they belong to the trace that the signed URL names.
                tracing.AddAspNetCoreInstrumentation(web => web.Filter = http => IsRest(http.Request.Path));
                if (otlp)
                    tracing.AddOtlpExporter();
            })
            .WithMetrics(metrics =>
            {
                metrics.SetExemplarFilter(ExemplarFilterType.TraceBased).AddMeter(
                    CallsTelemetry.Name, CallsTelemetry.Name + ".*", "Polly", "Microsoft.AspNetCore.Hosting",
                    "Microsoft.AspNetCore.Server.Kestrel", "System.Net.Http", "System.Runtime");
                if (exporters.Prometheus)
                    metrics.AddPrometheusExporter();
                if (otlp && exporters.Otlp)
                    metrics.AddOtlpExporter();
            });
        if (!otlp)
            return;
        telemetry.WithLogging(logging => logging.AddOtlpExporter(), options => options.IncludeFormattedMessage = true);
        // The collector has every line. Each line on the console is a write of its own; together they are a sixth of the CPU of a call.
        var console = new KeyValuePair<string, string?>("Logging:Console:LogLevel:Default", nameof(LogLevel.Warning));
        builder.Configuration.Sources.Insert(0, new MemoryConfigurationSource { InitialData = [console] });
    }

    private static bool IsRest(PathString path) => path.StartsWithSegments("/v1", StringComparison.OrdinalIgnoreCase);
}
