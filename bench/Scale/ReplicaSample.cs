using Calls.Load;

namespace Calls.Scale;

/// <summary>The measurements with one number of replicas.</summary>
internal sealed record ReplicaSample(int Replicas, IReadOnlyList<ReplicaSample.Turn> Turns)
{
    public double Median(Func<Turn, double> of) => Turns.Select(of).Median();

    /// <summary>One measurement.</summary>
    /// <param name="Replicas">The number of replicas.</param>
    /// <param name="Run">The calls.</param>
    /// <param name="Processor">The processor time of these replicas.</param>
    /// <param name="Conflicts">Saves that found a newer version.</param>
    internal sealed record Turn(int Replicas, Run Run, TimeSpan Processor, double Conflicts)
    {
        /// <summary>Processor seconds of all replicas for 1,000 calls.</summary>
        public double PerThousand => Processor.TotalSeconds * 1000 / Run.Tally.Calls;

        public double ConflictsPerCall => Conflicts / Run.Tally.Calls;
    }
}
