namespace Calls.Infrastructure.Outbox;

/// <summary>When the sweeper's loop last ran. It tells a working process from a process whose loop has stopped.</summary>
public sealed class Heartbeat(TimeProvider clock)
{
    private long last = clock.GetTimestamp();

    /// <summary>The time since the last beat, or since the start before the first beat.</summary>
    public TimeSpan Age => clock.GetElapsedTime(Interlocked.Read(ref last));

    internal void Beat() => Interlocked.Exchange(ref last, clock.GetTimestamp());
}
