namespace Calls.Sandbox.Twilio;

/// <summary>The clock and the thread of the emulator. It uses no other clock and no other thread.</summary>
/// <remarks>
/// One action runs at a time: the earliest due time first, and for equal times the action that was scheduled first.
/// <see cref="Schedule"/> may be called from any thread. It never runs the action itself.
/// </remarks>
public interface IEmulatorScheduler
{
    /// <summary>The current time; in a simulation, the virtual time.</summary>
    DateTimeOffset Now { get; }

    /// <summary>Runs <paramref name="action"/> once, <paramref name="delay"/> from now.</summary>
    /// <remarks>To dispose of the result cancels the action.</remarks>
    IDisposable Schedule(TimeSpan delay, Action action);
}
