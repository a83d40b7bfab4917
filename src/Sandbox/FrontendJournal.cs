using System.Security.Claims;
using System.Text;
using Calls.Sandbox.Twilio;

namespace Calls.Sandbox;

/// <summary>Records the requests of frontends in the journal of the emulated Twilio. It runs first in the pipeline of the Api.</summary>
/// <remarks>GET requests and requests for access tokens are not recorded.</remarks>
internal sealed class FrontendJournal(Journal journal) : IStartupFilter
{
    private const int MaxTextLength = 10_000;

    public Action<IApplicationBuilder> Configure(Action<IApplicationBuilder> next) => app =>
    {
        app.Use(RecordAsync);
        next(app);
    };

    private async Task RecordAsync(HttpContext context, RequestDelegate next)
    {
        var request = context.Request;
        var isFrontend = request.Path.StartsWithSegments("/v1", StringComparison.Ordinal)
            || request.Path.StartsWithSegments("/addUser", StringComparison.Ordinal);
        // An access token is a secret, and it says nothing about a call.
        if (!isFrontend || HttpMethods.IsGet(request.Method) || request.Path.StartsWithSegments("/v1/tokens", StringComparison.Ordinal))
        {
            await next(context);
            return;
        }

        var (after, began, answer) = (journal.Last, TimeProvider.System.GetUtcNow(), context.Response.Body);
        request.EnableBuffering();
        await using var body = new MemoryStream();
        context.Response.Body = body;
        try
        {
            await next(context);
        }
        finally
        {
            context.Response.Body = answer;
        }

        var (identity, isOperator) = Caller(context.User);
        var sent = await ReadBodyAsync(request);
        journal.Append(new FrontendAsked(identity, request.Method, request.Path, sent, context.Response.StatusCode, Text(body))
        {
            After = after,
            Began = began,
            IsOperator = isOperator,
            IdempotencyKey = request.Headers["Idempotency-Key"] is [{ } key] ? key : null,
        });
        body.Position = 0;
        await body.CopyToAsync(answer, context.RequestAborted);
    }

    private static async Task<string> ReadBodyAsync(HttpRequest request)
    {
        // The service does not read a body that it refuses for its length, so there is nothing to record.
        if (request.ContentLength > MaxTextLength)
            return "";
        request.Body.Position = 0;
        using var reader = new StreamReader(request.Body, Encoding.UTF8, leaveOpen: true);
        try
        {
            return Truncate(await reader.ReadToEndAsync());
        }
        catch (Exception e) when (e is IOException or BadHttpRequestException)
        {
            return "";
        }
    }

    private static string Text(MemoryStream body) => Truncate(Encoding.UTF8.GetString(body.GetBuffer(), 0, (int)body.Length));

    private static string Truncate(string text) =>
        text.Length <= MaxTextLength ? text : string.Concat(text.AsSpan(0, MaxTextLength), "…");

    /// <summary>The identity in the bearer token; <c>anonymous</c> where the service accepted no token.</summary>
    private static (string Identity, bool IsOperator) Caller(ClaimsPrincipal user) => (
        user.FindFirst("sub")?.Value is { Length: > 0 } sub ? "client:" + sub : "anonymous",
        user.FindFirst("scope")?.Value.Split(' ').Contains("calls.operate", StringComparer.Ordinal) == true);
}
