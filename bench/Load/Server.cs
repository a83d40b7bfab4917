using System.Net.Sockets;

namespace Calls.Load;

/// <summary>A running contender.</summary>
internal sealed class Server : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <summary>The default interval of Prometheus and of the chart's ServiceMonitor.</summary>
    private static readonly TimeSpan ScrapeInterval = TimeSpan.FromSeconds(15);

    private readonly Children children;
    private readonly Started process;
    private readonly CancellationTokenSource ended = new();

    private Server(Children children, Started process, Uri origin) => (this.children, this.process, Origin) = (children, process, origin);

    public Uri Origin { get; }

    /// <summary>The time from the start of the process until it is ready, including the start of the runtime.</summary>
    public TimeSpan ReadyIn { get; private set; }

    public TimeSpan Processor => process.Processor;

    public double PeakMegabytes => process.PeakMegabytes;

    /// <summary>
    /// Starts the contender as in production: configured by environment variables, with default logging, exported traces and logs, and
    /// scraped metrics.
    /// </summary>
    public static async Task<Server> StartAsync(Children children, Contender contender, Uri origin, Uri twilio, string redis,
        int? processor)
    {
        var from = TimeProvider.System.GetTimestamp();
        var environment = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["ASPNETCORE_URLS"] = origin.ToString(),
            ["ConnectionStrings__Redis"] = redis,
            // One line places call after call.
            ["Calls__StartsPerIdentityPerHour"] = "1000000",
            ["Calls__Dialing__AllowedCountries"] = "US",
            ["DOTNET_EnableDiagnostics"] = "0",
            ["OTEL_EXPORTER_OTLP_ENDPOINT"] = twilio.ToString(),
            ["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf",
            ["OTEL_METRICS_EXPORTER"] = "prometheus",
            ["PublicBaseUrl"] = origin.GetLeftPart(UriPartial.Authority),
            ["Twilio__AuthToken"] = QuickTwilio.Token,
            ["Twilio__Client__AccountSid"] = QuickTwilio.Account,
            ["Twilio__Client__ApiBaseUrl"] = twilio.GetLeftPart(UriPartial.Authority),
            ["Twilio__Voice__CallerId"] = QuickTwilio.Number,
        };
        // The working folder has the settings file, as in the image. Without it every request would be logged twice.
        var server = new Server(children,
            children.Keep(new Started(["dotnet", contender.Assembly], environment, contender.Folder, processor)), origin);
        try
        {
            await server.AwaitReadyAsync();
        }
        catch
        {
            server.Dispose();
            throw;
        }

        server.ReadyIn = TimeProvider.System.GetElapsedTime(from);
        if (!contender.HasMetrics)
            return server;
        // The scrape must succeed. Otherwise missing metrics would save time unnoticed.
        await server.ScrapeOnceAsync(server.ended.Token);
        _ = server.ScrapeAsync(server.ended.Token);
        return server;
    }

    public void Dispose()
    {
        ended.Cancel();
        ended.Dispose();
        children.End(process);
    }

    private async Task ScrapeOnceAsync(CancellationToken until)
    {
        using var http = new HttpClient(new SocketsHttpHandler { UseProxy = false });
        await http.GetStringAsync(new Uri(Origin, "/metrics"), until);
    }

    private async Task ScrapeAsync(CancellationToken until)
    {
        using var timer = new PeriodicTimer(ScrapeInterval);
        try
        {
            while (await timer.WaitForNextTickAsync(until))
                await ScrapeOnceAsync(until);
        }
        catch (OperationCanceledException)
        {
            // The process has ended.
        }
    }

    private async Task AwaitReadyAsync()
    {
        using var http = new HttpMessageInvoker(new SocketsHttpHandler { UseProxy = false });
        using var patience = new CancellationTokenSource(Patience);
        while (!await IsReadyAsync(http, patience.Token))
        {
            if (process.HasExited)
                throw new InvalidOperationException("The process ended before it was ready.");
            await Task.Delay(10, patience.Token);
        }
    }

    private async Task<bool> IsReadyAsync(HttpMessageInvoker http, CancellationToken cancellationToken)
    {
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(Origin, "/healthz/ready"));
            using var response = await http.SendAsync(request, cancellationToken);
            return response.IsSuccessStatusCode;
        }
        catch (Exception e) when (e is HttpRequestException or SocketException)
        {
            return false;
        }
    }
}
