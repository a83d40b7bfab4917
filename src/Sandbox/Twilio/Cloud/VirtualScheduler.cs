namespace Calls.Sandbox.Twilio;

/// <summary>A scheduler with virtual time, for simulations and tests. Time moves only while a Run method runs.</summary>
/// <remarks>It is not thread-safe: all actions run on the thread that calls a Run method, so that two runs are identical.</remarks>
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

    /// <summary>Runs every action that is due within <paramref name="duration"/>, then sets the clock to the end of it.</summary>
    public void RunFor(TimeSpan duration)
    {
        var until = Now + duration;
        while (_queue.TryPeek(out _, out var next) && next.Due <= until)
        {
            RunNext();
        }
        Now = until;
    }

    /// <summary>Runs actions until none is left, or until <paramref name="atMost"/> of virtual time has passed.</summary>
    /// <returns>True if no action is left.</returns>
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
