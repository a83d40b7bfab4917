using System.Diagnostics;
using System.Runtime.InteropServices;
using Calls.Report;

namespace Calls.Load;

/// <summary>One of the two compared programs, published as for the image: for this platform and compiled ahead of time.</summary>
internal sealed record Contender(string Name, string Project, string Assembly)
{
    public static readonly Contender Service = new("service", "src/Api", "Calls.Api.dll") { HasMetrics = true };
    public static readonly Contender Floor = new("floor", "bench/Floor", "Calls.Floor.dll");

    /// <summary>Whether the program has metrics to scrape.</summary>
    public bool HasMetrics { get; private init; }

    public string Folder { get; } = Path.Combine(PerformancePage.Root, "artifacts", "bench", Name);

    public async Task PublishAsync()
    {
        var architecture = RuntimeInformation.OSArchitecture.ToString().ToLowerInvariant();
        string[] arguments = ["publish", Project, "-c", "Release", "-a", architecture, "--no-self-contained", "-o", Folder, "-v", "quiet",
            "--nologo"];
        var start = new ProcessStartInfo("dotnet", arguments) { WorkingDirectory = PerformancePage.Root };
        using var publish = Process.Start(start) ?? throw new InvalidOperationException("dotnet did not start");
        await publish.WaitForExitAsync();
        if (publish.ExitCode != 0)
            throw new InvalidOperationException($"{Project} could not be published.");
    }
}
