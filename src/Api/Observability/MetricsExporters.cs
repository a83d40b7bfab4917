namespace Calls.Api.Observability;

/// <summary>The exporters of metrics in <c>OTEL_METRICS_EXPORTER</c>: a list of <c>otlp</c> and <c>prometheus</c>, or <c>none</c>. The
/// default is both (opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables, "Exporter Selection"). Each exporter
/// aggregates by itself, so two exporters cost every measurement twice.</summary>
/// <param name="Otlp">To the collector, if <c>OTEL_EXPORTER_OTLP_ENDPOINT</c> names a collector.</param>
/// <param name="Prometheus">At <c>/metrics</c>.</param>
internal sealed record MetricsExporters(bool Otlp, bool Prometheus)
{
    public const string Key = "OTEL_METRICS_EXPORTER";

    /// <exception cref="OptionsValidationException">The list has another word. The failure names the key.</exception>
    public static MetricsExporters Of(IConfiguration configuration)
    {
        string[] names = (configuration[Key] ?? "").Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        if (names is [] or ["none"])
            return new(names is [], names is []);
        if (names.Except(["otlp", "prometheus"]).FirstOrDefault() is { } other)
            throw new OptionsValidationException(
                Key, typeof(MetricsExporters), [$"{Key}: otlp, prometheus, both with a comma between, or none, and not \"{other}\"."]);
        return new(names.Contains("otlp"), names.Contains("prometheus"));
    }
}
