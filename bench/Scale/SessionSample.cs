using Calls.Load;

namespace Calls.Scale;

/// <summary>All that was measured with so many sessions in Redis.</summary>
internal sealed record SessionSample
{
    public required int Sessions { get; init; }

    /// <summary>What Redis has allocated for each session since it was empty: keys, values, and the tables that hold them.</summary>
    public required double Bytes { get; init; }

    public required Footprint Footprint { get; init; }

    /// <summary>A claim in microseconds, of the fewest sessions and of these.</summary>
    public required (double Fewest, double These) NoneDue { get; init; }

    /// <inheritdoc cref="NoneDue" />
    public required (double Fewest, double These) SomeDue { get; init; }

    public required Idle Idle { get; init; }

    /// <summary>With these sessions, a pair each.</summary>
    public required IReadOnlyList<Turn> Turns { get; init; }

    /// <summary>With the fewest, of the same pairs.</summary>
    public required IReadOnlyList<Turn> Fewest { get; init; }

    public IEnumerable<Tally> Tallies => Turns.Concat(Fewest).SelectMany(turn => new[] { turn.Calls, turn.Stored });

    public double Median(Func<Turn, double> of) => Turns.Select(of).Median();

    /// <summary>Of the medians.</summary>
    public double Ratio(Func<Turn, double> of) => Median(of) / Fewest.Select(of).Median();
}
