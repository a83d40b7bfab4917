using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using Calls.Api;
using Calls.Sandbox.Redis;
using Calls.Sandbox.Twilio;

namespace Calls.Sandbox;

/// <summary>The whole service on one machine: an emulated Twilio over real HTTP, a Redis, and the real Api between them, all on loopback.</summary>
public sealed class SandboxHost : IAsyncDisposable
{
    private readonly WebApplication api;
    private readonly EmbeddedRedis? redis;
    private readonly BearerTokens bearers;
    private readonly HttpMessageInvoker http = new(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false });

    private SandboxHost(WebApplication api, TwilioEmulator twilio, EmbeddedRedis? redis, BearerTokens bearers, Uri address) =>
        (this.api, Twilio, this.redis, this.bearers, Address) = (api, twilio, redis, bearers, address);

    public TwilioEmulator Twilio { get; }

    /// <summary>Where the Api listens; its <c>PublicBaseUrl</c>.</summary>
    public Uri Address { get; }

    public IServiceProvider Services => api.Services;

    public static async Task<SandboxHost> StartAsync(SandboxOptions options, CancellationToken cancellationToken = default)
    {
        var redis = options.RedisConnectionString is null ? EmbeddedRedis.Start() : null;
        var address = new Uri(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{(options.Port == 0 ? FreePort() : options.Port)}"));
        var twilio = await TwilioEmulator.StartAsync(options.Twilio with { VoiceUrl = options.Twilio.VoiceUrl ?? new Uri(address, "/twilio/voice") }, cancellationToken: cancellationToken);
        var bearers = new BearerTokens(TimeProvider.System);
        var builder = WebApplication.CreateBuilder(new WebApplicationOptions { EnvironmentName = "Sandbox", ApplicationName = "Calls.Api" });
        builder.Configuration.AddInMemoryCollection(
        [
            .. bearers.Configuration,
            new("urls", address.ToString()),
            new("PublicBaseUrl", address.GetLeftPart(UriPartial.Authority)),
            new("ConnectionStrings:Redis", options.RedisConnectionString ?? redis!.ConnectionString),
            new("Twilio:Client:AccountSid", twilio.Options.AccountSid),
            new("Twilio:AuthToken", twilio.Options.AuthToken),
            new("Twilio:Client:ApiKeySid", twilio.Options.ApiKeySid),
            new("Twilio:Client:ApiKeySecret", twilio.Options.ApiKeySecret),
            new("Twilio:Voice:ApplicationSid", "AP5eed0000000000000000000000000004"),
            new("Twilio:Client:ApiBaseUrl", twilio.ApiBaseUrl.ToString()),
            new("Twilio:Voice:CallerId", "+15550100000"),
            new("Calls:Dialing:AllowedCountries:0", "+1"),
            // One machine plays everybody here, and asks again and again.
            new("Calls:Limits:RequestsPerSecond", "1000"),
            new("Calls:Limits:Burst", "10000"),
            new("Calls:Limits:StreamsPerBearer", "1000"),
            new("Logging:LogLevel:Default", "Warning"),
        ]);
        builder.Configuration.AddInMemoryCollection(options.Settings);
        builder.AddCalls();
        builder.Services.AddSingleton<IStartupFilter>(new FrontendJournal(twilio.Journal));
        options.Configure?.Invoke(builder);
        var api = builder.Build().MapCalls();
        await api.StartAsync(cancellationToken);
        return new SandboxHost(api, twilio, redis, bearers, address);
    }

    /// <summary>A bearer for a client identity.</summary>
    public string TokenFor(string identity, string? scope = null) => bearers.For(identity, scope);

    /// <summary>One REST request as a frontend would make it.</summary>
    public async Task<(HttpStatusCode Status, string Body)> RestAsync(
        HttpMethod method, string path, string? bearer, string? json = null, string? idempotencyKey = null, CancellationToken cancellationToken = default)
    {
        using var request = new HttpRequestMessage(method, new Uri(Address, path));
        if (bearer is not null)
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", bearer);
        if (idempotencyKey is not null)
            request.Headers.Add("Idempotency-Key", idempotencyKey);
        if (json is not null)
            request.Content = new StringContent(json, System.Text.Encoding.UTF8, "application/json");
        using var response = await http.SendAsync(request, cancellationToken);
        return (response.StatusCode, await response.Content.ReadAsStringAsync(cancellationToken));
    }

    /// <summary>Adds a phone, as somebody on the call.</summary>
    public Task<(HttpStatusCode Status, string Body)> AddPhoneAsync(string session, string identity, string number, string? label = null) =>
        RestAsync(HttpMethod.Post, $"/v1/sessions/{session}/participants", TokenFor(identity), System.Text.Json.JsonSerializer.Serialize(new { phoneNumber = number, label }));

    public async ValueTask DisposeAsync()
    {
        await api.StopAsync();
        await api.DisposeAsync();
        await Twilio.DisposeAsync();
        http.Dispose();
        if (redis is not null)
            await redis.DisposeAsync();
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}

/// <summary>What a sandbox is to be like.</summary>
public sealed record SandboxOptions
{
    /// <summary>The Api's port; 0 takes a free one.</summary>
    public int Port { get; init; }

    /// <summary>A Redis that is there already; unset: an embedded one.</summary>
    public string? RedisConnectionString { get; init; }

    public TwilioEmulatorOptions Twilio { get; init; } = new();

    /// <summary>Configuration keys of the service, before everything else.</summary>
    public IReadOnlyList<KeyValuePair<string, string?>> Settings { get; init; } = [];

    /// <summary>A last hand at the service before it is built.</summary>
    public Action<WebApplicationBuilder>? Configure { get; init; }
}
