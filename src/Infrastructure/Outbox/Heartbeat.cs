namespace Calls.Infrastructure.Outbox;

/// <summary>When the loop that finds due sessions last came round: what tells a process that works from one that only listens.</summary>
public sealed class Heartbeat(TimeProvider clock)
{
    private long last = clock.GetTimestamp();

    /// <summary>Since the last sign of life; since the start where there was none yet.</summary>
    public TimeSpan Age => clock.GetElapsedTime(Interlocked.Read(ref last));

    internal void Beat() => Interlocked.Exchange(ref last, clock.GetTimestamp());
}
