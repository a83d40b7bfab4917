using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;

namespace Calls.Chart.Tests.Tools;

/// <summary>A Prometheus process that scrapes one service each second and has the chart's rules.</summary>
internal sealed class Prometheus : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private readonly Process process;
    private readonly string directory;
    private readonly HttpClient http;

    private Prometheus(Process process, string directory, Uri address)
    {
        this.process = process;
        this.directory = directory;
        http = new HttpClient(new SocketsHttpHandler()) { BaseAddress = address };
    }

    public static async Task<Prometheus> StartAsync(string program, Uri service)
    {
        var directory = Directory.CreateTempSubdirectory("calls-prometheus-").FullName;
        // The rules of the chart are evaluated once a minute. That is too slow for a test.
        var rules = (await File.ReadAllTextAsync(Alerts.Path)).Replace("interval: 1m", "interval: 1s", StringComparison.Ordinal)
            .Replace("interval: 5m", "interval: 1s", StringComparison.Ordinal);
        await File.WriteAllTextAsync(Path.Combine(directory, "alerts.yaml"), rules);
        await File.WriteAllTextAsync(Path.Combine(directory, "prometheus.yaml"), $"""
            global:
              scrape_interval: 1s
              evaluation_interval: 1s
            rule_files: [alerts.yaml]
            scrape_configs:
              - job_name: calls
                static_configs:
                  - targets: ["{service.Authority}"]
                    labels:
                      namespace: sandbox
            """);
        var port = FreePort();
        var process = Process.Start(new ProcessStartInfo(program,
        [
            $"--config.file={Path.Combine(directory, "prometheus.yaml")}", $"--storage.tsdb.path={Path.Combine(directory, "data")}",
            string.Create(CultureInfo.InvariantCulture, $"--web.listen-address=127.0.0.1:{port}"), "--log.level=error",
        ])
        { UseShellExecute = false }) ?? throw new InvalidOperationException("Prometheus does not start");
        var prometheus = new Prometheus(process, directory,
            new Uri(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{port}")));
        await prometheus.WaitForAsync("up == 1");
        return prometheus;
    }

    /// <summary>The series of an expression at this time, with their labels. Throws if the expression cannot be evaluated.</summary>
    public async Task<IReadOnlyList<IReadOnlyDictionary<string, string>>> SeriesAsync(string expression)
    {
        using var form = new FormUrlEncodedContent([new("query", expression)]);
        using var response = await http.PostAsync(new Uri("/api/v1/query", UriKind.Relative), form);
        if (response.StatusCode == HttpStatusCode.ServiceUnavailable)
            throw new HttpRequestException("Prometheus is starting");
        using var answer = JsonDocument.Parse(await response.Content.ReadAsStreamAsync());
        if (!response.IsSuccessStatusCode)
            throw new InvalidOperationException($"{expression}: {answer.RootElement}");
        var data = answer.RootElement.GetProperty("data");
        return data.GetProperty("resultType").GetString() == "vector"
            ? [.. data.GetProperty("result").EnumerateArray()
                .Select(series => series.GetProperty("metric").EnumerateObject().ToDictionary(label => label.Name,
                label => label.Value.GetString() ?? "", StringComparer.Ordinal))]
            : [];
    }

    /// <summary>Waits until the expression has a series.</summary>
    public async Task WaitForAsync(string expression)
    {
        var since = Stopwatch.GetTimestamp();
        while (true)
        {
            process.HasExited.ShouldBeFalse("Prometheus has ended");
            try
            {
                if ((await SeriesAsync(expression)).Count > 0)
                    return;
            }
            catch (HttpRequestException)
            {
                // Prometheus does not listen yet, or still reads its stored data.
            }

            if (Stopwatch.GetElapsedTime(since) > Patience)
                throw new TimeoutException($"{expression} gives nothing");
            await Task.Delay(200);
        }
    }

    public async ValueTask DisposeAsync()
    {
        http.Dispose();
        process.Kill();
        await process.WaitForExitAsync();
        process.Dispose();
        Directory.Delete(directory, recursive: true);
    }

    public static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
