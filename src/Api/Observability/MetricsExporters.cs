namespace Calls.Api.Observability;

/// <summary>The exporters of metrics in <c>OTEL_METRICS_EXPORTER</c>: a list of <c>otlp</c> and <c>prometheus</c>, or <c>none</c>. The
/// default is both (opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables, "Exporter Selection"). Each exporter
/// aggregates by itself, so two exporters cost every measurement twice.</summary>
internal sealed record MetricsExporters(bool Otlp, bool Prometheus)
{
    public const string Key = "OTEL_METRICS_EXPORTER";

    public static MetricsExporters Of(IConfiguration configuration) =>
        NamesOf(configuration) is [_, ..] names ? new(names.Contains("otlp"), names.Contains("prometheus")) : new(true, true);

    /// <summary>A sentence about a word that is not an exporter. Null if the list has only exporters.</summary>
    public static string? FailureOf(IConfiguration configuration) =>
        NamesOf(configuration) is not ["none"] and var names && names.Except(["otlp", "prometheus"]).FirstOrDefault() is { } other
            ? $"{Key}: otlp, prometheus, both with a comma between, or none, and not \"{other}\"."
            : null;

    private static string[] NamesOf(IConfiguration configuration) =>
        (configuration[Key] ?? "").Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
}
