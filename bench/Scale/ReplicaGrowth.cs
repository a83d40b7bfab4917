using System.Globalization;
using Calls.Load;

namespace Calls.Scale;

/// <summary>
/// Measures the same load with a growing number of replicas on one Redis. All replicas run all the time, and the ingress uses the first of
/// them.
/// </summary>
internal sealed class ReplicaGrowth(Options options, QuickTwilio twilio, Children children, Progress progress)
{
    public const int Concurrency = 8;

    /// <summary>The time in which closed connections are noticed.</summary>
    private static readonly TimeSpan Settling = TimeSpan.FromMilliseconds(200);

    public async Task<IReadOnlyList<ReplicaSample>> MeasureAsync()
    {
        using var storage = await Storage.StartAsync(children);
        using var ingress = new Ingress();
        var replicas = new List<Replica>();
        try
        {
            while (replicas.Count < options.ReplicaSizes.Max())
                replicas.Add(await Replica.StartAsync(children, twilio, storage.Address, ingress.Origin));
            await PlayAsync(replicas, options.WarmUp * replicas.Count);
            progress.Done("Replicas: all are warm");

            List<ReplicaSample.Turn> turns = [];
            for (var pair = 1; pair <= options.Pairs; pair++)
            {
                foreach (var size in pair % 2 == 1 ? options.ReplicaSizes : options.ReplicaSizes.Reverse())
                    turns.Add(await TurnAsync([.. replicas.Take(size)]));
                var these = turns.TakeLast(options.ReplicaSizes.Count).OrderBy(turn => turn.Replicas);
                progress.Done(
                    $"Replicas, round {pair}: " + string.Join(", ", these.Select(turn => string.Create(CultureInfo.InvariantCulture,
                    $"{turn.Replicas} {turn.Run.CallsPerSecond:0} calls/s {turn.PerThousand:0.00} s CPU {turn.ConflictsPerCall:0.000} "
                        + $"conflicts a call"))));
            }

            return [.. turns.GroupBy(turn => turn.Replicas).OrderBy(size => size.Key)
                .Select(size => new ReplicaSample(size.Key, [.. size]))];
        }
        finally
        {
            foreach (var replica in replicas)
                replica.Dispose();
        }

        async Task<ReplicaSample.Turn> TurnAsync(IReadOnlyList<Replica> used)
        {
            var (processor, conflicts) = (Processor(used), await ConflictsAsync(used));
            var run = await PlayAsync(used, 2 * options.Calls);
            return new ReplicaSample.Turn(used.Count, run, Processor(used) - processor, await ConflictsAsync(used) - conflicts);
        }

        async Task<Run> PlayAsync(IReadOnlyList<Replica> used, int calls)
        {
            ingress.Spread(used);
            await Task.Delay(Settling);
            return await ClosedLoop.RunAsync(twilio, ingress.Origin, calls, Concurrency);
        }
    }

    private static TimeSpan Processor(IEnumerable<Replica> replicas) =>
        replicas.Aggregate(TimeSpan.Zero, (sum, replica) => sum + replica.Processor);

    private static async Task<double> ConflictsAsync(IEnumerable<Replica> replicas) =>
        (await Task.WhenAll(replicas.Select(replica => replica.SumAsync("calls_session_conflicts")))).Sum();
}
