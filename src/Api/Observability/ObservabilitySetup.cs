using Calls.Application;
using OpenTelemetry.Logs;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace Calls.Api.Observability;

/// <summary>Traces, metrics and logs: over OTLP where <c>OTEL_EXPORTER_OTLP_ENDPOINT</c> names a collector, and metrics at <c>/metrics</c> always.</summary>
internal static class ObservabilitySetup
{
    private const string EndpointKey = "OTEL_EXPORTER_OTLP_ENDPOINT";

    public static void AddCallsObservability(this WebApplicationBuilder builder)
    {
        var otlp = !string.IsNullOrEmpty(builder.Configuration[EndpointKey]);
        var telemetry = builder.Services.AddOpenTelemetry()
            .ConfigureResource(resource => resource.AddService("calls", serviceVersion: typeof(ObservabilitySetup).Assembly.GetName().Version?.ToString(3)))
            .WithTracing(tracing =>
            {
                tracing.AddSource(CallsTelemetry.Name, CallsTelemetry.Name + ".*")
                    .AddAspNetCoreInstrumentation(options => options.Filter = IsRest);
                if (otlp)
                    tracing.AddOtlpExporter();
            })
            .WithMetrics(metrics =>
            {
                metrics.AddMeter(CallsTelemetry.Name, CallsTelemetry.Name + ".*", "Polly", "Microsoft.AspNetCore.Hosting", "Microsoft.AspNetCore.Server.Kestrel", "System.Net.Http", "System.Runtime")
                    .SetExemplarFilter(ExemplarFilterType.TraceBased)
                    .AddPrometheusExporter();
                if (otlp)
                    metrics.AddOtlpExporter();
            });
        if (otlp)
            telemetry.WithLogging(logging => logging.AddOtlpExporter(), options => options.IncludeScopes = true);
    }

    /// <summary>A frontend's request continues the trace that it comes with. Webhooks have spans of their own, under their calls; health and metrics have none.</summary>
    private static bool IsRest(HttpContext http) =>
        http.Request.Path.StartsWithSegments("/v1", StringComparison.OrdinalIgnoreCase) || http.Request.Path.StartsWithSegments("/addUser", StringComparison.OrdinalIgnoreCase);
}
