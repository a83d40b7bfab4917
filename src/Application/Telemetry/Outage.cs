namespace Calls.Application.Telemetry;

/// <summary>Turns the failures of one kind into two log lines: one when the outage begins, and one when it has ended. The metrics count
/// each failure.</summary>
/// <remarks>Failures and successes alternate while a server recovers. The outage has ended when there is a success and there was no failure
/// for ten seconds. Only a success ends an outage: effects and reviews wait longer than ten seconds between two failures.</remarks>
/// <param name="clock">The clock.</param>
/// <param name="ended">Logs the end, with the number of failures and the time from the first to the last of them.</param>
public sealed class Outage(TimeProvider clock, Action<int, TimeSpan> ended)
{
    private static readonly TimeSpan Quiet = TimeSpan.FromSeconds(10);
    /// <summary>Longer than any wait between two attempts. A failure after this time begins another outage, and its begin is logged.
    /// </summary>
    private static readonly TimeSpan Forgotten = TimeSpan.FromHours(1);

    private readonly Lock gate = new();
    private int failures;
    private long first;
    private long last;

    /// <summary>Counts a failure. <paramref name="began"/> logs the begin, if this failure is the first.</summary>
    public void Failed(Action began)
    {
        bool isFirst;
        lock (gate)
        {
            if (failures > 0 && clock.GetElapsedTime(last) > Forgotten)
                failures = 0;
            last = clock.GetTimestamp();
            isFirst = failures++ == 0;
            if (isFirst)
                first = last;
        }

        if (isFirst)
            began();
    }

    /// <summary>The same work has succeeded.</summary>
    public void Worked()
    {
        if (Volatile.Read(ref failures) > 0)
            End();
    }

    private void End()
    {
        int counted;
        TimeSpan lasted;
        lock (gate)
        {
            if (failures == 0 || clock.GetElapsedTime(last) < Quiet)
                return;
            (counted, lasted, failures) = (failures, clock.GetElapsedTime(first, last), 0);
        }

        ended(counted, lasted);
    }
}
