using System.Diagnostics;
using System.Globalization;

namespace Calls.Load;

/// <summary>A process that was started to be measured, or to be measured with; it ends with this.</summary>
internal sealed class Started : IDisposable
{
    private readonly Process process;

    /// <param name="command">The program and its arguments.</param>
    /// <param name="environment">On top of this process's own.</param>
    /// <param name="folder">Where it runs.</param>
    /// <param name="processor">The only one it may use; any where it is null.</param>
    public Started(string[] command, IReadOnlyDictionary<string, string> environment, string folder, int? processor)
    {
        string[] pinned = processor is { } number ? ["taskset", "--cpu-list", number.ToString(CultureInfo.InvariantCulture), .. command] : command;
        var start = new ProcessStartInfo(pinned[0], pinned[1..]) { UseShellExecute = false, RedirectStandardOutput = true, WorkingDirectory = folder };
        foreach (var (key, value) in environment)
            start.Environment[key] = value;
        process = Process.Start(start) ?? throw new InvalidOperationException(pinned[0] + " did not start");
        // Read and forgotten, as cheaply as can be: a log that nobody takes would hold the process up.
        _ = process.StandardOutput.BaseStream.CopyToAsync(Stream.Null);
    }

    public bool HasExited => process.HasExited;

    /// <summary>What it has used of all processors since it was started.</summary>
    public TimeSpan Processor
    {
        get
        {
            process.Refresh();
            return process.TotalProcessorTime;
        }
    }

    /// <summary>The most memory that it ever had in RAM.</summary>
    public double PeakMegabytes
    {
        get
        {
            var line = File.ReadLines($"/proc/{process.Id.ToString(CultureInfo.InvariantCulture)}/status").First(l => l.StartsWith("VmHWM", StringComparison.Ordinal));
            return double.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) / 1024;
        }
    }

    public void Dispose()
    {
        process.Kill();
        process.WaitForExit();
        process.Dispose();
    }
}
