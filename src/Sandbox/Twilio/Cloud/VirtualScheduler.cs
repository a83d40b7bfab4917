namespace Calls.Sandbox.Twilio;

/// <summary>A scheduler with virtual time, for simulations and tests. Time moves only while a Run method runs.</summary>
/// <remarks>It is not thread-safe: all actions run on the thread that calls a Run method, so that two runs are identical. While a Run
/// method runs, any use from another thread is an error: it throws there, and the Run method throws too.</remarks>
public sealed class VirtualScheduler(DateTimeOffset start) : IEmulatorScheduler
{
    private readonly PriorityQueue<Work, (DateTimeOffset Due, long Order)> _queue = new();
    private long _order;
    private int _runner;
    private InvalidOperationException? _trespass;

    public VirtualScheduler() : this(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero))
    {
    }

    public DateTimeOffset Now { get; private set; } = start;

    public IDisposable Schedule(TimeSpan delay, Action action)
    {
        MustBeOnItsThread();
        var work = new Work(action);
        _queue.Enqueue(work, (Now + (delay > TimeSpan.Zero ? delay : TimeSpan.Zero), _order++));
        return work;
    }

    /// <summary>Runs every action that is due within <paramref name="duration"/>, then sets the clock to the end of it.</summary>
    public void RunFor(TimeSpan duration)
    {
        using var run = new Running(this);
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
        using var run = new Running(this);
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

    private void MustBeOnItsThread()
    {
        var (runner, caller) = (Volatile.Read(ref _runner), Environment.CurrentManagedThreadId);
        if (runner == 0 || runner == caller)
        {
            return;
        }
        var trespass = new InvalidOperationException(
            $"Thread {caller} uses the scheduler while thread {runner} runs it: {Environment.StackTrace}");
        Volatile.Write(ref _trespass, trespass);
        throw trespass;
    }

    private void RunNext()
    {
        if (Volatile.Read(ref _trespass) is { } trespass)
        {
            throw new InvalidOperationException(trespass.Message, trespass);
        }
        if (_queue.TryDequeue(out var work, out var at) && work.Action is { } action)
        {
            Now = at.Due;
            action();
        }
    }

    /// <summary>The time in which one thread runs the actions.</summary>
    private readonly struct Running : IDisposable
    {
        private readonly VirtualScheduler _scheduler;

        public Running(VirtualScheduler scheduler)
        {
            _scheduler = scheduler;
            if (Interlocked.CompareExchange(ref scheduler._runner, Environment.CurrentManagedThreadId, 0) is not 0 and var other)
            {
                throw new InvalidOperationException($"Thread {other} runs the scheduler already");
            }
        }

        public void Dispose() => Volatile.Write(ref _scheduler._runner, 0);
    }

    private sealed class Work(Action action) : IDisposable
    {
        public Action? Action { get; private set; } = action;

        public void Dispose() => Action = null;
    }
}
