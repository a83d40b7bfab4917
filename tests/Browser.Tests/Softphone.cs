using System.Diagnostics;
using System.Globalization;

namespace Calls.Browser.Tests;

/// <summary>The sample softphone, built as its README describes and served by its own server.</summary>
internal sealed class Softphone : IAsyncDisposable
{
    private static readonly Lazy<Task<string>> Build = new(BuildAsync);
    private readonly Process server;

    private Softphone(Process server, Uri address) => (this.server, Address) = (server, address);

    public Uri Address { get; }

    /// <summary>Builds and serves the softphone. Skips the test if npm is not installed.</summary>
    public static async Task<Softphone> StartAsync(Uri api, Uri? sandbox)
    {
        Npm.Require();
        var folder = await Build.Value;
        var server = Npm.Start("node", "serve.mjs", folder, new()
        {
            ["CALLS_API"] = api.ToString(),
            ["CALLS_SANDBOX"] = sandbox?.ToString() ?? "",
            ["PORT"] = FreePort(),
        });
        var token = TestContext.Current.CancellationToken;
        var line = await server.StandardOutput.ReadLineAsync(token)
            ?? throw new InvalidOperationException(await server.StandardError.ReadToEndAsync(token));
        return new Softphone(server, new Uri(line.Split(' ')[0]));
    }

    /// <summary>The file name of the part of the bundle that contains Twilio's SDK.</summary>
    public static async Task<string> SdkAsync() =>
        Path.GetFileName(Directory.EnumerateFiles(Path.Combine(await Build.Value, "dist"), "twilio-*.js").Single());

    public async ValueTask DisposeAsync()
    {
        server.Kill(entireProcessTree: true);
        await server.WaitForExitAsync();
        server.Dispose();
    }

    private static async Task<string> BuildAsync()
    {
        var folder = Path.Combine(Repository.Root, "samples", "softphone");
        await Npm.RunAsync("ci --no-audit --no-fund", folder);
        await Npm.RunAsync("run build", folder);
        return folder;
    }

    private static string FreePort()
    {
        using var listener = new System.Net.Sockets.TcpListener(System.Net.IPAddress.Loopback, 0);
        listener.Start();
        return ((System.Net.IPEndPoint)listener.LocalEndpoint).Port.ToString(CultureInfo.InvariantCulture);
    }
}
