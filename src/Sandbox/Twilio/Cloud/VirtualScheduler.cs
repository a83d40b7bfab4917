namespace Calls.Sandbox.Twilio;

/// <summary>A scheduler for simulations and tests: time moves only when the owner runs it, and an hour takes no time.</summary>
/// <remarks>Not thread-safe on purpose: everything happens on the thread that runs it, so two runs are identical.</remarks>
public sealed class VirtualScheduler(DateTimeOffset start) : IEmulatorScheduler
{
    private readonly PriorityQueue<Work, (DateTimeOffset Due, long Order)> _queue = new();
    private long _order;

    public VirtualScheduler() : this(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero))
    {
    }

    public DateTimeOffset Now { get; private set; } = start;

    public IDisposable Schedule(TimeSpan delay, Action action)
    {
        var work = new Work(action);
        _queue.Enqueue(work, (Now + (delay > TimeSpan.Zero ? delay : TimeSpan.Zero), _order++));
        return work;
    }

    /// <summary>Runs everything that is due within <paramref name="duration"/> and leaves the clock there.</summary>
    public void RunFor(TimeSpan duration)
    {
        var until = Now + duration;
        while (_queue.TryPeek(out _, out var next) && next.Due <= until)
        {
            RunNext();
        }
        Now = until;
    }

    /// <summary>Runs until nothing is left to do, or until <paramref name="atMost"/> of virtual time has passed.</summary>
    /// <returns>Whether nothing is left to do.</returns>
    public bool RunUntilIdle(TimeSpan atMost)
    {
        var until = Now + atMost;
        while (_queue.TryPeek(out var work, out var next))
        {
            if (work.Action is not null && next.Due > until)
            {
                return false;
            }
            RunNext();
        }
        return true;
    }

    private void RunNext()
    {
        if (_queue.TryDequeue(out var work, out var at) && work.Action is { } action)
        {
            Now = at.Due;
            action();
        }
    }

    private sealed class Work(Action action) : IDisposable
    {
        public Action? Action { get; private set; } = action;

        public void Dispose() => Action = null;
    }
}
