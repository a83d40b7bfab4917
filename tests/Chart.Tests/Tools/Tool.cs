using System.Diagnostics;

namespace Calls.Chart.Tests.Tools;

/// <summary>An external program, run as a person would run it.</summary>
internal static class Tool
{
    /// <summary>The repository's root.</summary>
    public static string Root { get; } = FindRoot();

    public static string Chart { get; } = Path.Combine(Root, "deploy/helm/calls");

    public static string Files { get; } = Path.Combine(Chart, "files");

    private static readonly string Npm = Path.Combine(Root, "deploy/helm/tools");

    /// <summary>A program from the path, or from the folder into which .ci/run unpacks it. Null if there is none.</summary>
    public static string? Find(string name) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
            .Append(Path.Combine(Root, "artifacts/prometheus/usr/bin"))
            .Select(directory => Path.Combine(directory, name)).FirstOrDefault(File.Exists);

    public static string Promtool() => Find("promtool") ?? Missing("promtool");

    public static string Prometheus() => Find("prometheus") ?? Missing("prometheus");

    /// <summary>The directory of the chart's tools, with their packages installed.</summary>
    public static string NpmPackages()
    {
        if (!Directory.Exists(Path.Combine(Npm, "node_modules/js-yaml")) || Find("node") is null)
            Missing("helm");
        return Npm;
    }

    public static async Task<(int ExitCode, string Output)> RunAsync(
        string program, IEnumerable<string> arguments, string? input = null, string? directory = null,
        CancellationToken cancellationToken = default)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            WorkingDirectory = directory ?? Root,
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var process = Process.Start(start) ?? throw new InvalidOperationException($"{program} does not start");
        var reading = Task.WhenAll(process.StandardOutput.ReadToEndAsync(cancellationToken),
            process.StandardError.ReadToEndAsync(cancellationToken));
        if (input is not null)
            await process.StandardInput.WriteAsync(input.AsMemory(), cancellationToken);
        process.StandardInput.Close();
        var texts = await reading;
        await process.WaitForExitAsync(cancellationToken);
        return (process.ExitCode, string.Concat(texts));
    }

    public static string Missing(string what)
    {
        Assert.Skip($"{what} is not installed");
        return "";
    }

    private static string FindRoot()
    {
        var directory = new DirectoryInfo(AppContext.BaseDirectory);
        while (directory is not null && !File.Exists(Path.Combine(directory.FullName, "Calls.sln")))
            directory = directory.Parent;
        return directory?.FullName ?? throw new InvalidOperationException("The tests do not run inside the repository");
    }
}
