namespace Calls.Load;

/// <summary>A figure and its bound. The figure is a ratio of medians, or a median if there is no value to compare with.</summary>
/// <param name="What">The measured value and its unit.</param>
/// <param name="Bound">The bound.</param>
/// <param name="Service">The service's values, pair by pair.</param>
/// <param name="Against">The floor's values in the same pairs, or the service's own under another condition. Empty for a median.</param>
/// <param name="AtLeast">Whether the bound is a minimum.</param>
internal sealed record Verdict(string What, double Bound, IReadOnlyList<double> Service, IReadOnlyList<double> Against,
    bool AtLeast = false)
{
    public double Figure => Against.Count == 0 ? Service.Median() : Service.Median() / Against.Median();

    /// <summary>The figure of each pair.</summary>
    public IReadOnlyList<double> Each => Against.Count == 0 ? Service : [.. Service.Zip(Against, (service, against) => service / against)];

    public bool Passed => AtLeast ? Figure >= Bound : Figure <= Bound;

    public string Relation => AtLeast ? "≥" : "≤";
}
