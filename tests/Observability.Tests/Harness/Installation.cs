using Calls.Sandbox;
using Calls.Sandbox.Redis;
using Calls.Sandbox.Twilio;

namespace Calls.Observability.Tests.Harness;

/// <summary>The service as it is installed: replicas of the Api behind a front, one Redis, one emulated Twilio, and a collector that takes what they export.</summary>
internal sealed class Installation : IAsyncDisposable
{
    private readonly BearerTokens bearers = new(TimeProvider.System);
    private readonly EmbeddedRedis redis;

    private Installation(TwilioEmulator twilio, Front front, OtlpReceiver collector, EmbeddedRedis redis) =>
        (Twilio, Front, Collector, this.redis) = (twilio, front, collector, redis);

    public TwilioEmulator Twilio { get; }

    public Front Front { get; }

    public OtlpReceiver Collector { get; }

    public List<ApiProcess> Replicas { get; } = [];

    public static async Task<Installation> StartAsync(int replicas = 2, params (string Key, string Value)[] settings)
    {
        var redis = EmbeddedRedis.Start();
        var front = await Front.StartAsync();
        var twilio = await TwilioEmulator.StartAsync(new TwilioEmulatorOptions { VoiceUrl = new Uri(front.Address, "/twilio/voice"), RingBuffer = TimeSpan.Zero });
        var installation = new Installation(twilio, front, await OtlpReceiver.StartAsync(), redis);
        try
        {
            foreach (var replica in Enumerable.Range(1, replicas))
                installation.Replicas.Add(await ApiProcess.StartAsync(installation.Keys($"replica-{replica}").Concat(settings.Select(s => KeyValuePair.Create(s.Key, s.Value)))));
            front.Rotation = () => [.. installation.Replicas.Select(replica => replica.Address)];
            return installation;
        }
        catch
        {
            await installation.DisposeAsync();
            throw;
        }
    }

    public string TokenFor(string identity) => bearers.For(identity);

    /// <summary>SIGTERM to all, and their last exports.</summary>
    public async Task StopReplicasAsync()
    {
        foreach (var replica in Replicas)
            replica.Terminate();
        foreach (var replica in Replicas)
            await replica.ExitedAsync(TimeSpan.FromSeconds(30));
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var replica in Replicas)
            replica.Dispose();
        await Twilio.DisposeAsync();
        await Front.DisposeAsync();
        await Collector.DisposeAsync();
        await redis.DisposeAsync();
    }

    private Dictionary<string, string> Keys(string replica)
    {
        var keys = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["ASPNETCORE_ENVIRONMENT"] = "Production",
            ["ConnectionStrings:Redis"] = redis.ConnectionString,
            ["PublicBaseUrl"] = Front.Address.GetLeftPart(UriPartial.Authority),
            ["Twilio:Client:AccountSid"] = Twilio.Options.AccountSid,
            ["Twilio:AuthToken"] = Twilio.Options.AuthToken,
            ["Twilio:Client:ApiBaseUrl"] = Twilio.ApiBaseUrl.ToString(),
            ["Twilio:Voice:CallerId"] = "+15550100000",
            ["Calls:Dialing:AllowedCountries:0"] = "+1",
            ["Logging:LogLevel:Calls"] = "Debug",
            ["OTEL_EXPORTER_OTLP_ENDPOINT"] = Collector.EndpointFor(replica),
            ["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf",
            ["OTEL_BSP_SCHEDULE_DELAY"] = "200",
            ["OTEL_BLRP_SCHEDULE_DELAY"] = "200",
            ["OTEL_METRIC_EXPORT_INTERVAL"] = "500",
        };
        foreach (var (key, value) in bearers.Configuration)
            keys[key] = value!;
        return keys;
    }
}
