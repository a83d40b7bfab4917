namespace Calls.Sandbox.Twilio;

/// <summary>The emulated Twilio's clock and its one logical thread: whatever it does, it does in here, one thing after the other.</summary>
/// <remarks>Real time behind an actor loop in the sandbox; virtual time in a simulation, where the same seed then does exactly the same.</remarks>
public interface IEmulatorScheduler
{
    DateTimeOffset Now { get; }

    void Schedule(TimeSpan delay, Action action);
}

/// <summary>How webhooks leave the emulated Twilio. What <see cref="Send"/> calls when it is done runs on the scheduler's thread.</summary>
public interface IWebhookTransport
{
    void Send(WebhookRequest request, TimeSpan connectTimeout, TimeSpan readTimeout, Action<WebhookResult> done);
}

/// <summary>One HTTP request of Twilio's, signed.</summary>
/// <param name="Kind">What it is about.</param>
/// <param name="Method">GET or POST.</param>
/// <param name="Url">Where to, without the fragment; for GET with the parameters in its query.</param>
/// <param name="Form">The parameters of a POST, in the order of the documentation.</param>
/// <param name="Signature"><c>X-Twilio-Signature</c>.</param>
/// <param name="IdempotencyToken"><c>I-Twilio-Idempotency-Token</c>: the same on every retry and duplicate of one request.</param>
public sealed record WebhookRequest(
    WebhookKind Kind, string Method, Uri Url, IReadOnlyList<KeyValuePair<string, string>> Form, string Signature, string IdempotencyToken);

/// <summary>What came back: a status with a body, or why there was none.</summary>
public sealed record WebhookResult(int Status, string Body, string? ContentType, WebhookFailure Failure = WebhookFailure.None)
{
    public bool IsSuccess => Failure == WebhookFailure.None && Status is >= 200 and < 300;
}

public enum WebhookFailure
{
    None,
    Connect,
    Read,
}

/// <summary>What a webhook is about.</summary>
public enum WebhookKind
{
    /// <summary>The TwiML App's Voice URL.</summary>
    Voice,

    /// <summary>The <c>Url</c> of a call that was created over REST, asked when it is answered.</summary>
    Answer,

    /// <summary><c>&lt;Redirect&gt;</c>.</summary>
    Redirect,

    /// <summary><c>&lt;Dial action&gt;</c>.</summary>
    DialAction,

    /// <summary><c>waitUrl</c> of a conference.</summary>
    Wait,

    /// <summary>Call progress events.</summary>
    CallStatus,

    /// <summary>Conference events.</summary>
    Conference,

    /// <summary>The TwiML App's status callback: one request, when the app's leg has ended.</summary>
    AppStatus,
}
