using Microsoft.AspNetCore.Http.Features;
using Twilio.Security;

namespace Calls.Api.Twilio;

/// <summary>Lets a webhook through if Twilio signed it. Any other request is answered with 403 and changes nothing.</summary>
/// <remarks>The signed URL consists of the public base URL and the path and the query of the request (twilio.com/docs/usage/security).
/// The Host header does not count: it can only give another spelling of the public host (<see cref="SignedUrls"/>).</remarks>
internal sealed partial class SignedRequest(
    CallbackUrls urls, IOptionsMonitor<TwilioOptions> options, WebhookTelemetry telemetry, UnsignedWebhookLimit limits, TimeProvider clock,
    ILogger<SignedRequest> logger)
{
    public const string Header = "X-Twilio-Signature";
    private volatile Checker? checker;

    /// <summary>An endpoint that answers only requests that Twilio has signed.</summary>
    public RequestDelegate Guard(WebhookKind kind, Func<HttpContext, TwilioRequest, Task<WebhookAnswer>> answer) =>
        http => ServeAsync(http, kind, answer);

    private async Task ServeAsync(HttpContext http, WebhookKind kind, Func<HttpContext, TwilioRequest, Task<WebhookAnswer>> answer)
    {
        var (arrived, began) = (clock.GetUtcNow(), clock.GetTimestamp());
        var (form, refusal) = await ReadAsync(http);
        if (form is null)
        {
            await Refuse(http, kind, refusal).ExecuteAsync(http);
            return;
        }
        var request = new TwilioRequest(form, http.Request);
        // The signature is right, so the trace context in the URL is believed. The span starts at the arrival.
        using var span = CallsTelemetry.Webhook($"{http.Request.Method} {kind.Route}", arrived, request.Trace);
        request.SpanContext = span?.Id;
        var (status, outcome) = (StatusCodes.Status500InternalServerError, WebhookOutcomes.Unavailable);
        try
        {
            var answered = await answer(http, request);
            (status, outcome) = ((answered.Result as IStatusCodeHttpResult)?.StatusCode ?? StatusCodes.Status200OK, answered.Outcome);
            await answered.Result.ExecuteAsync(http);
        }
        catch (Exception e) when (e is SessionStoreUnavailableException or SessionConflictException)
        {
            status = StatusCodes.Status503ServiceUnavailable;
            throw;
        }
        finally
        {
            telemetry.Answered(span, http, kind, request, status, outcome, clock.GetElapsedTime(began));
        }
    }

    private IResult Refuse(HttpContext http, WebhookKind kind, string refusal)
    {
        telemetry.Refused(kind.Name, refusal);
        if (limits.Unsigned(http) is { } tooMany)
            return tooMany;
        Log.Refused(logger, refusal);
        return TypedResults.Problem(
            "The request is not signed by Twilio for this address.", statusCode: 403, type: Problems.TypeOf("signature"));
    }

    /// <returns>The parameters, which Twilio signed in the body or, for a GET, in the URL; or the cause of the refusal.</returns>
    private async ValueTask<(WebhookForm? Form, string Refusal)> ReadAsync(HttpContext http)
    {
        var request = http.Request;
        if (request.Headers[Header] is not [{ Length: > 0 } signature])
            return (null, "no signature");
        var hasBody = HttpMethods.IsPost(request.Method);
        var target = PathAndQuery(http);
        var (form, refusal) = hasBody ? await ReadFormAsync(http) : (WebhookForm.Parse(QueryOf(target)), "unreadable query");
        if (form is null)
            return (null, refusal);
        var settings = request.Headers.TryGetValue(RequestValidator.SignatureSettingsHeader, out var sent) ? sent.ToString() : null;
        var spellings = SignedUrls.Of(urls, request.Host.Host, target);
        return SignatureOf(options.CurrentValue).RefusalOf(
            spellings, hasBody ? form : WebhookForm.Empty, signature, settings) is { } cause ? (null, cause) : (form, "");
    }

    private async ValueTask<(WebhookForm? Form, string Refusal)> ReadFormAsync(HttpContext http)
    {
        var read = WebhookForm.ReadAsync(http.Request.BodyReader, http.Request.ContentType);
        try
        {
            return read.IsCompleted ? await read : await InTimeAsync(read.AsTask(), http);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            // The body is longer than the server allows, was cut off, or took too long.
            return (null, "unreadable body");
        }
    }

    /// <summary>The tokens and the keys can change without a restart. Then the check is made anew.</summary>
    private RequestSignature SignatureOf(TwilioOptions now)
    {
        var known = checker;
        if (known?.Of != now)
            checker = known = new Checker(now, new RequestSignature(now.RequestValidation.Tokens, now.RequestValidation.SharedKeys));
        return known.Signature;
    }

    /// <summary>Waits for a body that did not come with its headers. After <see cref="Hardening.Patience"/> the connection is closed.
    /// Redis's time-outs bound the rest of the request.</summary>
    private async Task<T> InTimeAsync<T>(Task<T> reading, HttpContext http)
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

    /// <summary>The path and the query as they were sent: an escaped character stays escaped.</summary>
    private static string PathAndQuery(HttpContext http) => http.Features.Get<IHttpRequestFeature>()?.RawTarget is ['/', ..] target
        ? target : http.Request.PathBase + http.Request.Path + http.Request.QueryString;

    private static string QueryOf(string target) => target.IndexOf('?', StringComparison.Ordinal) is >= 0 and var at ? target[at..] : "";

    private sealed record Checker(TwilioOptions Of, RequestSignature Signature);

    private static partial class Log
    {
        [LoggerMessage(3001, LogLevel.Warning, "A webhook was refused: {Cause}")]
        public static partial void Refused(ILogger logger, string cause);
    }
}
