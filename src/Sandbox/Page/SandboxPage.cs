using System.Globalization;
using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Serialization;
using Calls.Infrastructure.Twilio;
using Microsoft.AspNetCore.StaticFiles;
using Microsoft.Extensions.FileProviders;

namespace Calls.Sandbox.Page;

/// <summary>Serves the page on which a person uses the phones and watches the calls, with its own HTTP routes.</summary>
/// <remarks>It listens on 127.0.0.1 only.</remarks>
internal sealed class SandboxPage : IAsyncDisposable
{
    private const int MaxEntriesPerEvent = 2000;
    private static readonly string[] AppUsers = ["alice", "bob", "carol"];
    private static readonly TimeSpan RefreshInterval = TimeSpan.FromMilliseconds(100);

    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web)
    {
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.KebabCaseLower) },
    };

    private static readonly JsonSerializerOptions Indented = new(Json) { WriteIndented = true };

    private readonly SandboxHost host;
    private readonly WebApplication web;
    private readonly ApiProxy proxy;
    private readonly PhoneDesk phones;
    private readonly FaultSwitches faults;
    private readonly GuaranteeWatch watch;
    private readonly CancellationTokenSource stopping = new();
    private readonly string run = Guid.NewGuid().ToString("N");
    private readonly Task refreshing;
    private volatile string state = "";

    private SandboxPage(SandboxHost host, PageOptions options)
    {
        this.host = host;
        proxy = new ApiProxy(host.Address);
        phones = new PhoneDesk(host.Twilio);
        faults = new FaultSwitches(host.Twilio.Faults, host.FlushRedisAsync);
        watch = new GuaranteeWatch(TimeProvider.System, options.BrokenAfter);
        foreach (var name in AppUsers)
            host.Twilio.Client(name);
        web = Build(options.Port);
        refreshing = RefreshAsync();
    }

    /// <summary>The address of the page.</summary>
    public Uri Address { get; private set; } = new("http://127.0.0.1");

    public static async Task<SandboxPage> StartAsync(SandboxHost host, PageOptions options, CancellationToken cancellationToken = default)
    {
        var page = new SandboxPage(host, options);
        await page.web.StartAsync(cancellationToken);
        page.Address = new Uri(page.web.Urls.First());
        return page;
    }

    public Task WaitForShutdownAsync() => web.WaitForShutdownAsync();

    public async ValueTask DisposeAsync()
    {
        await stopping.CancelAsync();
        await refreshing;
        await web.DisposeAsync();
        proxy.Dispose();
        stopping.Dispose();
    }

    private WebApplication Build(int port)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{port}"));
        builder.Services.ConfigureHttpJsonOptions(json =>
            json.SerializerOptions.Converters.Add(new JsonStringEnumConverter(JsonNamingPolicy.KebabCaseLower)));
        var app = builder.Build();
        app.Use(GuardAsync);
        var files = new EmbeddedFileProvider(typeof(SandboxPage).Assembly, "Page");
        app.UseDefaultFiles(new DefaultFilesOptions { FileProvider = files });
        app.UseStaticFiles(new StaticFileOptions
        {
            FileProvider = files,
            ContentTypeProvider = new FileExtensionContentTypeProvider(),
        });
        app.UseRouting();
        phones.Map(app);
        app.Map("/v1/{**path}", proxy.ForwardAsync);
        foreach (var tone in (string[])[CallbackUrls.RingbackPath, CallbackUrls.BusyTonePath, CallbackUrls.ReorderTonePath])
            app.MapGet(tone, (CancellationToken cancellationToken) => proxy.ToneAsync(tone, cancellationToken));
        app.MapGet("/sandbox/about", () =>
        {
            var people = AppUsers.ToDictionary(name => name, name => host.TokenFor(name), StringComparer.Ordinal);
            return Results.Json(new { People = people, Faults = FaultSwitches.All, Api = host.Address }, Json);
        });
        app.MapGet("/sandbox/state", () => Results.Text(state, "application/json"));
        app.MapGet("/sandbox/events", (HttpRequest request, CancellationToken cancellationToken) =>
            TypedResults.ServerSentEvents(FollowAsync(LastEventId(request), cancellationToken)));
        app.MapGet("/sandbox/export", ExportAsync);
        app.MapPut("/sandbox/faults/{name}", async (string name, SwitchSetting setting) =>
            await faults.SetAsync(name, setting.On) ? Results.NoContent() : Results.NotFound());
        return app;
    }

    /// <summary>Sets strict security headers, and refuses requests with another host name or another origin.</summary>
    /// <remarks>A script of another site can therefore neither read the tokens nor use the phones.</remarks>
    private static Task GuardAsync(HttpContext context, RequestDelegate next)
    {
        var headers = context.Response.Headers;
        headers.ContentSecurityPolicy =
            "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'";
        headers.XContentTypeOptions = "nosniff";
        headers["Referrer-Policy"] = "no-referrer";
        headers["Cross-Origin-Opener-Policy"] = "same-origin";
        headers["Cross-Origin-Resource-Policy"] = "same-origin";
        headers.CacheControl = "no-cache";
        var request = context.Request;
        var isAllowed = request.Host.Host is "127.0.0.1" or "localhost"
            && (request.Headers.Origin is not [{ } origin] || origin == $"http://{request.Host}");
        if (isAllowed)
            return next(context);
        context.Response.StatusCode = StatusCodes.Status403Forbidden;
        return Task.CompletedTask;
    }

    private static long LastEventId(HttpRequest request) =>
        long.TryParse(request.Headers["Last-Event-ID"], NumberStyles.None, CultureInfo.InvariantCulture, out var seen) ? seen : 0;

    /// <summary>The journal entries after number <paramref name="seen"/> and then each new one, and the state after each change.</summary>
    private async IAsyncEnumerable<SseItem<string>> FollowAsync(long seen, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var stopped = CancellationTokenSource.CreateLinkedTokenSource(
            cancellationToken, stopping.Token, web.Lifetime.ApplicationStopping);
        var journal = host.Twilio.Journal;
        var sent = "";
        while (!stopped.IsCancellationRequested)
        {
            if (journal.Last > seen || (seen > 0 && journal.Last < seen))
            {
                var entries = journal.Entries.Where(entry => entry.Number > seen || journal.Last < seen)
                    .TakeLast(MaxEntriesPerEvent).ToList();
                seen = entries[^1].Number;
                var json = JsonSerializer.Serialize(entries.Select(entry => EntryView.Of(entry)), Json);
                yield return new SseItem<string>(json, "entries") { EventId = seen.ToString(CultureInfo.InvariantCulture) };
            }

            if (state is { Length: > 0 } now && now != sent)
            {
                sent = now;
                yield return new SseItem<string>(now, "state");
            }

            await Task.Delay(RefreshInterval, stopped.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task RefreshAsync()
    {
        while (!stopping.IsCancellationRequested)
        {
            state = JsonSerializer.Serialize(await ReadStateAsync(), Json);
            await Task.Delay(RefreshInterval, stopping.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private Task<PageState> ReadStateAsync() => host.Twilio.AskAsync(cloud => PageState.Of(cloud, run, faults, watch, phones.Names));

    private async Task<IResult> ExportAsync(CancellationToken cancellationToken)
    {
        var now = await ReadStateAsync();
        var export = await TimelineExport.OfAsync(host, now.Faults, now.Guarantees, cancellationToken);
        return Results.File(JsonSerializer.SerializeToUtf8Bytes(export, Indented), "application/json", "calls-timeline.json");
    }

    private sealed record SwitchSetting(bool On);
}

/// <summary>The options of a <see cref="SandboxPage"/>.</summary>
internal sealed record PageOptions
{
    /// <summary>The port on 127.0.0.1. 0, the default, takes a free port.</summary>
    public int Port { get; init; }

    /// <summary>How long a problem lasts before the page shows a guarantee as broken.</summary>
    public TimeSpan BrokenAfter { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>Settings of the service: the group that the page can call. The phone is the first one that a person adds.</summary>
    public static IReadOnlyList<KeyValuePair<string, string?>> Group { get; } =
    [
        new("Calls:Groups:interpreters:Members:0", "bob"), new("Calls:Groups:interpreters:Members:1", "carol"),
        new("Calls:Groups:interpreters:Members:2", "+15550100101"),
    ];
}
