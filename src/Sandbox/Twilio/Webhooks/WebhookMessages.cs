namespace Calls.Sandbox.Twilio;

/// <summary>The purpose of a webhook.</summary>
public enum WebhookKind
{
    /// <summary>The voice webhook: a Voice SDK client calls the TwiML App, or a telephone calls a number of the account.</summary>
    Voice,

    /// <summary>A call that REST created was answered, or REST redirected a call.</summary>
    Answer,

    /// <summary>The URL of a <c>&lt;Redirect&gt;</c>.</summary>
    Redirect,

    /// <summary>The action of a <c>&lt;Gather&gt;</c>.</summary>
    Gather,

    /// <summary>The fallback URL, after another TwiML request failed.</summary>
    Fallback,

    /// <summary>The action of a <c>&lt;Dial&gt;</c> that is over.</summary>
    DialAction,

    /// <summary>The waitUrl of a participant that waits for the conference to start.</summary>
    Wait,

    /// <summary>The HoldUrl of a participant on hold.</summary>
    Hold,

    /// <summary>The AnnounceUrl of an announcement.</summary>
    Announcement,

    /// <summary>A status callback of a call that REST created.</summary>
    CallStatus,

    /// <summary>The status callback of the TwiML App, or of a number, at the end of an inbound call.</summary>
    AppStatus,

    /// <summary>A status callback of a conference.</summary>
    Conference,
}

/// <summary>Why an attempt of a webhook has no answer.</summary>
public enum WebhookFailure
{
    None,

    /// <summary>The connection failed: refused, name not found, TLS error or time-out. The service did not get the request.</summary>
    Connect,

    /// <summary>The request was sent, but no answer arrived in time, or the connection was lost. The service may have handled it.</summary>
    Read,

    /// <summary>A fault dropped the webhook. The service did not get it, and Twilio does not know it.</summary>
    Dropped,
}

/// <summary>One HTTP request that a transport sends to the service.</summary>
/// <param name="Kind">The purpose. It is not part of the HTTP request.</param>
/// <param name="Method">GET or POST.</param>
/// <param name="Url">The URL without its fragment. For GET its query contains the parameters.</param>
/// <param name="Form">The parameters of the body; null for GET, which has no body.</param>
/// <param name="Headers">The headers, with the signature and the idempotency token.</param>
/// <param name="ConnectTimeout">
/// The connect time-out, which the transport observes. For the other time-outs the emulator cancels the request.
/// </param>
public sealed record WebhookRequest(
    WebhookKind Kind,
    string Method,
    string Url,
    Parameters? Form,
    IReadOnlyDictionary<string, string> Headers,
    TimeSpan ConnectTimeout);

/// <summary>The answer to a webhook, or the reason why there is none.</summary>
public sealed record WebhookResponse(WebhookFailure Failure, int Status, string? ContentType, string Body)
{
    /// <summary>The Location header of a redirect.</summary>
    public string? Location { get; init; }

    public bool IsSuccess => Failure == WebhookFailure.None && Status is >= 200 and < 300;

    public static WebhookResponse Answered(int status, string? contentType, string body) =>
        new(WebhookFailure.None, status, contentType, body);

    public static WebhookResponse Failed(WebhookFailure failure) => new(failure, 0, null, "");
}

/// <summary>Sends webhooks to the service, by HTTP or, in a simulation, by a call in memory.</summary>
public interface IWebhookTransport
{
    /// <summary>Sends one request. It never throws: a failure or a cancellation is a response. It may complete on any thread.</summary>
    Task<WebhookResponse> SendAsync(WebhookRequest request, CancellationToken cancellationToken);
}
