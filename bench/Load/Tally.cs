using HdrHistogram;

namespace Calls.Load;

/// <summary>The counters of one run: the response time of every webhook, and the guarantees. Thread-safe.</summary>
internal sealed class Tally
{
    /// <summary>The longest time that can be recorded. Webhooks time out long before.</summary>
    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(1);

    /// <summary>Response times in ticks of 100 ns, with three significant digits.</summary>
    private readonly LongConcurrentHistogram[] times =
        [.. Enum.GetValues<Webhook>().Select(_ => new LongConcurrentHistogram(1, Longest.Ticks, 3))];
    private int calls;
    private int webhooks;
    private int failed;
    private int stuck;
    private int rungTwice;

    public int Calls => calls;

    public int Webhooks => webhooks;

    /// <summary>Webhooks without a successful answer.</summary>
    public int Failed => failed;

    /// <summary>Calls that never rang or never ended.</summary>
    public int StuckCalls => stuck;

    public int RungTwice => rungTwice;

    /// <summary>Every guarantee held.</summary>
    public bool IsSound => this is { StuckCalls: 0, RungTwice: 0, Failed: 0 };

    public static Tally Sum(IEnumerable<Tally> tallies)
    {
        var sum = new Tally();
        foreach (var tally in tallies)
        {
            sum.calls += tally.calls;
            sum.webhooks += tally.webhooks;
            sum.failed += tally.failed;
            sum.stuck += tally.stuck;
            sum.rungTwice += tally.rungTwice;
            foreach (var kind in Enum.GetValues<Webhook>())
                sum.times[(int)kind].Add(tally.times[(int)kind]);
        }

        return sum;
    }

    public void Answered(Webhook kind, TimeSpan time, bool ok)
    {
        times[(int)kind].RecordValue(Math.Clamp(time.Ticks, 1, Longest.Ticks));
        Interlocked.Increment(ref webhooks);
        if (!ok)
            Interlocked.Increment(ref failed);
    }

    public void Stuck() => Interlocked.Increment(ref stuck);

    public void Ended(int rings)
    {
        Interlocked.Increment(ref calls);
        if (rings > 1)
            Interlocked.Increment(ref rungTwice);
    }

    /// <summary>A percentile in milliseconds. 50 is the median.</summary>
    public double Percentile(Webhook kind, double percentile) =>
        times[(int)kind].GetValueAtPercentile(percentile) / (double)TimeSpan.TicksPerMillisecond;
}
