using System.Text;
using Calls.Sandbox.Twilio;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.IdentityModel.JsonWebTokens;

namespace Calls.Sandbox.Page;

/// <summary>Hands the page's REST requests to the Api, so that both have one origin, and writes them down beside what Twilio was asked.</summary>
internal sealed class ApiProxy(Uri api, Journal journal) : IDisposable
{
    private const int MostNoted = 10_000;
    private static readonly string[] RequestHeaders = ["Accept", "Authorization", "Idempotency-Key", "If-None-Match", "Last-Event-ID"];
    private static readonly string[] ResponseHeaders = ["Cache-Control", "ETag", "Location", "Retry-After", "WWW-Authenticate"];

    private readonly HttpMessageInvoker http = new(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false, UseProxy = false });

    public async Task ForwardAsync(HttpContext context)
    {
        var (from, to) = (context.Request, context.Response);
        using var body = new StreamReader(from.Body, Encoding.UTF8);
        var sent = await body.ReadToEndAsync(context.RequestAborted);
        using var request = new HttpRequestMessage(new HttpMethod(from.Method), new Uri(api, from.Path.ToUriComponent() + from.QueryString.ToUriComponent()));
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
            if (!HttpMethods.IsGet(from.Method))
                journal.Append(new FrontendAsked(Caller(from), from.Method, from.Path, Brief(sent), to.StatusCode, Brief(answer)));
            if (answer.Length > 0)
                await to.WriteAsync(answer, context.RequestAborted);
        }
        catch (Exception e) when (e is HttpRequestException or IOException or OperationCanceledException)
        {
            // The page has gone, or the Api has: either way there is nobody left to tell but a page that reads on.
            if (!to.HasStarted && !context.RequestAborted.IsCancellationRequested)
                to.StatusCode = StatusCodes.Status502BadGateway;
        }
    }

    public void Dispose() => http.Dispose();

    private static string Brief(string text) => text.Length <= MostNoted ? text : string.Concat(text.AsSpan(0, MostNoted), "…");

    private static string Caller(HttpRequest request) =>
        request.Headers.Authorization is [{ } bearer] && new JsonWebTokenHandler() is var handler && bearer.Split(' ') is [_, var token] && handler.CanReadToken(token)
            ? "client:" + handler.ReadJsonWebToken(token).Subject
            : "nobody";
}
