using Calls.Sandbox;
using Calls.Sandbox.Twilio;

namespace Calls.Chaos.Tests.Harness;

/// <summary>
/// A deployment of the service: replicas of the real Api behind a load balancer, a real Redis, and the emulated Twilio that calls them.
/// </summary>
internal sealed class Deployment : IAsyncDisposable
{
    /// <summary>The settings of the Voice URL in Twilio's console (README.md).</summary>
    private const string VoiceOverrides = "#rc=2&rp=5xx,ct,rt&ct=1500&rt=3000";

    private readonly BearerTokens bearers = new(TimeProvider.System);
    private readonly TcpProxy front;
    private int turn;

    private Deployment(TwilioEmulator twilio, string redis)
    {
        (Twilio, Redis) = (twilio, redis);
        ToTwilio = TcpProxy.To(twilio.ApiBaseUrl.Port);
        front = TcpProxy.To(Next);
        Address = new Uri("http://127.0.0.1:" + Ports.Text(front.Port));
    }

    public TwilioEmulator Twilio { get; }

    /// <summary>The address of Redis without a proxy.</summary>
    public string Redis { get; }

    /// <summary>The proxy between the Api and Twilio's REST API.</summary>
    public TcpProxy ToTwilio { get; }

    /// <summary>The one address that Twilio and frontends know: <c>PublicBaseUrl</c>.</summary>
    public Uri Address { get; }

    public List<Replica> Replicas { get; } = [];

    /// <param name="redis">The connection string of the test itself.</param>
    /// <param name="redisForApi">The Api's connection string, if it goes through a proxy. Otherwise it is the same.</param>
    /// <param name="replicas">The number of processes.</param>
    /// <param name="settings">Additional or changed settings.</param>
    public static async Task<Deployment> StartAsync(
        string redis, string? redisForApi = null, int replicas = 2, params (string Key, string Value)[] settings)
    {
        var twilio = await TwilioEmulator.StartAsync(new TwilioEmulatorOptions { RingBuffer = TimeSpan.Zero, JournalCapacity = 1_000_000 });
        var deployment = new Deployment(twilio, redis);
        twilio.Options.VoiceUrl = new Uri(deployment.Address, "/twilio/voice" + VoiceOverrides);
        var keys = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["ASPNETCORE_ENVIRONMENT"] = "Production",
            ["ConnectionStrings:Redis"] = redisForApi ?? redis,
            ["PublicBaseUrl"] = deployment.Address.GetLeftPart(UriPartial.Authority),
            ["Twilio:Client:AccountSid"] = twilio.Options.AccountSid,
            ["Twilio:AuthToken"] = twilio.Options.AuthToken,
            ["Twilio:Client:ApiBaseUrl"] = "http://127.0.0.1:" + Ports.Text(deployment.ToTwilio.Port),
            ["Twilio:Voice:CallerId"] = "+15550100000",
            ["Calls:Dialing:AllowedCountries:0"] = "US",
            ["Calls:Dialing:AllowedNumbers:0"] = "+1555",
            ["Calls:RingTimeout"] = "00:00:05",
            ["Calls:QueueTimeout"] = "00:00:15",
            ["Calls:JoinGrace"] = "00:00:02",
            ["Calls:ReviewInterval"] = "00:00:03",
            ["Logging:LogLevel:Default"] = "Warning",
        };
        foreach (var (key, value) in deployment.bearers.Configuration)
            keys[key] = value!;
        foreach (var (key, value) in settings)
            keys[key] = value;
        deployment.Replicas.AddRange(Enumerable.Range(0, replicas).Select(_ => new Replica(keys)));
        try
        {
            await Task.WhenAll(deployment.Replicas.Select(replica => replica.StartAsync()));
            return deployment;
        }
        catch
        {
            await deployment.DisposeAsync();
            throw;
        }
    }

    public string TokenFor(string identity) => bearers.For(identity);

    /// <summary>The last output of the replicas, for a message.</summary>
    public string Said() => string.Join("\n--\n", Replicas.Select(replica => replica.Tail));

    public async ValueTask DisposeAsync()
    {
        foreach (var replica in Replicas)
            replica.Dispose();
        await front.DisposeAsync();
        await ToTwilio.DisposeAsync();
        await Twilio.DisposeAsync();
    }

    /// <summary>Round robin over the replicas whose health check is green.</summary>
    private int? Next()
    {
        for (var i = 0; i < Replicas.Count; i++)
            if (Replicas[(int)((uint)Interlocked.Increment(ref turn) % Replicas.Count)] is var replica && replica.IsChosen())
                return replica.Port;
        return null;
    }
}
