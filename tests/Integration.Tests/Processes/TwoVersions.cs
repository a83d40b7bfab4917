using System.Collections.Concurrent;
using System.Net;
using System.Reflection;
using System.Runtime.ExceptionServices;
using System.Text.Json.Nodes;
using Calls.Api;
using Calls.Infrastructure.Redis;
using Calls.Integration.Tests.Redis;
using Calls.Sandbox;
using Calls.Sandbox.Twilio;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using StackExchange.Redis;

namespace Calls.Integration.Tests.Processes;

/// <summary>Two replicas behind one address, on one Redis and one emulated Twilio: of today's version and of the next.</summary>
/// <remarks>The next version stores its schema number, a new member at each level, and an effect of a new kind.</remarks>
internal sealed class TwoVersions : IAsyncDisposable
{
    /// <summary>The one call.</summary>
    public const string Session = "s-42";

    private readonly HttpMessageInvoker http = new(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false });
    private readonly WebApplication front;
    private readonly BearerTokens bearers;
    private readonly IConnectionMultiplexer redis;
    private readonly ConcurrentDictionary<bool, int> served = new();
    private readonly SemaphoreSlim looking = new(1);
    private readonly HashSet<string> seen = new(StringComparer.Ordinal);
    private WebApplication? today;
    private WebApplication? newer;
    private int requests;

    private TwoVersions(WebApplication front, BearerTokens bearers, IConnectionMultiplexer redis, TwilioEmulator twilio) =>
        (this.front, this.bearers, this.redis, Twilio) = (front, bearers, redis, twilio);

    public TwilioEmulator Twilio { get; }

    /// <summary>Which replica serves the n-th request: true for the newer one. Of two that run, a stopped one serves none.</summary>
    public Func<int, bool> NewerServes { get; set; } = _ => false;

    public int ServedByToday => served.GetValueOrDefault(false);

    public int ServedByNewer => served.GetValueOrDefault(true);

    public static async Task<TwoVersions> StartAsync(RedisFixture fixture)
    {
        var connection = await fixture.NewDatabaseAsync();
        var redis = await ConnectionMultiplexer.ConnectAsync(connection);
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var front = builder.Build();
        TwoVersions? both = null;
        front.Run(context => both!.ForwardAsync(context));
        await front.StartAsync();
        var address = new Uri(front.Urls.Single());
        var voice = new Uri(address, "/twilio/voice");
        var twilio = await TwilioEmulator.StartAsync(new TwilioEmulatorOptions { RingBuffer = TimeSpan.Zero, VoiceUrl = voice });
        both = new TwoVersions(front, new BearerTokens(TimeProvider.System), redis, twilio);
        both.today = await both.StartReplicaAsync(connection, address, services => { });
        var options = new RedisOptions { ConnectionString = connection }.ToConfiguration();
        both.newer = await both.StartReplicaAsync(connection, address, services =>
            services.AddSingleton(_ => Wire<IConnectionMultiplexer>.Around(ConnectionMultiplexer.Connect(options))));
        return both;
    }

    /// <summary>What only the next version knows: of the session, of each participant, and its own effect.</summary>
    public static IReadOnlyList<string> Marks(JsonObject session) =>
    [
        .. new[] { session["x1"] }.Concat(session["p"]!.AsArray().Select(p => p!["x2"]))
            .Concat(session["e"]?.AsArray().Where(e => e!["k"]!.GetValue<string>() == "z").Select(e => e!["x3"]) ?? [])
            .Where(mark => mark is not null).Select(mark => mark!.GetValue<string>()),
    ];

    public async Task StopNewerAsync()
    {
        var stopping = newer ?? throw new InvalidOperationException("It runs no more");
        newer = null;
        await stopping.StopAsync();
        await stopping.DisposeAsync();
    }

    /// <summary>Marks of the next version that were stored, and that a later document did not have.</summary>
    public List<string> Lost { get; } = [];

    /// <summary>The stored document; null where there is none.</summary>
    public async Task<JsonObject?> DocumentAsync() =>
        await redis.GetDatabase().HashGetAsync(KeyOf(Session), "data") is { IsNullOrEmpty: false } data
            ? JsonNode.Parse(data.ToString())!.AsObject()
            : null;

    public Task<(HttpStatusCode Status, string Body)> RestAsync(HttpMethod method, string path, string identity, string? json = null) =>
        Rest.SendAsync(method, new Uri(front.Urls.Single() + path), bearers.For(identity), json);

    public async ValueTask DisposeAsync()
    {
        foreach (var replica in new[] { newer, today, front }.OfType<WebApplication>())
        {
            await replica.StopAsync();
            await replica.DisposeAsync();
        }

        await Twilio.DisposeAsync();
        await redis.DisposeAsync();
        http.Dispose();
        looking.Dispose();
    }

    /// <summary>A mark that was stored once is stored after every later request.</summary>
    private async Task LookAsync()
    {
        await looking.WaitAsync();
        try
        {
            if (await DocumentAsync() is not { } document)
                return;
            var marks = Marks(document);
            Lost.AddRange(seen.Except(marks).Select(mark => $"{mark} was not in {document}"));
            seen.UnionWith(marks);
        }
        finally
        {
            looking.Release();
        }
    }

    private static RedisKey KeyOf(string session) =>
        Domain.SessionId.TryParse(session, out var id) ? RedisKeys.Session(id) : throw new ArgumentException(session, nameof(session));

    private async Task<WebApplication> StartReplicaAsync(string connection, Uri address, Action<IServiceCollection> configure)
    {
        var named = new WebApplicationOptions { EnvironmentName = "Sandbox", ApplicationName = "Calls.Api" };
        var builder = WebApplication.CreateBuilder(named);
        builder.Configuration.AddInMemoryCollection(
        [
            .. bearers.Configuration,
            new("urls", "http://127.0.0.1:0"),
            new("PublicBaseUrl", address.GetLeftPart(UriPartial.Authority)),
            new("ConnectionStrings:Redis", connection),
            new("Twilio:Client:AccountSid", Twilio.Options.AccountSid),
            new("Twilio:AuthToken", Twilio.Options.AuthToken),
            new("Twilio:Client:ApiBaseUrl", Twilio.ApiBaseUrl.ToString()),
            new("Twilio:Voice:CallerId", "+15550100000"),
            new("Calls:Dialing:AllowedCountries:0", "US"),
            new("Calls:Dialing:AllowedNumbers:0", "+1555"),
            new("Logging:LogLevel:Default", "Warning"),
        ]);
        builder.AddCalls();
        configure(builder.Services);
        var replica = builder.Build().MapCalls();
        await replica.StartAsync();
        return replica;
    }

    private async Task ForwardAsync(HttpContext context)
    {
        var byNewer = NewerServes(Interlocked.Increment(ref requests));
        var replica = (byNewer ? newer : today) ?? today!;
        served.AddOrUpdate(replica == newer, 1, (_, count) => count + 1);
        var target = replica.Urls.Single() + context.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget;
        using var request = new HttpRequestMessage(new HttpMethod(context.Request.Method), target);
        request.Content = new StreamContent(context.Request.Body);
        foreach (var (name, values) in context.Request.Headers)
            if (name != "Host" && !request.Headers.TryAddWithoutValidation(name, values.AsEnumerable()))
                request.Content.Headers.TryAddWithoutValidation(name, values.AsEnumerable());
        using var response = await http.SendAsync(request, CancellationToken.None);
        context.Response.StatusCode = (int)response.StatusCode;
        context.Response.ContentType = response.Content.Headers.ContentType?.ToString();
        var body = await response.Content.ReadAsByteArrayAsync();
        await LookAsync();
        await context.Response.Body.WriteAsync(body);
    }
}

/// <summary>The next version's way to Redis: each document that goes out becomes one of the next schema.</summary>
#pragma warning disable CA1852 // DispatchProxy derives from it.
internal class Wire<T> : DispatchProxy
#pragma warning restore CA1852
    where T : class
{
    private T? inner;

    public static T Around(T inner)
    {
        var proxy = Create<T, Wire<T>>();
        ((Wire<T>)(object)proxy).inner = inner;
        return proxy;
    }

    protected override object? Invoke(MethodInfo? targetMethod, object?[]? args)
    {
        for (var i = 0; i < args?.Length; i++)
            if (args[i] is RedisValue[] values)
                args[i] = Array.ConvertAll(values, value => value.ToString() is ['{', ..] document ? Newer(document) : value);
        try
        {
            var result = targetMethod!.Invoke(inner, args);
            return result is IDatabase database ? Wire<IDatabase>.Around(database) : result;
        }
        catch (TargetInvocationException e) when (e.InnerException is { } cause)
        {
            ExceptionDispatchInfo.Throw(cause);
            throw;
        }
    }

    /// <summary>What this replica remembers of a session has no marks, so it stores them anew each time.</summary>
    private static RedisValue Newer(string document)
    {
        var session = JsonNode.Parse(document)!.AsObject();
        session["v"] = StoredForm.Schema + 1;
        session["x1"] = "session";
        foreach (var participant in session["p"]!.AsArray())
            participant!["x2"] = "participant " + participant["i"];
        if (session["e"] is null)
            session["e"] = new JsonArray();
        var effects = session["e"]!.AsArray();
        foreach (var effect in effects)
            effect!["x3"] = "effect " + effect["k"];
        if (!effects.Any(effect => effect!["k"]!.GetValue<string>() == "z"))
        {
            var inAnHour = TimeProvider.System.GetUtcNow().AddHours(1).ToUnixTimeMilliseconds();
            effects.Add(new JsonObject { ["k"] = "z", ["x3"] = "effect z", ["b"] = inAnHour });
        }

        return session.ToJsonString();
    }
}
