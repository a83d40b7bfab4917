using Calls.Load;

namespace Calls.Scale;

/// <summary>All that was measured with so many replicas.</summary>
internal sealed record ReplicaSample(int Replicas, IReadOnlyList<ReplicaSample.Turn> Turns)
{
    public double Median(Func<Turn, double> of) => Turns.Select(of).Median();

    /// <summary>One measurement.</summary>
    /// <param name="Replicas">How many shared the load.</param>
    /// <param name="Run">The calls.</param>
    /// <param name="Processor">What those replicas took.</param>
    /// <param name="Conflicts">Saves that found a newer version.</param>
    internal sealed record Turn(int Replicas, Run Run, TimeSpan Processor, double Conflicts)
    {
        /// <summary>Processor seconds of all of them for 1,000 calls.</summary>
        public double PerThousand => Processor.TotalSeconds * 1000 / Run.Tally.Calls;

        public double ConflictsPerCall => Conflicts / Run.Tally.Calls;
    }
}
