using System.Collections.Concurrent;
using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;

namespace Calls.Observability.Tests.Harness;

/// <summary>What stands before the replicas: takes turns request by request, passes everything on as it came, and repeats nothing. It remembers the secrets that it saw.</summary>
internal sealed class Front : IAsyncDisposable
{
    private static readonly string[] Secrets = ["X-Twilio-Signature", "Authorization"];

    private readonly WebApplication app;
    private readonly HttpMessageInvoker http = new(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false, UseProxy = false, ActivityHeadersPropagator = null, PooledConnectionIdleTimeout = TimeSpan.FromSeconds(2) });
    private int turn;

    private Front(WebApplication app) => this.app = app;

    public Uri Address => new(app.Urls.Single());

    /// <summary>Who is sent requests; whoever owns the replicas says.</summary>
    public Func<IReadOnlyList<Uri>> Rotation { get; set; } = () => [];

    /// <summary>Added to every webhook, as anybody could.</summary>
    public IReadOnlyDictionary<string, string> Forged { get; set; } = new Dictionary<string, string>();

    public ConcurrentBag<string> SecretsSeen { get; } = [];

    /// <summary>Requests that were answered with a 5xx, or not at all.</summary>
    public ConcurrentQueue<string> Failed { get; } = [];

    public int Passed { get; private set; }

    public static async Task<Front> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var front = new Front(builder.Build());
        front.app.Run(front.PassOnAsync);
        await front.app.StartAsync();
        return front;
    }

    public async ValueTask DisposeAsync()
    {
        await app.DisposeAsync();
        http.Dispose();
    }

    private async Task PassOnAsync(HttpContext context)
    {
        var target = context.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget;
        var rotation = Rotation();
        try
        {
            var replica = rotation[(int)((uint)Interlocked.Increment(ref turn) % rotation.Count)];
            using var request = await CopyAsync(context.Request, new Uri(replica, target));
            using var response = await http.SendAsync(request, context.RequestAborted);
            context.Response.StatusCode = (int)response.StatusCode;
            foreach (var (name, values) in response.Headers.Concat(response.Content.Headers).Where(h => !h.Key.Equals("Transfer-Encoding", StringComparison.OrdinalIgnoreCase)))
                context.Response.Headers[name] = values.ToArray();
            await response.Content.CopyToAsync(context.Response.Body, context.RequestAborted);
            Passed++;
            if (response.StatusCode >= HttpStatusCode.InternalServerError)
                Failed.Enqueue($"{(int)response.StatusCode} {target}");
        }
        catch (Exception e) when (e is HttpRequestException or IOException or ArgumentOutOfRangeException)
        {
            Failed.Enqueue($"{e.GetType().Name} {target} {e.Message}");
            context.Response.StatusCode = StatusCodes.Status502BadGateway;
        }
    }

    private async Task<HttpRequestMessage> CopyAsync(HttpRequest original, Uri url)
    {
        var copy = new HttpRequestMessage(new HttpMethod(original.Method), url);
        var body = new MemoryStream();
        await original.Body.CopyToAsync(body);
        if (body.Length > 0)
            copy.Content = new ByteArrayContent(body.ToArray());
        foreach (var (name, value) in original.Headers.Where(h => h.Key is not ("Host" or "Content-Length" or "Connection")))
            if (!copy.Headers.TryAddWithoutValidation(name, value.ToArray()))
                copy.Content?.Headers.TryAddWithoutValidation(name, value.ToArray());
        foreach (var name in Secrets)
            if (original.Headers[name] is [{ } secret])
                SecretsSeen.Add(secret.Replace("Bearer ", "", StringComparison.Ordinal));
        if (original.Headers.ContainsKey("X-Twilio-Signature"))
            foreach (var (name, value) in Forged)
                copy.Headers.TryAddWithoutValidation(name, value);
        return copy;
    }
}
