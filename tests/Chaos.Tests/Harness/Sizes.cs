using System.Globalization;

namespace Calls.Chaos.Tests.Harness;

/// <summary>
/// The sizes of the runs. The environment variable beside a size sets a larger one. Every run prints its seed and accepts a seed.
/// </summary>
internal static class Sizes
{
    /// <summary>Calls over two replicas. One replica is killed every three seconds.</summary>
    public static int KilledReplicaCalls => Number("CALLS_CHAOS_CALLS", 1_000);

    /// <summary>Calls started each second. 2 cores can run about this many with all processes on one machine.</summary>
    public static int CallsPerSecond => Number("CALLS_CHAOS_RATE", 40);

    /// <summary>Calls while a fifth of the status webhooks is lost.</summary>
    public static int LossyCalls => Number("CALLS_CHAOS_LOSSY_CALLS", 500);

    /// <summary>Creates whose connection is cut after Twilio has acted.</summary>
    public static int CutCreates => Number("CALLS_CHAOS_CUT_CREATES", 100);

    /// <summary>Calls around each fault of Redis or of a connection.</summary>
    public static int CallsAroundAFault => Number("CALLS_CHAOS_FAULT_CALLS", 120);

    /// <summary>Calls of patient callers through each kind of failover.</summary>
    public static int CallsThroughAFailover => Number("CALLS_CHAOS_FAILOVER_CALLS", 300);

    /// <summary>Calls while Redis is flushed.</summary>
    public static int FlushedCalls => Number("CALLS_CHAOS_FLUSHED_CALLS", 300);

    /// <summary>Live calls while Twilio fails.</summary>
    public static int LiveCallsWhileTwilioFails => Number("CALLS_CHAOS_FAILING_CALLS", 200);

    /// <summary>Live calls on one replica while Twilio takes 150 ms.</summary>
    public static int LiveCallsWhileTwilioIsSlow => Number("CALLS_CHAOS_LIVE_CALLS", 3_000);

    /// <summary>Calls while a receiver of events is away.</summary>
    public static int CallsWhileAReceiverIsAway => Number("CALLS_CHAOS_EVENT_CALLS", 500);

    /// <summary>Calls with ten candidates, of whom three answer within 50 ms.</summary>
    public static int CrossingCalls => Number("CALLS_CHAOS_CROSSING_CALLS", 1_000);

    /// <summary>Calls with candidates that are started each second. Each has twelve phones.</summary>
    public static int CrossingCallsPerSecond => Number("CALLS_CHAOS_CROSSING_RATE", 5);

    public static int Seed => Number("CALLS_CHAOS_SEED", 1);

    private static int Number(string variable, int otherwise) =>
        int.TryParse(Environment.GetEnvironmentVariable(variable), NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number : otherwise;
}
