using System.Diagnostics;
using Calls.Simulation.Faults;
using Calls.Simulation.World;

namespace Calls.Simulation;

/// <summary>Runs worlds, one for each seed, on as many threads as there are cores. Each world stays on one thread.</summary>
internal static class Simulator
{
    /// <param name="first">The first seed.</param>
    /// <param name="count">The number of seeds.</param>
    /// <param name="bug">The defect of the service.</param>
    /// <param name="stopAfter">Ends early after this number of worlds with violations.</param>
    /// <param name="progress">Called after each world, one call at a time.</param>
    /// <param name="cancellationToken">Ends it early.</param>
    /// <param name="isCrossing">Whether each call adds one of ten candidates, of whom three answer at the same time.</param>
    public static Summary Run(int first, int count, Bug bug, int stopAfter, Action<Summary>? progress, CancellationToken cancellationToken,
        bool isCrossing = false)
    {
        var summary = new Summary(Stopwatch.StartNew());
        var gate = new Lock();
        var next = first - 1;
        var threads = Enumerable.Range(0, Environment.ProcessorCount).Select(_ => new Thread(Work)).ToList();
        threads.ForEach(thread => thread.Start());
        threads.ForEach(thread => thread.Join());
        return summary;

        void Work()
        {
            while (!cancellationToken.IsCancellationRequested && Interlocked.Increment(ref next) is var seed && seed < first + count)
            {
                var verdict = Try(seed, bug, isCrossing);
                lock (gate)
                {
                    if (summary.Failed.Count >= stopAfter)
                        return;
                    summary.Add(verdict);
                    progress?.Invoke(summary);
                }
            }
        }
    }

    /// <summary>An exception is a violation, so that it has a seed and does not end the run.</summary>
    private static Verdict Try(int seed, Bug bug, bool isCrossing)
    {
        try
        {
            return One(seed, bug, isCrossing);
        }
#pragma warning disable CA1031 // Whatever it is, it is reported.
        catch (Exception e)
#pragma warning restore CA1031
        {
            return new Verdict(seed, 0, [new Violation(default, e.ToString(), null)], new Tally(), TimeSpan.Zero, 0);
        }
    }

    public static Verdict One(int seed, Bug bug, bool isCrossing = false)
    {
        using var world = new CallsWorld(seed, bug, isCrossing);
        return world.Run();
    }
}

/// <summary>The results of many worlds.</summary>
internal sealed class Summary(Stopwatch watch)
{
    private readonly List<Verdict> failed = [];

    public int Worlds { get; private set; }

    public long Calls { get; private set; }

    public long Events { get; private set; }

    public TimeSpan Virtual { get; private set; }

    public TimeSpan Took => watch.Elapsed;

    public Tally Faults { get; } = new();

    /// <summary>Worlds with a violation.</summary>
    public IReadOnlyList<Verdict> Failed => failed;

    public void Add(Verdict verdict)
    {
        Worlds++;
        Calls += verdict.Calls;
        Events += verdict.Events;
        Virtual += verdict.Took;
        Faults.Add(verdict.Faults);
        if (verdict.Violations.Count > 0)
            failed.Add(verdict);
    }
}
