using System.Diagnostics;

namespace Calls.Browser.Tests;

/// <summary>Runs Node and npm.</summary>
internal static class Npm
{
    /// <summary>Skips the test if npm is not installed.</summary>
    public static void Require()
    {
        if (!(Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
            .Any(folder => File.Exists(Path.Combine(folder, "npm"))))
            Assert.Skip("npm is not installed");
    }

    /// <summary>Runs npm to its end. The result is what it printed.</summary>
    public static async Task<string> RunAsync(string arguments, string folder, Dictionary<string, string>? environment = null)
    {
        using var npm = Start("npm", arguments, folder, environment ?? []);
        var (output, errors) = (npm.StandardOutput.ReadToEndAsync(), npm.StandardError.ReadToEndAsync());
        await npm.WaitForExitAsync();
        npm.ExitCode.ShouldBe(0, $"npm {arguments}: {await output}{await errors}");
        return await output;
    }

    public static Process Start(string command, string arguments, string folder, Dictionary<string, string> environment)
    {
        var start = new ProcessStartInfo(command, arguments)
        {
            WorkingDirectory = folder,
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        return Process.Start(start) ?? throw new InvalidOperationException($"{command} did not start");
    }
}
