using System.Collections.Concurrent;
using System.Diagnostics.Metrics;

namespace Calls.Application;

/// <summary>A counter that every webhook adds to: an increment of a cell of ours, which the instrument reads when it is asked. What that saves, bench/Micro prints ("count a webhook").</summary>
/// <remarks>It has no exemplars; the histograms have.</remarks>
public sealed class TallyCounter
{
    private readonly ConcurrentDictionary<(string, string, string), Cell> cells = new();
    private readonly string[] tags;

    /// <param name="meter">Whose instrument it is.</param>
    /// <param name="name">The instrument's name.</param>
    /// <param name="unit">What is counted, in braces.</param>
    /// <param name="description">For whoever reads the metric.</param>
    /// <param name="tags">The names of one to three attributes.</param>
    public TallyCounter(Meter meter, string name, string unit, string description, params string[] tags)
    {
        this.tags = tags;
        meter.CreateObservableCounter(name, () => cells.Select(cell => new Measurement<long>(cell.Value.Count, TagsOf(cell.Key))), unit, description);
    }

    /// <summary>Counts one, by the values of the attributes in their order.</summary>
    public void Add(string first, string second = "", string third = "") =>
        Interlocked.Increment(ref cells.GetOrAdd((first, second, third), static _ => new Cell()).Count);

    private IEnumerable<KeyValuePair<string, object?>> TagsOf((string, string, string) values)
    {
        string[] all = [values.Item1, values.Item2, values.Item3];
        return tags.Select((tag, i) => KeyValuePair.Create(tag, (object?)all[i]));
    }

    private sealed class Cell
    {
        public long Count;
    }
}
