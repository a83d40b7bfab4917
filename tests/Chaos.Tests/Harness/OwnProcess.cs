using System.Collections.Concurrent;
using System.Diagnostics;

namespace Calls.Chaos.Tests.Harness;

/// <summary>A process that a test has started. It always ends with the test. Signals go only to its own id.</summary>
internal sealed class OwnProcess : IDisposable
{
    private const int TailLines = 40;

    private static readonly ConcurrentDictionary<int, Process> Running = new();
    private readonly Process process;
    private readonly ConcurrentQueue<string> tail = new();
    private readonly TaskCompletionSource ready = new(TaskCreationOptions.RunContinuationsAsynchronously);

    static OwnProcess() => AppDomain.CurrentDomain.ProcessExit += (_, _) =>
    {
        foreach (var left in Running.Values)
            left.Kill();
    };

    private OwnProcess(Process process) => this.process = process;

    public int Id => process.Id;

    public bool HasExited => process.HasExited;

    /// <summary>The processor time that the process has used.</summary>
    public TimeSpan ProcessorTime
    {
        get
        {
            process.Refresh();
            return process.TotalProcessorTime;
        }
    }

    /// <summary>The last lines of its output.</summary>
    public string Tail => string.Join('\n', tail);

    /// <param name="file">The program.</param>
    /// <param name="arguments">Its arguments.</param>
    /// <param name="readyLine">Waits until the process writes a line that contains this text. Null: does not wait.</param>
    /// <param name="configure">Changes the start information.</param>
    /// <param name="hear">Gets each line of its output.</param>
    public static async Task<OwnProcess> StartAsync(
        string file, IEnumerable<string> arguments, string? readyLine, Action<ProcessStartInfo>? configure = null,
        Action<string>? hear = null)
    {
        var start = new ProcessStartInfo(file, arguments)
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        configure?.Invoke(start);
        var process = new Process { StartInfo = start };
        var own = new OwnProcess(process);
        void Read(string? line)
        {
            if (line is null)
                return;
            hear?.Invoke(line);
            own.tail.Enqueue(line);
            while (own.tail.Count > TailLines)
                own.tail.TryDequeue(out _);
            if (readyLine is not null && line.Contains(readyLine, StringComparison.Ordinal))
                own.ready.TrySetResult();
        }

        process.OutputDataReceived += (_, e) => Read(e.Data);
        process.ErrorDataReceived += (_, e) => Read(e.Data);
        process.Start();
        Running[process.Id] = process;
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        if (readyLine is null)
            return own;
        var ended = process.WaitForExitAsync();
        if (await Task.WhenAny(own.ready.Task, ended, Task.Delay(TimeSpan.FromSeconds(20))) != own.ready.Task)
        {
            var tail = own.Tail;
            own.Dispose();
            throw new InvalidOperationException($"{file} was not ready:\n{tail}");
        }

        return own;
    }

    /// <summary>SIGKILL: the process ends at once.</summary>
    public void Kill()
    {
        if (!process.HasExited)
            process.Kill();
        process.WaitForExit();
    }

    /// <summary>SIGTERM: the process is asked to end.</summary>
    public void Terminate() => Signal("-TERM");

    /// <returns>Its exit code.</returns>
    public async Task<int> ExitAsync(TimeSpan patience)
    {
        using var enough = new CancellationTokenSource(patience);
        await process.WaitForExitAsync(enough.Token);
        return process.ExitCode;
    }

    /// <summary>SIGSTOP: the connections stay open, and the process does not answer.</summary>
    public void Pause() => Signal("-STOP");

    public void Resume() => Signal("-CONT");

    public void Dispose()
    {
        Kill();
        Running.TryRemove(process.Id, out _);
        process.Dispose();
    }

    private void Signal(string signal)
    {
        using var kill = Process.Start("kill", [signal, Ports.Text(process.Id)]);
        kill.WaitForExit();
    }
}
