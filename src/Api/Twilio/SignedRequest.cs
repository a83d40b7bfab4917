using System.Diagnostics;
using Calls.Application.Ports;
using Calls.Infrastructure.Twilio;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Primitives;

namespace Calls.Api.Twilio;

/// <summary>The gate of every webhook: only what Twilio has signed comes through; anything else is 403 and changes nothing.</summary>
/// <remarks>The URL is made of the public base URL and the request's own path and query, never of the Host header (twilio.com/docs/usage/security).</remarks>
internal sealed partial class SignedRequest(CallbackUrls urls, IOptionsMonitor<TwilioOptions> options, WebhookTelemetry telemetry, RequestLimits limits, TimeProvider clock, ILogger<SignedRequest> logger) : IEndpointFilter
{
    public const string Header = "X-Twilio-Signature";

    private static readonly Dictionary<string, StringValues> NoForm = [];

    public async ValueTask<object?> InvokeAsync(EndpointFilterInvocationContext context, EndpointFilterDelegate next)
    {
        var http = context.HttpContext;
        var kind = http.GetEndpoint()?.Metadata.GetMetadata<WebhookKind>()?.Name ?? "other";
        var span = WebhookSpan.Begin(http, kind, telemetry, clock);
        // Whatever trace the request claims to be part of: nobody has checked that yet.
        Activity.Current = null;
        var (request, refusal) = await ReadAsync(http);
        if (request is null)
        {
            telemetry.Refused(kind, refusal);
            if (limits.Unsigned(http) is { } tooMany)
                return tooMany;
            Log.Refused(logger, refusal);
            return TypedResults.Problem(
                "The request is not signed by Twilio for this address.", statusCode: StatusCodes.Status403Forbidden, type: Problems.TypeOf("signature"));
        }

        http.Features.Set(request);
        var status = StatusCodes.Status500InternalServerError;
        try
        {
            var result = await next(context);
            status = (result as IStatusCodeHttpResult)?.StatusCode ?? StatusCodes.Status200OK;
            return result;
        }
        catch (Exception e) when (e is SessionStoreUnavailableException or SessionConflictException)
        {
            status = StatusCodes.Status503ServiceUnavailable;
            throw;
        }
        finally
        {
            span.End(status, request);
        }
    }

    private async Task<(TwilioRequest? Request, string Refusal)> ReadAsync(HttpContext http)
    {
        var request = http.Request;
        if (request.Headers[Header] is not [{ Length: > 0 } signature])
            return (null, "no signature");
        var form = NoForm;
        if (HttpMethods.IsPost(request.Method))
        {
            try
            {
                if (request.HasFormContentType)
                    form = (await request.ReadFormAsync(http.RequestAborted)).ToDictionary(StringComparer.Ordinal);
                else if (!await BodyIsSignedAsync(request, http.RequestAborted))
                    return (null, "body hash");
            }
            catch (Exception e) when (e is InvalidDataException or IOException or NotSupportedException)
            {
                // Beyond a bound, cut off, or in an encoding that there is no more (UTF-7).
                return (null, "unreadable body");
            }
        }

        var url = urls.Origin + PathAndQuery(http);
        var parameters = HttpMethods.IsPost(request.Method) && request.HasFormContentType ? form : request.Query.ToDictionary(StringComparer.Ordinal);
        return RequestSignature.IsValid(options.CurrentValue.RequestValidation.Tokens, url, form, signature)
            ? (new TwilioRequest(parameters, request.Query), "")
            : (null, "wrong signature");
    }

    private static async Task<bool> BodyIsSignedAsync(HttpRequest request, CancellationToken cancellationToken)
    {
        using var body = new MemoryStream();
        await request.Body.CopyToAsync(body, cancellationToken);
        var claimed = request.Query["bodySHA256"];
        return body.Length == 0 && claimed.Count == 0 || claimed is [{ } hash] && RequestSignature.BodyMatches(body.GetBuffer().AsSpan(0, (int)body.Length), hash);
    }

    /// <summary>As it was sent, not as it was understood: an escaped character stays escaped.</summary>
    private static string PathAndQuery(HttpContext http)
    {
        var target = http.Features.Get<IHttpRequestFeature>()?.RawTarget;
        return target is ['/', ..] ? target : http.Request.PathBase + http.Request.Path + http.Request.QueryString;
    }

    private static partial class Log
    {
        [LoggerMessage(3001, LogLevel.Warning, "A webhook was refused: {Cause}")]
        public static partial void Refused(ILogger logger, string cause);
    }
}
