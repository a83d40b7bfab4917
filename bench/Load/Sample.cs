namespace Calls.Load;

/// <summary>All that one contender did in one pair.</summary>
internal sealed record Sample
{
    /// <summary>Of the service's saturating load, what open loops offer to both; nothing waits for anything at the least of them.</summary>
    public static readonly double[] Shares = [Low, Half, 0.75];

    public const double Low = 0.25;
    public const double Half = 0.5;

    /// <summary>How long a Twilio takes that is slow.</summary>
    public static readonly TimeSpan Slow = TimeSpan.FromMilliseconds(100);

    public required LiveSample Live { get; init; }

    public required TimeSpan ReadyIn { get; init; }

    /// <summary>A closed loop: as much as it can take.</summary>
    public required Run Closed { get; init; }

    /// <summary>What the closed loop took of the processors, and for how many calls.</summary>
    public required TimeSpan Processor { get; init; }

    /// <summary>After the closed loop.</summary>
    public required double PeakMegabytes { get; init; }

    /// <summary>An open loop at half the rate that the closed one had just had.</summary>
    public required Run HalfOfItsOwn { get; init; }

    /// <summary>An open loop at each of <see cref="Shares"/>, with a Twilio that answers at once.</summary>
    public required IReadOnlyList<Run> Open { get; init; }

    /// <summary>An open loop at the least share, with a Twilio that is slow.</summary>
    public required Run SlowTwilio { get; init; }

    /// <summary>In seconds, of both processes.</summary>
    public IEnumerable<double> Starts => [ReadyIn.TotalSeconds, Live.ReadyIn.TotalSeconds];

    public double ProcessorPerThousand => Processor.TotalSeconds * 1000 / Closed.Tally.Calls;

    public IEnumerable<Run> Runs => [Closed, HalfOfItsOwn, .. Open, SlowTwilio, Live.Placed];

    public Tally At(double share) => Open[Array.IndexOf(Shares, share)].Tally;
}

/// <summary>Calls placed in a process that has seen none, and left under way.</summary>
/// <param name="ReadyIn">From the process's start.</param>
/// <param name="Placed">How that went.</param>
/// <param name="PeakMegabytes">With those calls under way.</param>
internal sealed record LiveSample(TimeSpan ReadyIn, Run Placed, double PeakMegabytes);
