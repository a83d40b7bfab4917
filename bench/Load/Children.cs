using System.Runtime.InteropServices;

namespace Calls.Load;

/// <summary>The child processes. They end with this process, also if a signal ends it.</summary>
internal sealed class Children : IDisposable
{
    private const int Interrupted = 130;

    private readonly Lock gate = new();
    private readonly List<IDisposable> alive = [];
    private readonly PosixSignalRegistration[] signals;
    private bool ended;

    public Children() =>
        signals = [.. new[] { PosixSignal.SIGINT, PosixSignal.SIGTERM, PosixSignal.SIGHUP }.Select(
        signal => PosixSignalRegistration.Create(signal, Interrupt))];

    public T Keep<T>(T child)
        where T : IDisposable
    {
        lock (gate)
        {
            if (!ended)
                alive.Add(child);
            else
                child.Dispose();
        }

        return child;
    }

    /// <summary>Ends a process that is no longer needed.</summary>
    public void End(IDisposable child)
    {
        lock (gate)
        {
            if (alive.Remove(child))
                child.Dispose();
        }
    }

    public void Dispose()
    {
        EndAll();
        foreach (var signal in signals)
            signal.Dispose();
    }

    private void Interrupt(PosixSignalContext context)
    {
        context.Cancel = true;
        EndAll();
        Environment.Exit(Interrupted);
    }

    private void EndAll()
    {
        lock (gate)
        {
            ended = true;
            foreach (var child in alive)
                child.Dispose();
            alive.Clear();
        }
    }
}
