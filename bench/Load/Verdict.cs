namespace Calls.Load;

/// <summary>One figure and what it is to be: a ratio of medians, or a median where there is nothing to set it against.</summary>
/// <param name="What">What is measured, and its unit.</param>
/// <param name="Bound">Where it passes.</param>
/// <param name="Service">The service's, pair by pair.</param>
/// <param name="Against">The floor's in the same pairs, or the service's own under another condition; none for a median.</param>
/// <param name="AtLeast">More is better.</param>
internal sealed record Verdict(string What, double Bound, IReadOnlyList<double> Service, IReadOnlyList<double> Against, bool AtLeast = false)
{
    public double Figure => Against.Count == 0 ? Service.Median() : Service.Median() / Against.Median();

    /// <summary>The same, pair by pair.</summary>
    public IReadOnlyList<double> Each => Against.Count == 0 ? Service : [.. Service.Zip(Against, (service, against) => service / against)];

    public bool Passed => AtLeast ? Figure >= Bound : Figure <= Bound;

    public string Relation => AtLeast ? "≥" : "≤";
}
