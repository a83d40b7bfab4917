using Calls.Sandbox.Twilio;

namespace Calls.Simulation.Service;

/// <summary>A process in the simulation: it runs its code after each <c>await</c>, until it is killed.</summary>
/// <remarks>Each continuation is one step on the world's thread. A killed process takes no more steps, wherever it was: after a save,
/// before an acknowledgement, between an answer and its use. Requests that it has sent stay sent.</remarks>
internal sealed class Process(VirtualScheduler scheduler) : SynchronizationContext
{
    private readonly Loop outside = new(scheduler);
    private int stepsLeft = int.MaxValue;
    private Action? atTheLast;

    public bool IsDead { get; private set; }

    public void Kill() => IsDead = true;

    /// <summary>Kills the process at its n-th step from now, before that step.</summary>
    public void KillAtStep(int step, Action then) => (stepsLeft, atTheLast) = (step, then);

    /// <summary>Starts work in this process.</summary>
    public void Start(Func<Task> work) => Post(_ => work(), null);

    public override void Post(SendOrPostCallback d, object? state)
    {
        if (!IsDead)
            scheduler.Schedule(TimeSpan.Zero, () => Step(d, state));
    }

    public override void Send(SendOrPostCallback d, object? state) => d(state);

    public override SynchronizationContext CreateCopy() => this;

    /// <summary>Runs work of this process outside of its steps: it goes on after the process is killed.</summary>
    public static T Outside<T>(Func<T> work)
    {
        var before = Current;
        SetSynchronizationContext(before is Process process ? process.outside : before);
        try
        {
            return work();
        }
        finally
        {
            SetSynchronizationContext(before);
        }
    }

    private void Step(SendOrPostCallback d, object? state)
    {
        if (IsDead)
            return;
        if (--stepsLeft == 0)
        {
            Kill();
            atTheLast?.Invoke();
            return;
        }

        In(this, d, state);
    }

    private static void In(SynchronizationContext context, SendOrPostCallback d, object? state)
    {
        var before = Current;
        SetSynchronizationContext(context);
        try
        {
            d(state);
        }
        finally
        {
            SetSynchronizationContext(before);
        }
    }

    /// <summary>The world's thread, for code that is not a step of a process. Without it, some continuations run on the thread pool: those
    /// of a canceled <c>Task.Delay</c>, for example.</summary>
    private sealed class Loop(VirtualScheduler scheduler) : SynchronizationContext
    {
        public override void Post(SendOrPostCallback d, object? state) => scheduler.Schedule(TimeSpan.Zero, () => Send(d, state));

        public override void Send(SendOrPostCallback d, object? state) => In(this, d, state);

        public override SynchronizationContext CreateCopy() => this;
    }
}
