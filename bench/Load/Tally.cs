namespace Calls.Load;

/// <summary>What one run has counted: every webhook's time, exactly and not in buckets, and the guarantees.</summary>
internal sealed class Tally
{
    private readonly Lock gate = new();
    private readonly Dictionary<string, List<double>> times = [];

    public int Calls { get; private set; }

    public int Webhooks { get; private set; }

    public int Failed { get; private set; }

    /// <summary>Calls that were never rung, or never ended.</summary>
    public int StuckCalls { get; private set; }

    public int RungTwice { get; private set; }

    public void Answered(string kind, TimeSpan time, bool ok)
    {
        lock (gate)
        {
            if (!times.TryGetValue(kind, out var list))
                times[kind] = list = [];
            list.Add(time.TotalMilliseconds);
            Webhooks++;
            Failed += ok ? 0 : 1;
        }
    }

    public void Stuck()
    {
        lock (gate)
            StuckCalls++;
    }

    public void Ended(int rings)
    {
        lock (gate)
        {
            Calls++;
            RungTwice += rings > 1 ? 1 : 0;
        }
    }

    /// <summary>In milliseconds; the share is 0.5 for the median.</summary>
    public double Percentile(string kind, double share)
    {
        lock (gate)
        {
            var sorted = times.TryGetValue(kind, out var list) ? list.Order().ToList() : [];
            return sorted.Count == 0 ? double.NaN : sorted[Math.Min(sorted.Count - 1, (int)(sorted.Count * share))];
        }
    }
}
