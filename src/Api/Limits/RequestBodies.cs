using System.Buffers;
using Microsoft.AspNetCore.Http.Metadata;
using Microsoft.Net.Http.Headers;

namespace Calls.Api.Limits;

/// <summary>Reads the body of a REST request before its endpoint does: in UTF-8, and within <see cref="Hardening.Patience"/>.</summary>
/// <remarks>Webhooks read their own body (<see cref="Twilio.SignedRequest"/>). A body that no endpoint reads is discarded by Kestrel, for
/// at most five seconds.</remarks>
internal static class RequestBodies
{
    public static void UseRequestBodies(this WebApplication app)
    {
        var clock = app.Services.GetRequiredService<TimeProvider>();
        app.Use((http, next) => http.GetEndpoint()?.Metadata.GetMetadata<IAcceptsMetadata>() is null ? next(http)
            : IsOtherCharset(http.Request.ContentType) ? OtherCharset.ExecuteAsync(http)
            : ReadAsync(http, next, clock));
    }

    private static ProblemHttpResult OtherCharset =>
        Problems.Of(415, "unsupported-media-type", "The body must be JSON in UTF-8 (application/json).");

    private static ProblemHttpResult TooSlow => Problems.Of(
        408, "body-too-slow", $"The body did not arrive within {Hardening.Patience.TotalSeconds:0} seconds.");

    private static async Task ReadAsync(HttpContext http, RequestDelegate next, TimeProvider clock)
    {
        byte[] body;
        using (var patience = new CancellationTokenSource(Hardening.Patience, clock))
        using (var end = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, http.RequestAborted))
        {
            try
            {
                var reader = http.Request.BodyReader;
                var read = await reader.ReadAtLeastAsync((int)Hardening.MaxBody + 1, end.Token);
                body = read.Buffer.ToArray();
                reader.AdvanceTo(read.Buffer.End);
                if (!read.IsCompleted)
                {
                    http.Response.StatusCode = StatusCodes.Status413PayloadTooLarge;
                    return;
                }
            }
            catch (BadHttpRequestException e)
            {
                // The body is longer than the server allows, was cut off, or came more slowly than Kestrel allows.
                http.Response.StatusCode = e.StatusCode;
                return;
            }
            catch (OperationCanceledException)
            {
                // The time-out of the request counts from a moment earlier and may come first. Its token must not cancel the answer.
                http.RequestAborted = CancellationToken.None;
                http.Response.Headers.Connection = "close";
                await TooSlow.ExecuteAsync(http);
                return;
            }
        }

        http.Request.Body = new MemoryStream(body);
        await next(http);
    }

    /// <summary>ASP.NET Core decodes any charset that it knows, and fails on any other.</summary>
    private static bool IsOtherCharset(string? contentType) =>
        MediaTypeHeaderValue.TryParse(contentType, out var type) && !IsUtf8(type);

    /// <summary>Whether the text is in UTF-8, which is the default.</summary>
    internal static bool IsUtf8(MediaTypeHeaderValue type) => !type.Charset.HasValue
        || HeaderUtilities.RemoveQuotes(type.Charset).Equals("utf-8", StringComparison.OrdinalIgnoreCase);
}
