using System.Diagnostics.Metrics;

namespace Calls.Api.Observability;

/// <summary>The open files and sockets of this process, and the most that it may have, from <c>/proc</c>. There is no measurement where the
/// system has no <c>/proc</c>.</summary>
internal sealed class FileDescriptors : IHostedService, IDisposable
{
    private const string LimitLine = "Max open files";
    private readonly Meter meter;

    public FileDescriptors(IMeterFactory meters) => meter = meters.Create("Calls.Process");

    public Task StartAsync(CancellationToken cancellationToken)
    {
        if (Directory.Exists("/proc/self/fd"))
        {
            meter.CreateObservableGauge(
                "calls.file_descriptors.open", () => Directory.EnumerateFileSystemEntries("/proc/self/fd").Count(), "{file_descriptor}",
                "Open file descriptors of this process: files, sockets and pipes.");
            meter.CreateObservableGauge(
                "calls.file_descriptors.limit", Limit, "{file_descriptor}", "The most file descriptors that this process may have.");
        }

        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public void Dispose() => meter.Dispose();

    /// <summary>The soft limit. None where there is no limit.</summary>
    private static IEnumerable<Measurement<long>> Limit()
    {
        var line = File.ReadLines("/proc/self/limits").FirstOrDefault(line => line.StartsWith(LimitLine, StringComparison.Ordinal));
        var soft = line?[LimitLine.Length..].Split(' ', StringSplitOptions.RemoveEmptyEntries).FirstOrDefault();
        return long.TryParse(soft, NumberStyles.None, CultureInfo.InvariantCulture, out var most) ? [new Measurement<long>(most)] : [];
    }
}
