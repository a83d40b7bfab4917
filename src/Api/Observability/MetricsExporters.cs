namespace Calls.Api.Observability;

/// <summary>Which way metrics go out: <c>OTEL_METRICS_EXPORTER</c>, a list of <c>otlp</c> and <c>prometheus</c>, or <c>none</c>; unset, both
/// (opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables, "Exporter Selection"). Each way aggregates by itself, so two of them cost every measurement twice.</summary>
/// <param name="Otlp">To the collector, where <c>OTEL_EXPORTER_OTLP_ENDPOINT</c> names one.</param>
/// <param name="Prometheus">At <c>/metrics</c>.</param>
internal sealed record MetricsExporters(bool Otlp, bool Prometheus)
{
    public const string Key = "OTEL_METRICS_EXPORTER";

    /// <exception cref="OptionsValidationException">Another word; names the key.</exception>
    public static MetricsExporters Of(IConfiguration configuration)
    {
        string[] names = (configuration[Key] ?? "").Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        if (names is [])
            return new(Otlp: true, Prometheus: true);
        if (names is ["none"])
            return new(Otlp: false, Prometheus: false);
        if (names.Except(["otlp", "prometheus"]).FirstOrDefault() is { } other)
            throw new OptionsValidationException(Key, typeof(MetricsExporters), [$"{Key}: otlp, prometheus, both with a comma between, or none, and not \"{other}\"."]);
        return new(names.Contains("otlp"), names.Contains("prometheus"));
    }
}
