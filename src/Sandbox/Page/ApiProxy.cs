using System.Net.Sockets;
using System.Text;
using Microsoft.AspNetCore.Http.Features;

namespace Calls.Sandbox.Page;

/// <summary>Forwards the REST requests of the page to the Api, so that the page and the Api have the same origin.</summary>
internal sealed class ApiProxy(Uri api) : IDisposable
{
    private static readonly string[] RequestHeaders =
        ["Accept", "Authorization", "Idempotency-Key", "If-Match", "If-None-Match", "Last-Event-ID"];
    private static readonly string[] ResponseHeaders = ["Cache-Control", "ETag", "Location", "Retry-After", "WWW-Authenticate"];

    private readonly HttpMessageInvoker http =
        new(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false, UseProxy = false });

    public async Task ForwardAsync(HttpContext context)
    {
        var (from, to) = (context.Request, context.Response);
        using var body = new StreamReader(from.Body, Encoding.UTF8);
        var sent = await body.ReadToEndAsync(context.RequestAborted);
        var target = new Uri(api, from.Path.ToUriComponent() + from.QueryString.ToUriComponent());
        using var request = new HttpRequestMessage(new HttpMethod(from.Method), target);
        if (sent.Length > 0)
            request.Content = new StringContent(sent, Encoding.UTF8, "application/json");
        foreach (var header in RequestHeaders.Where(from.Headers.ContainsKey))
            request.Headers.TryAddWithoutValidation(header, [.. from.Headers[header]]);
        try
        {
            using var response = await http.SendAsync(request, context.RequestAborted);
            to.StatusCode = (int)response.StatusCode;
            foreach (var header in ResponseHeaders)
            {
                if (response.Headers.TryGetValues(header, out var values))
                    to.Headers[header] = values.ToArray();
            }

            to.ContentType = response.Content.Headers.ContentType?.ToString();
            if (response.Content.Headers.ContentType?.MediaType == "text/event-stream")
            {
                context.Features.Get<IHttpResponseBodyFeature>()?.DisableBuffering();
                await to.StartAsync(context.RequestAborted);
                await response.Content.CopyToAsync(to.Body, context.RequestAborted);
                return;
            }

            var answer = await response.Content.ReadAsStringAsync(context.RequestAborted);
            if (answer.Length > 0)
                await to.WriteAsync(answer, context.RequestAborted);
        }
        catch (Exception e) when (e is HttpRequestException or SocketException or IOException or OperationCanceledException)
        {
            // The connection to the page or to the Api is lost. If the page is still connected, it gets a 502.
            if (!to.HasStarted && !context.RequestAborted.IsCancellationRequested)
                to.StatusCode = StatusCodes.Status502BadGateway;
        }
    }

    /// <summary>Forwards the request for a tone of the service. The page plays what a phone hears. The tone is not text, and the
    /// browser asks for ranges of it.</summary>
    public async Task<IResult> ToneAsync(string path, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(api, path));
        using var response = await http.SendAsync(request, cancellationToken);
        return response.IsSuccessStatusCode
            ? Results.Bytes(await response.Content.ReadAsByteArrayAsync(cancellationToken), "audio/wav", enableRangeProcessing: true)
            : Results.NotFound();
    }

    public void Dispose() => http.Dispose();
}
