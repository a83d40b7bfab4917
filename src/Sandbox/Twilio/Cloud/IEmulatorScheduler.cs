namespace Calls.Sandbox.Twilio;

/// <summary>The only clock and the only thread that the emulated cloud knows.</summary>
/// <remarks>
/// Every action runs alone, in order of due time and then of scheduling. <see cref="Schedule"/> may be called from any
/// thread; it never runs the action inside the call.
/// </remarks>
public interface IEmulatorScheduler
{
    /// <summary>The present instant; in a simulation, virtual time.</summary>
    DateTimeOffset Now { get; }

    /// <summary>Runs <paramref name="action"/> once, <paramref name="delay"/> from now. Disposing the answer calls it off.</summary>
    IDisposable Schedule(TimeSpan delay, Action action);
}
