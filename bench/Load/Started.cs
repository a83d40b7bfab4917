using System.Diagnostics;
using System.Globalization;

namespace Calls.Load;

/// <summary>A process that is measured or that measures. It ends with this object.</summary>
internal sealed class Started : IDisposable
{
    private readonly Process process;

    /// <param name="command">The program and its arguments.</param>
    /// <param name="environment">Variables in addition to this process's own.</param>
    /// <param name="folder">The working folder.</param>
    /// <param name="processor">The only processor that it may use. Null: any.</param>
    public Started(string[] command, IReadOnlyDictionary<string, string> environment, string folder, int? processor)
    {
        string[] pinned = processor is { } number ? ["taskset", "--cpu-list", number.ToString(CultureInfo.InvariantCulture),
            .. command] : command;
        var start = new ProcessStartInfo(pinned[0], pinned[1..])
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
            WorkingDirectory = folder,
        };
        foreach (var (key, value) in environment)
            start.Environment[key] = value;
        process = Process.Start(start) ?? throw new InvalidOperationException(pinned[0] + " did not start");
        // The output is read and dropped as cheaply as possible. A full pipe would stop the process.
        _ = process.StandardOutput.BaseStream.CopyToAsync(Stream.Null);
    }

    public bool HasExited => process.HasExited;

    /// <summary>The processor time since its start, of all processors.</summary>
    public TimeSpan Processor
    {
        get
        {
            process.Refresh();
            return process.TotalProcessorTime;
        }
    }

    /// <summary>The peak of its resident memory (<c>VmHWM</c>).</summary>
    public double PeakMegabytes
    {
        get
        {
            var line = File.ReadLines($"/proc/{process.Id.ToString(CultureInfo.InvariantCulture)}/status")
                .First(l => l.StartsWith("VmHWM", StringComparison.Ordinal));
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
