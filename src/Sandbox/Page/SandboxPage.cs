using System.Globalization;
using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.AspNetCore.StaticFiles;
using Microsoft.Extensions.FileProviders;

namespace Calls.Sandbox.Page;

/// <summary>The page on which a person uses the phones and watches the calls, and the small API behind it. Loopback only.</summary>
internal sealed class SandboxPage : IAsyncDisposable
{
    private const int MostEntriesAtOnce = 2000;
    private static readonly string[] AppUsers = ["alice", "bob"];
    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(100);

    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web) { Converters = { new JsonStringEnumConverter(JsonNamingPolicy.KebabCaseLower) } };
    private static readonly JsonSerializerOptions Indented = new(Json) { WriteIndented = true };

    private readonly SandboxHost host;
    private readonly WebApplication web;
    private readonly ApiProxy proxy;
    private readonly PhoneDesk phones;
    private readonly FaultSwitches faults;
    private readonly GuaranteeWatch watch;
    private readonly CancellationTokenSource stopping = new();
    private readonly string run = Guid.NewGuid().ToString("N");
    private readonly Task ticking;
    private volatile string state = "";

    private SandboxPage(SandboxHost host, PageOptions options)
    {
        this.host = host;
        proxy = new ApiProxy(host.Address);
        phones = new PhoneDesk(host.Twilio);
        faults = new FaultSwitches(host.Twilio.Faults);
        watch = new GuaranteeWatch(TimeProvider.System, options.Patience);
        foreach (var name in AppUsers)
            host.Twilio.Client(name);
        web = Build(options.Port);
        ticking = TickAsync();
    }

    /// <summary>Where the page is.</summary>
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
        await ticking;
        await web.DisposeAsync();
        proxy.Dispose();
        stopping.Dispose();
    }

    private WebApplication Build(int port)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{port}"));
        builder.Services.ConfigureHttpJsonOptions(json => json.SerializerOptions.Converters.Add(new JsonStringEnumConverter(JsonNamingPolicy.KebabCaseLower)));
        var app = builder.Build();
        app.Use(GuardAsync);
        var files = new EmbeddedFileProvider(typeof(SandboxPage).Assembly, "Page");
        app.UseDefaultFiles(new DefaultFilesOptions { FileProvider = files });
        app.UseStaticFiles(new StaticFileOptions { FileProvider = files, ContentTypeProvider = new FileExtensionContentTypeProvider() });
        app.UseRouting();
        phones.Map(app);
        app.Map("/v1/{**path}", proxy.ForwardAsync);
        app.MapGet("/sandbox/about", () => Results.Json(
            new { People = AppUsers.ToDictionary(name => name, name => host.TokenFor(name), StringComparer.Ordinal), Faults = FaultSwitches.All, Api = host.Address }, Json));
        app.MapGet("/sandbox/state", () => Results.Text(state, "application/json"));
        app.MapGet("/sandbox/events", (HttpRequest request, CancellationToken gone) => TypedResults.ServerSentEvents(FollowAsync(Seen(request), gone)));
        app.MapGet("/sandbox/export", ExportAsync);
        app.MapPut("/sandbox/faults/{name}", (string name, SwitchSetting setting) => faults.Set(name, setting.On) ? Results.NoContent() : Results.NotFound());
        return app;
    }

    /// <summary>Strict headers; and nobody but this machine's own pages: another site's script may neither read the bearers nor use the phones.</summary>
    private static Task GuardAsync(HttpContext context, RequestDelegate next)
    {
        var headers = context.Response.Headers;
        headers.ContentSecurityPolicy = "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'";
        headers.XContentTypeOptions = "nosniff";
        headers["Referrer-Policy"] = "no-referrer";
        headers["Cross-Origin-Opener-Policy"] = "same-origin";
        headers["Cross-Origin-Resource-Policy"] = "same-origin";
        headers.CacheControl = "no-cache";
        var request = context.Request;
        var ours = request.Host.Host is "127.0.0.1" or "localhost" && (request.Headers.Origin is not [{ } origin] || origin == $"http://{request.Host}");
        if (ours)
            return next(context);
        context.Response.StatusCode = StatusCodes.Status403Forbidden;
        return Task.CompletedTask;
    }

    private static long Seen(HttpRequest request) =>
        long.TryParse(request.Headers["Last-Event-ID"], NumberStyles.None, CultureInfo.InvariantCulture, out var seen) ? seen : 0;

    /// <summary>The state whenever it has changed, and what went over the wire since.</summary>
    private async IAsyncEnumerable<SseItem<string>> FollowAsync(long seen, [EnumeratorCancellation] CancellationToken gone)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(gone, stopping.Token, web.Lifetime.ApplicationStopping);
        var journal = host.Twilio.Journal;
        var shown = "";
        while (!either.IsCancellationRequested)
        {
            if (journal.Last > seen || (seen > 0 && journal.Last < seen))
            {
                var entries = journal.Entries.Where(entry => entry.Number > seen || journal.Last < seen).TakeLast(MostEntriesAtOnce).ToList();
                seen = entries[^1].Number;
                yield return new SseItem<string>(JsonSerializer.Serialize(entries.Select(entry => EntryView.Of(entry)), Json), "entries") { EventId = seen.ToString(CultureInfo.InvariantCulture) };
            }

            if (state is { Length: > 0 } now && now != shown)
            {
                shown = now;
                yield return new SseItem<string>(now, "state");
            }

            await Task.Delay(Tick, either.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task TickAsync()
    {
        while (!stopping.IsCancellationRequested)
        {
            state = JsonSerializer.Serialize(await LookAsync(), Json);
            await Task.Delay(Tick, stopping.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private Task<PageState> LookAsync() => host.Twilio.AskAsync(cloud => PageState.Of(cloud, run, faults, watch, phones.Names));

    private async Task<IResult> ExportAsync(CancellationToken gone)
    {
        var now = await LookAsync();
        return Results.File(JsonSerializer.SerializeToUtf8Bytes(await TimelineExport.OfAsync(host, now.Faults, now.Guarantees, gone), Indented), "application/json", "calls-timeline.json");
    }

    private sealed record SwitchSetting(bool On);
}

/// <summary>What the page is to be like.</summary>
internal sealed record PageOptions
{
    /// <summary>0: a free one.</summary>
    public int Port { get; init; }

    /// <summary>How long something may be wrong before a guarantee counts as broken.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(20);
}
