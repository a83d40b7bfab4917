namespace Calls.Load;

internal static class Statistics
{
    public static double Median(this IEnumerable<double> values) =>
        values.Order().ToList() is { Count: > 0 } sorted ? (sorted[(sorted.Count - 1) / 2] + sorted[sorted.Count / 2]) / 2 : double.NaN;
}
