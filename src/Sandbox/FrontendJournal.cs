using System.Security.Claims;
using System.Text;
using Calls.Sandbox.Twilio;

namespace Calls.Sandbox;

/// <summary>Writes down what frontends ask of the Api, beside what Twilio was asked: before everything else in the pipeline, whoever the frontend is.</summary>
internal sealed class FrontendJournal(Journal journal) : IStartupFilter
{
    private const int MostNoted = 10_000;

    public Action<IApplicationBuilder> Configure(Action<IApplicationBuilder> next) => app =>
    {
        app.Use(NoteAsync);
        next(app);
    };

    private async Task NoteAsync(HttpContext context, RequestDelegate next)
    {
        var request = context.Request;
        var isFrontends = request.Path.StartsWithSegments("/v1", StringComparison.Ordinal) || request.Path.StartsWithSegments("/addUser", StringComparison.Ordinal);
        // A token is a secret, and tells nothing of a call.
        if (!isFrontends || HttpMethods.IsGet(request.Method) || request.Path.StartsWithSegments("/v1/tokens", StringComparison.Ordinal))
        {
            await next(context);
            return;
        }

        var (after, began, answer) = (journal.Last, TimeProvider.System.GetUtcNow(), context.Response.Body);
        request.EnableBuffering();
        await using var copy = new MemoryStream();
        context.Response.Body = copy;
        try
        {
            await next(context);
        }
        finally
        {
            context.Response.Body = answer;
        }

        var (identity, isOperator) = Caller(context.User);
        journal.Append(new FrontendAsked(identity, request.Method, request.Path, await SentAsync(request), context.Response.StatusCode, Text(copy))
        {
            After = after,
            Began = began,
            IsOperator = isOperator,
            IdempotencyKey = request.Headers["Idempotency-Key"] is [{ } key] ? key : null,
        });
        copy.Position = 0;
        await copy.CopyToAsync(answer, context.RequestAborted);
    }

    private static async Task<string> SentAsync(HttpRequest request)
    {
        // A body that was refused for its length is not there to be read.
        if (request.ContentLength > MostNoted)
            return "";
        request.Body.Position = 0;
        using var reader = new StreamReader(request.Body, Encoding.UTF8, leaveOpen: true);
        try
        {
            return Brief(await reader.ReadToEndAsync());
        }
        catch (Exception e) when (e is IOException or BadHttpRequestException)
        {
            return "";
        }
    }

    private static string Text(MemoryStream copy) => Brief(Encoding.UTF8.GetString(copy.GetBuffer(), 0, (int)copy.Length));

    private static string Brief(string text) => text.Length <= MostNoted ? text : string.Concat(text.AsSpan(0, MostNoted), "…");

    /// <summary>As the service has understood the bearer; nobody where it has not.</summary>
    private static (string Identity, bool IsOperator) Caller(ClaimsPrincipal user) => (
        user.FindFirst("sub")?.Value is { Length: > 0 } sub ? "client:" + sub : "nobody",
        user.FindFirst("scope")?.Value.Split(' ').Contains("calls.operate", StringComparer.Ordinal) == true);
}
