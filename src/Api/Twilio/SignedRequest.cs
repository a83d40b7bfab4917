using System.Diagnostics;
using Calls.Application.Ports;
using Calls.Infrastructure.Twilio;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Options;

namespace Calls.Api.Twilio;

/// <summary>The gate of every webhook: only what Twilio has signed comes through; anything else is 403 and changes nothing.</summary>
/// <remarks>The URL is made of the public base URL and the request's own path and query, never of the Host header (twilio.com/docs/usage/security).</remarks>
internal sealed partial class SignedRequest(CallbackUrls urls, IOptionsMonitor<TwilioOptions> options, WebhookTelemetry telemetry, UnsignedWebhookLimit limits, TimeProvider clock, ILogger<SignedRequest> logger)
{
    public const string Header = "X-Twilio-Signature";

    private volatile Checker? checker;

    /// <summary>An endpoint that only what Twilio has signed reaches.</summary>
    public RequestDelegate Guard(WebhookKind kind, Func<HttpContext, TwilioRequest, Task<IResult>> answer) =>
        http => ServeAsync(http, kind, answer);

    private async Task ServeAsync(HttpContext http, WebhookKind kind, Func<HttpContext, TwilioRequest, Task<IResult>> answer)
    {
        var span = WebhookSpan.Begin(http, kind, telemetry, clock);
        // Whatever trace the request claims to be part of: nobody has checked that yet.
        Activity.Current = null;
        var (form, refusal) = await ReadAsync(http);
        if (form is null)
        {
            await Refuse(http, kind, refusal).ExecuteAsync(http);
            return;
        }

        var request = new TwilioRequest(form == DecodedForm.Empty ? null : form, http.Request);
        IResult result;
        var status = StatusCodes.Status500InternalServerError;
        try
        {
            result = await answer(http, request);
            status = (result as IStatusCodeHttpResult)?.StatusCode ?? StatusCodes.Status200OK;
        }
        catch (Exception e) when (e is SessionStoreUnavailableException or SessionConflictException)
        {
            status = StatusCodes.Status503ServiceUnavailable;
            throw;
        }
        finally
        {
            span.End(status, request);
            (form as IDisposable)?.Dispose();
        }

        await result.ExecuteAsync(http);
    }

    private IResult Refuse(HttpContext http, WebhookKind kind, string refusal)
    {
        telemetry.Refused(kind.Name, refusal);
        if (limits.Unsigned(http) is { } tooMany)
            return tooMany;
        Log.Refused(logger, refusal);
        return TypedResults.Problem("The request is not signed by Twilio for this address.", statusCode: StatusCodes.Status403Forbidden, type: Problems.TypeOf("signature"));
    }

    private async ValueTask<(ISignedForm? Form, string Refusal)> ReadAsync(HttpContext http)
    {
        var request = http.Request;
        if (request.Headers[Header] is not [{ Length: > 0 } signature])
            return (null, "no signature");
        ISignedForm form = DecodedForm.Empty;
        if (HttpMethods.IsPost(request.Method))
        {
            try
            {
                if (WebhookForm.Is(request.ContentType) && await InTimeAsync(WebhookForm.ReadAsync(request.BodyReader), http) is { } usual)
                    form = usual;
                else if (request.HasFormContentType)
                    form = new DecodedForm(await InTimeAsync(new ValueTask<IFormCollection>(request.ReadFormAsync(http.RequestAborted)), http));
                else if (!await InTimeAsync(BodyIsSignedAsync(request, http.RequestAborted), http))
                    return (null, "body hash");
            }
            catch (Exception e) when (e is InvalidDataException or IOException or NotSupportedException or OperationCanceledException)
            {
                // Beyond a bound, cut off, too slow, or in an encoding that there is no more (UTF-7).
                return (null, "unreadable body");
            }
        }

        if (SignatureOf(options.CurrentValue).IsValid(urls.Origin, PathAndQuery(http), form, signature))
            return (form, "");
        (form as IDisposable)?.Dispose();
        return (null, "wrong signature");
    }

    /// <summary>Made anew when the tokens have changed, which they may without a restart.</summary>
    private RequestSignature SignatureOf(TwilioOptions now)
    {
        var known = checker;
        if (known?.Of != now)
            checker = known = new Checker(now, new RequestSignature(now.RequestValidation.Tokens));
        return known.Signature;
    }

    /// <summary>A body mostly comes with its headers. One that does not is waited for, but not for ever: then its connection is closed. What is done after it, Redis's time-outs bound.</summary>
    private ValueTask<T> InTimeAsync<T>(ValueTask<T> reading, HttpContext http) => reading.IsCompleted ? reading : new(AwaitInTimeAsync(reading.AsTask(), http));

    private async Task<T> AwaitInTimeAsync<T>(Task<T> reading, HttpContext http)
    {
        try
        {
            return await reading.WaitAsync(Hardening.Patience, clock);
        }
        catch (TimeoutException)
        {
            http.Abort();
            return await reading;
        }
    }

    private static async ValueTask<bool> BodyIsSignedAsync(HttpRequest request, CancellationToken cancellationToken)
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

    private sealed record Checker(TwilioOptions Of, RequestSignature Signature);

    private static partial class Log
    {
        [LoggerMessage(3001, LogLevel.Warning, "A webhook was refused: {Cause}")]
        public static partial void Refused(ILogger logger, string cause);
    }
}
