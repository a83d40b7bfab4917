namespace Calls.Sandbox.Twilio;

/// <summary>Why Twilio asks the service.</summary>
public enum WebhookKind
{
    /// <summary>A Voice SDK client (or a phone) calls the TwiML App.</summary>
    Voice,

    /// <summary>A callee has answered a call that REST created with a Url, or a call was redirected by REST.</summary>
    Answer,

    /// <summary>A <c>&lt;Redirect&gt;</c>.</summary>
    Redirect,

    /// <summary>TwiML could not be had elsewhere.</summary>
    Fallback,

    /// <summary>A <c>&lt;Dial&gt;</c> is over.</summary>
    DialAction,

    /// <summary>A participant waits: the conference's waitUrl.</summary>
    Wait,

    /// <summary>A participant is put on hold with a HoldUrl.</summary>
    Hold,

    /// <summary>An AnnounceUrl.</summary>
    Announcement,

    /// <summary>Progress of a call that REST created.</summary>
    CallStatus,

    /// <summary>The end of a call to the TwiML App.</summary>
    AppStatus,

    /// <summary>A conference event.</summary>
    Conference,
}

/// <summary>How a webhook attempt failed to be answered.</summary>
public enum WebhookFailure
{
    None,

    /// <summary>No connection: refused, not resolved, TLS, or not within the connect time-out. The service has seen nothing.</summary>
    Connect,

    /// <summary>Connected, but no answer in time, or the connection was lost before it. The service may have acted.</summary>
    Read,

    /// <summary>A fault swallowed it: the service has seen nothing, and Twilio does not know.</summary>
    Dropped,
}

/// <summary>One HTTP request to the service: what a transport must send.</summary>
/// <param name="Kind">Why it is sent; nothing on the wire says so.</param>
/// <param name="Method">GET or POST.</param>
/// <param name="Url">Without its fragment; for GET, with the parameters in the query.</param>
/// <param name="Form">The body's parameters; null for GET, which has no body.</param>
/// <param name="Headers">The signature and the idempotency token among them.</param>
/// <param name="ConnectTimeout">The transport keeps this one; the time-out of the answer is kept by the cloud, which then cancels.</param>
public sealed record WebhookRequest(WebhookKind Kind, string Method, string Url, Parameters? Form, IReadOnlyDictionary<string, string> Headers, TimeSpan ConnectTimeout);

/// <summary>What came back, or how nothing did.</summary>
public sealed record WebhookResponse(WebhookFailure Failure, int Status, string? ContentType, string Body)
{
    /// <summary>Where a 3xx points.</summary>
    public string? Location { get; init; }

    public bool IsSuccess => Failure == WebhookFailure.None && Status is >= 200 and < 300;

    public static WebhookResponse Answered(int status, string? contentType, string body) => new(WebhookFailure.None, status, contentType, body);

    public static WebhookResponse Failed(WebhookFailure failure) => new(failure, 0, null, "");
}

/// <summary>Carries webhooks to the service: real HTTP, or straight into memory for a simulation.</summary>
public interface IWebhookTransport
{
    /// <summary>Sends one request. Never throws: a failure, a cancellation among them, is an answer. May complete on any thread.</summary>
    Task<WebhookResponse> SendAsync(WebhookRequest request, CancellationToken cancellationToken);
}
