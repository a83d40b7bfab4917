namespace Calls.Load;

/// <summary>The measurements of one contender in one pair.</summary>
internal sealed record Sample
{
    /// <summary>
    /// The shares of the service's saturating load that open loops offer to both. At the lowest share no request waits for another.
    /// </summary>
    public static readonly double[] Shares = [Low, Half, 0.75];

    public const double Low = 0.25;
    public const double Half = 0.5;

    /// <summary>The latency of the slow Twilio.</summary>
    public static readonly TimeSpan Slow = TimeSpan.FromMilliseconds(100);

    public required LiveSample Live { get; init; }

    public required TimeSpan ReadyIn { get; init; }

    /// <summary>A closed loop.</summary>
    public required Run Closed { get; init; }

    /// <summary>The processor time of the closed loop, and its number of calls.</summary>
    public required TimeSpan Processor { get; init; }

    /// <summary>The peak memory after the closed loop.</summary>
    public required double PeakMegabytes { get; init; }

    /// <summary>An open loop at half the rate of the closed loop just before.</summary>
    public required Run HalfOfItsOwn { get; init; }

    /// <summary>An open loop at each of <see cref="Shares"/>, with a Twilio that answers at once.</summary>
    public required IReadOnlyList<Run> Open { get; init; }

    /// <summary>An open loop at the least share, with a Twilio that is slow.</summary>
    public required Run SlowTwilio { get; init; }

    /// <summary>The start times of both processes, in seconds.</summary>
    public IEnumerable<double> Starts => [ReadyIn.TotalSeconds, Live.ReadyIn.TotalSeconds];

    public double ProcessorPerThousand => Processor.TotalSeconds * 1000 / Closed.Tally.Calls;

    public IEnumerable<Run> Runs => [Closed, HalfOfItsOwn, .. Open, SlowTwilio, Live.Placed];

    public Tally At(double share) => Open[Array.IndexOf(Shares, share)].Tally;
}

/// <summary>Calls that are placed in a fresh process and left under way.</summary>
/// <param name="ReadyIn">The time from the process's start until it was ready.</param>
/// <param name="Placed">The run that placed the calls.</param>
/// <param name="PeakMegabytes">The peak memory with those calls under way.</param>
internal sealed record LiveSample(TimeSpan ReadyIn, Run Placed, double PeakMegabytes);
