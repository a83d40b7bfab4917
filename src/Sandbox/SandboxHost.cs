using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using Calls.Api;
using Calls.Sandbox.Redis;
using Calls.Sandbox.Twilio;
using Microsoft.AspNetCore.Connections;
using StackExchange.Redis;

namespace Calls.Sandbox;

/// <summary>
/// The whole service in one process: the real Api, a Redis and an emulated Twilio, all on loopback, connected by real HTTP.
/// </summary>
public sealed class SandboxHost : IAsyncDisposable
{
    private const int MaxAttempts = 3;

    private readonly WebApplication api;
    private readonly EmbeddedRedis? redis;
    private readonly BearerTokens bearers;
    private readonly HttpMessageInvoker http = new(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false });

    private SandboxHost(
        WebApplication api, TwilioEmulator twilio, EmbeddedRedis? redis, string connectionString, BearerTokens bearers, Uri address) =>
        (this.api, Twilio, this.redis, RedisConnectionString, this.bearers, Address)
            = (api, twilio, redis, connectionString, bearers, address);

    /// <summary>The emulated Twilio that the service uses.</summary>
    public TwilioEmulator Twilio { get; }

    /// <summary>The connection string of the Redis that the service uses.</summary>
    public string RedisConnectionString { get; }

    /// <summary>The address of the Api. It is also the service's <c>PublicBaseUrl</c>.</summary>
    public Uri Address { get; }

    /// <summary>The services of the Api.</summary>
    public IServiceProvider Services => api.Services;

    /// <summary>Starts an embedded Redis (unless the options name one), the emulated Twilio and the Api.</summary>
    public static async Task<SandboxHost> StartAsync(SandboxOptions options, CancellationToken cancellationToken = default)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return await StartOnceAsync(options, cancellationToken);
            }
            catch (IOException e) when (e.InnerException is AddressInUseException && options.Port == 0 && attempt < MaxAttempts)
            {
                // Another process has taken the free port.
            }
        }
    }

    private static async Task<SandboxHost> StartOnceAsync(SandboxOptions options, CancellationToken cancellationToken)
    {
        EmbeddedRedis? redis = null;
        var connectionString = options.RedisConnectionString ?? (redis = EmbeddedRedis.Start(options.RedisPort)).ConnectionString;
        var port = options.Port == 0 ? FreePort() : options.Port;
        var address = new Uri(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{port}"));
        var twilioOptions = options.Twilio with
        {
            VoiceUrl = options.Twilio.VoiceUrl ?? new Uri(address, "/twilio/voice"),
            NumberVoiceUrl = options.Twilio.NumberVoiceUrl ?? new Uri(address, "/twilio/number"),
            NumberStatusCallback = options.Twilio.NumberStatusCallback ?? new Uri(address, "/twilio/number/status"),
        };
        var twilio = await TwilioEmulator.StartAsync(twilioOptions, cancellationToken: cancellationToken);
        var bearers = new BearerTokens(TimeProvider.System);
        var builder = WebApplication.CreateBuilder(
            new WebApplicationOptions { EnvironmentName = "Sandbox", ApplicationName = "Calls.Api" });
        builder.Configuration.AddInMemoryCollection(
        [
            .. bearers.Configuration,
            new("urls", address.ToString()),
            new("PublicBaseUrl", address.GetLeftPart(UriPartial.Authority)),
            // A pause of this process pauses the embedded Redis too. The service must not take it for an outage.
            new("ConnectionStrings:Redis", redis is null ? connectionString : connectionString + ",syncTimeout=5000,asyncTimeout=5000"),
            new("Twilio:Client:AccountSid", twilio.Options.AccountSid),
            new("Twilio:AuthToken", twilio.Options.AuthToken),
            new("Twilio:Client:ApiKeySid", twilio.Options.ApiKeySid),
            new("Twilio:Client:ApiKeySecret", twilio.Options.ApiKeySecret),
            new("Twilio:Voice:ApplicationSid", "AP5eed0000000000000000000000000004"),
            new("Twilio:Client:ApiBaseUrl", twilio.ApiBaseUrl.ToString()),
            new("Twilio:Voice:CallerId", "+15550100000"),
            new("Calls:Inbound:+15550100000", "bob"),
            new("Calls:Dialing:AllowedCountries:0", "US"),
            // The numbers of the sandbox belong to no person: +1 555.
            new("Calls:Dialing:AllowedNumbers:0", "+1555"),
            // All clients have the same address here, so the limits are higher than in production.
            new("Calls:StartsPerIdentityPerHour", "10000"),
            new("Calls:Limits:RequestsPerSecond", "1000"),
            new("Calls:Limits:Burst", "10000"),
            new("Calls:Limits:StreamsPerBearer", "1000"),
            new("Calls:Limits:ConnectionsPerAddress", "5000"),
            new("Calls:Docs:Enabled", "true"),
            new("Logging:LogLevel:Default", "Warning"),
        ]);
        builder.Configuration.AddInMemoryCollection(options.Settings);
        builder.AddCalls();
        builder.Services.AddSingleton<IStartupFilter>(new FrontendJournal(twilio.Journal));
        options.Configure?.Invoke(builder);
        var api = builder.Build().MapCalls();
        try
        {
            await api.StartAsync(cancellationToken);
        }
        catch
        {
            await api.DisposeAsync();
            await twilio.DisposeAsync();
            if (redis is not null)
                await redis.DisposeAsync();
            throw;
        }

        return new SandboxHost(api, twilio, redis, connectionString, bearers, address);
    }

    /// <summary>Issues a bearer token for a client identity, valid for one day. The scope <c>calls.operate</c> allows everything.</summary>
    public string TokenFor(string identity, string? scope = null) => bearers.For(identity, scope);

    /// <summary>Sends one request to the Api, as a frontend does.</summary>
    public async Task<(HttpStatusCode Status, string Body)> RestAsync(
        HttpMethod method,
        string path,
        string? bearer,
        string? json = null,
        string? idempotencyKey = null,
        CancellationToken cancellationToken = default)
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

    /// <summary>Adds a phone to a call, with the token of a client on that call.</summary>
    public Task<(HttpStatusCode Status, string Body)> AddPhoneAsync(
        string session, string identity, string number, string? label = null, string? screen = null)
    {
        var json = System.Text.Json.JsonSerializer.Serialize(new { phoneNumber = number, label, screen });
        return RestAsync(HttpMethod.Post, $"/v1/sessions/{session}/participants", TokenFor(identity), json);
    }

    /// <summary>Adds an app user to a call, with the token of a client on that call.</summary>
    public Task<(HttpStatusCode Status, string Body)> AddAppAsync(string session, string identity, string person, string? label = null)
    {
        var json = System.Text.Json.JsonSerializer.Serialize(new { identity = person, label });
        return RestAsync(HttpMethod.Post, $"/v1/sessions/{session}/participants", TokenFor(identity), json);
    }

    /// <summary>Redis loses every key, as after a flush. A test's Redis has other databases, which keep theirs.</summary>
    public async Task FlushRedisAsync()
    {
        var settings = ConfigurationOptions.Parse(RedisConnectionString);
        settings.AllowAdmin = true;
        await using var admin = await ConnectionMultiplexer.ConnectAsync(settings);
        foreach (var server in admin.GetServers())
            await server.FlushDatabaseAsync(settings.DefaultDatabase ?? 0);
    }

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

/// <summary>The options of a <see cref="SandboxHost"/>.</summary>
public sealed record SandboxOptions
{
    /// <summary>The port of the Api on 127.0.0.1. 0, the default, takes a free port.</summary>
    public int Port { get; init; }

    /// <summary>The connection string of a running Redis. Null, the default, starts an embedded server.</summary>
    public string? RedisConnectionString { get; init; }

    /// <summary>The port of the embedded Redis on 127.0.0.1. 0, the default, takes a free port.</summary>
    public int RedisPort { get; init; }

    /// <summary>The options of the emulated Twilio. A null <c>VoiceUrl</c> becomes the service's own voice webhook.</summary>
    public TwilioEmulatorOptions Twilio { get; init; } = new();

    /// <summary>Configuration keys of the service with their values. They override the values that the sandbox sets.</summary>
    public IReadOnlyList<KeyValuePair<string, string?>> Settings { get; init; } = [];

    /// <summary>Changes the service after its registration and before it is built. Null, the default, changes nothing.</summary>
    public Action<WebApplicationBuilder>? Configure { get; init; }
}
