using Calls.Sandbox.Twilio;

namespace Calls.Simulation.Service;

/// <summary>A process in the simulation: it runs its code after each <c>await</c>, until it is killed.</summary>
/// <remarks>Each continuation is one step on the world's thread. A killed process takes no more steps, wherever it was: after a save,
/// before an acknowledgement, between an answer and its use. Requests that it has sent stay sent.</remarks>
internal sealed class Process(VirtualScheduler scheduler) : SynchronizationContext
{
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

    /// <summary>Runs work that libraries continue on any thread. It starts on this thread, outside of the process' steps.</summary>
    public static T Outside<T>(Func<T> work)
    {
        var before = Current;
        SetSynchronizationContext(null);
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

        var before = Current;
        SetSynchronizationContext(this);
        try
        {
            d(state);
        }
        finally
        {
            SetSynchronizationContext(before);
        }
    }
}
