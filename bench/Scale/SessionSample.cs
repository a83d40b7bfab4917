using Calls.Load;

namespace Calls.Scale;

/// <summary>The measurements with one number of sessions in Redis.</summary>
internal sealed record SessionSample
{
    public required int Sessions { get; init; }

    /// <summary>The bytes that Redis has allocated for each session: keys, values and tables.</summary>
    public required double Bytes { get; init; }

    public required Footprint Footprint { get; init; }

    /// <summary>The duration of a claim in microseconds, with the smallest number of sessions and with this one.</summary>
    public required (double Fewest, double These) NoneDue { get; init; }

    /// <inheritdoc cref="NoneDue" />
    public required (double Fewest, double These) SomeDue { get; init; }

    public required Idle Idle { get; init; }

    /// <summary>With this number of sessions, one for each pair.</summary>
    public required IReadOnlyList<Turn> Turns { get; init; }

    /// <summary>With the smallest number, of the same pairs.</summary>
    public required IReadOnlyList<Turn> Fewest { get; init; }

    public IEnumerable<Tally> Tallies => Turns.Concat(Fewest).SelectMany(turn => new[] { turn.Calls, turn.Stored });

    public double Median(Func<Turn, double> of) => Turns.Select(of).Median();

    /// <summary>The ratio of the medians.</summary>
    public double Ratio(Func<Turn, double> of) => Median(of) / Fewest.Select(of).Median();
}
