namespace Calls.Application.Reviews;

/// <summary>The reviews that this replica makes at once: as many as the service can ask Twilio about.</summary>
/// <remarks>A review that finds no slot is postponed. It gets the next place in a timetable, which follows from the duration of a review,
/// so that it finds a slot then. Only the index of deadlines knows of it.</remarks>
/// <param name="size">The number of slots.</param>
/// <param name="policy">A review waits at most its review interval.</param>
/// <param name="clock">The clock.</param>
public sealed class ReviewSlots(int size, CallPolicy policy, TimeProvider clock)
{
    /// <summary>The weight of the newest review in the mean duration.</summary>
    private const double Newest = 0.1;

    private readonly Lock gate = new();
    private int free = size;
    private TimeSpan mean = TimeSpan.FromSeconds(0.5);
    private DateTimeOffset timetable = DateTimeOffset.MinValue;

    public int Size { get; } = size;

    public int Free => Volatile.Read(ref free);

    /// <summary>Takes a slot. Without a free slot it says when one is expected.</summary>
    public bool TryEnter(out DateTimeOffset expected)
    {
        lock (gate)
        {
            var now = clock.GetUtcNow();
            if (free > 0)
            {
                free--;
                expected = now;
                return true;
            }

            var (soonest, latest) = (now + mean, now + policy.ReviewInterval);
            timetable = (timetable > soonest ? timetable : soonest) + (mean / Size);
            timetable = timetable < latest ? timetable : latest;
            expected = timetable;
            return false;
        }
    }

    /// <summary>Gives the slot back after a review of this duration.</summary>
    public void Leave(TimeSpan took)
    {
        lock (gate)
        {
            free++;
            mean += (took - mean) * Newest;
        }
    }
}
