using System.Globalization;

namespace Calls.Chaos.Tests.Harness;

/// <summary>How large the runs are. For a longer one, set the environment variable beside it; every run prints its seed, and takes one.</summary>
internal static class Sizes
{
    /// <summary>Calls over two replicas of which one is killed every three seconds.</summary>
    public static int KilledReplicaCalls => Number("CALLS_CHAOS_CALLS", 1_000);

    /// <summary>Calls started each second; 2 cores carry about this many with everything on one machine.</summary>
    public static int CallsPerSecond => Number("CALLS_CHAOS_RATE", 40);

    /// <summary>Calls while a fifth of the status webhooks is lost.</summary>
    public static int LossyCalls => Number("CALLS_CHAOS_LOSSY_CALLS", 500);

    /// <summary>Creates whose connection is cut after Twilio has acted.</summary>
    public static int CutCreates => Number("CALLS_CHAOS_CUT_CREATES", 100);

    /// <summary>Calls around each fault of Redis or of a line.</summary>
    public static int CallsAroundAFault => Number("CALLS_CHAOS_FAULT_CALLS", 150);

    public static int Seed => Number("CALLS_CHAOS_SEED", 1);

    private static int Number(string variable, int otherwise) =>
        int.TryParse(Environment.GetEnvironmentVariable(variable), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : otherwise;
}
