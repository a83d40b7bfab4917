using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Calls.Observability.Tests.Harness;

/// <summary>The Api as production runs it: a process of its own, configured by its environment.</summary>
internal sealed class ApiProcess : IDisposable
{
    private static readonly string[] ServiceKeys = ["Twilio", "ASPNETCORE", "Calls__", "MY_", "ConnectionStrings", "OTEL_"];
    private static readonly HttpClient Http = new(new SocketsHttpHandler { UseProxy = false });

    private readonly Process process;
    private readonly ConcurrentQueue<string> output = [];

    private ApiProcess(Process process, Uri address) => (this.process, Address) = (process, address);

    public Uri Address { get; }

    public bool HasExited => process.HasExited;

    public int ExitCode => process.ExitCode;

    /// <summary>From its start to its first green readiness.</summary>
    public TimeSpan ReadyAfter { get; private set; }

    /// <summary>Everything that it wrote to its console.</summary>
    public string Output => string.Join('\n', output);

    public static async Task<ApiProcess> StartAsync(IEnumerable<KeyValuePair<string, string>> keys)
    {
        var address = FreeAddress();
        var start = new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "Calls.Api.dll")])
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = AppContext.BaseDirectory,
        };
        foreach (var name in start.Environment.Keys.Where(name => ServiceKeys.Any(prefix => name.StartsWith(prefix, StringComparison.OrdinalIgnoreCase))).ToList())
            start.Environment.Remove(name);
        foreach (var (key, value) in keys)
            start.Environment[key.Replace(":", "__", StringComparison.Ordinal)] = value;
        start.Environment["ASPNETCORE_URLS"] = address.ToString();
        var began = Stopwatch.GetTimestamp();
        var process = new Process { StartInfo = start };
        var api = new ApiProcess(process, address);
        process.OutputDataReceived += (_, e) => api.output.Enqueue(e.Data ?? "");
        process.ErrorDataReceived += (_, e) => api.output.Enqueue(e.Data ?? "");
        process.Start();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        try
        {
            await Eventually.TrueAsync(async () => process.HasExited
                ? throw new InvalidOperationException("The Api ended before it was ready:\n" + api.Output)
                : await api.HealthAsync("ready") == HttpStatusCode.OK);
        }
        catch
        {
            api.Dispose();
            throw;
        }

        api.ReadyAfter = Stopwatch.GetElapsedTime(began);
        return api;
    }

    /// <summary>One health route's answer; null where nothing answered.</summary>
    public async Task<HttpStatusCode?> HealthAsync(string route)
    {
        try
        {
            using var response = await Http.GetAsync(new Uri(Address, "/healthz/" + route));
            return response.StatusCode;
        }
        catch (HttpRequestException)
        {
            return null;
        }
    }

    /// <summary>What Prometheus gets that asks for OpenMetrics.</summary>
    public async Task<string> MetricsAsync()
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(Address, "/metrics"));
        request.Headers.TryAddWithoutValidation("Accept", "application/openmetrics-text; version=1.0.0");
        using var response = await Http.SendAsync(request);
        return await response.Content.ReadAsStringAsync();
    }

    /// <summary>SIGTERM, as Kubernetes sends it.</summary>
    public void Terminate()
    {
        using var kill = Process.Start("kill", ["-TERM", process.Id.ToString(CultureInfo.InvariantCulture)]);
        kill.WaitForExit();
    }

    public async Task<TimeSpan> ExitedAsync(TimeSpan within)
    {
        var began = Stopwatch.GetTimestamp();
        await process.WaitForExitAsync().WaitAsync(within);
        return Stopwatch.GetElapsedTime(began);
    }

    public void Dispose()
    {
        if (!process.HasExited)
            process.Kill();
        process.WaitForExit();
        process.Dispose();
    }

    private static Uri FreeAddress()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return new Uri(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}"));
    }
}
