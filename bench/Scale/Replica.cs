using System.Globalization;
using System.Net.Sockets;
using Calls.Load;

namespace Calls.Scale;

/// <summary>
/// One process of the service as in production: configured by environment variables, with exported telemetry and default logging.
/// </summary>
/// <remarks>Its review interval is the longest possible, so that no stored session comes due during the measurement, unless reviews are
/// what is measured (<see cref="Capacity"/>).</remarks>
internal sealed class Replica : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly HttpMessageInvoker http = new(new SocketsHttpHandler { UseProxy = false });
    private readonly Children children;
    private readonly Started process;

    private Replica(Children children, QuickTwilio twilio, string redis, Uri? ingress, TimeSpan reviewInterval)
    {
        this.children = children;
        Origin = new Uri("http://127.0.0.1:" + Machine.FreePort().ToString(CultureInfo.InvariantCulture));
        var environment = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["ASPNETCORE_URLS"] = Origin.ToString(),
            ["Calls__ReviewInterval"] = reviewInterval.ToString("c", CultureInfo.InvariantCulture),
            ["ConnectionStrings__Redis"] = redis,
            ["Calls__StartsPerIdentityPerHour"] = "1000000",
            ["Calls__Dialing__AllowedCountries"] = "US",
            ["DOTNET_EnableDiagnostics"] = "0",
            ["OTEL_EXPORTER_OTLP_ENDPOINT"] = twilio.Address.ToString(),
            ["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf",
            ["PublicBaseUrl"] = (ingress ?? Origin).GetLeftPart(UriPartial.Authority),
            ["Twilio__AuthToken"] = QuickTwilio.Token,
            ["Twilio__Client__AccountSid"] = QuickTwilio.Account,
            ["Twilio__Client__ApiBaseUrl"] = twilio.Address.GetLeftPart(UriPartial.Authority),
            ["Twilio__Voice__CallerId"] = QuickTwilio.Number,
        };
        process = children.Keep(
            new Started(["dotnet", Contender.Service.Assembly], environment, Contender.Service.Folder, processor: null));
    }

    public Uri Origin { get; }

    public TimeSpan Processor => process.Processor;

    /// <param name="children">Owns the process.</param>
    /// <param name="twilio">Its Twilio, which also receives its telemetry.</param>
    /// <param name="redis">The Redis of its sessions.</param>
    /// <param name="ingress">The address for Twilio. Null: the replica itself.</param>
    /// <param name="reviewInterval">Null: the longest possible.</param>
    public static async Task<Replica> StartAsync(
        Children children, QuickTwilio twilio, string redis, Uri? ingress = null, TimeSpan? reviewInterval = null)
    {
        var replica = new Replica(children, twilio, redis, ingress, reviewInterval ?? Storage.ReviewInterval);
        using var patience = new CancellationTokenSource(Patience);
        while (!await replica.IsReadyAsync(patience.Token))
        {
            if (replica.process.HasExited)
                throw new InvalidOperationException("The service ended before it was ready.");
            await Task.Delay(20, patience.Token);
        }

        return replica;
    }

    /// <summary>The sum of a counter over all labels, from <c>/metrics</c>.</summary>
    public async Task<double> SumAsync(string counter)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(Origin, "/metrics"));
        using var response = await http.SendAsync(request, CancellationToken.None);
        var text = await response.Content.ReadAsStringAsync();
        return text.Split('\n').Where(line => line.StartsWith(counter, StringComparison.Ordinal)).Sum(Value);

        // name{labels} value timestamp
        static double Value(string line) =>
            double.Parse(line[(line.IndexOf("} ", StringComparison.Ordinal) + 2)..].Split(' ')[0], CultureInfo.InvariantCulture);
    }

    public void Dispose()
    {
        http.Dispose();
        children.End(process);
    }

    private async Task<bool> IsReadyAsync(CancellationToken cancellationToken)
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
