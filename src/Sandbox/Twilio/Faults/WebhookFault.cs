namespace Calls.Sandbox.Twilio;

/// <summary>A fault of the network for webhooks that match. A rule may combine effects, and every rule that matches applies.</summary>
public sealed record WebhookFault
{
    /// <summary>The kind that matches; null: every kind.</summary>
    public WebhookKind? Kind { get; init; }

    /// <summary>
    /// The event that matches: <c>participant-join</c>, or a call status such as <c>ringing</c> or <c>no-answer</c>; null: every event.
    /// </summary>
    public string? Event { get; init; }

    /// <summary>A text that the URL must contain, for instance the path of a session; null: every URL matches.</summary>
    public string? UrlContains { get; init; }

    /// <summary>The share of matching webhooks to which the fault applies, from 0 to 1.</summary>
    public double Probability { get; init; } = 1;

    /// <summary>How many times the rule applies; null: no limit.</summary>
    public int? Times { get; init; }

    /// <summary>How many extra copies are sent. They have the same idempotency token, and each has its own random delay.</summary>
    public int Duplicates { get; init; }

    /// <summary>The lower bound of a random delay. With a range, webhooks arrive in another order.</summary>
    public TimeSpan MinDelay { get; init; }

    /// <summary>The upper bound of that delay.</summary>
    public TimeSpan MaxDelay { get; init; }

    /// <summary>Whether the webhook is lost. It is not retried. If Twilio needs its answer, Twilio handles it as a failure.</summary>
    public bool Drop { get; init; }

    /// <summary>
    /// Whether the webhook waits until the next matching webhook has been answered, for at most <see cref="ReorderWindow"/>.
    /// </summary>
    public bool Reorder { get; init; }

    /// <summary>The longest wait of a reordered webhook.</summary>
    public TimeSpan ReorderWindow { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Whether the connection fails, so that the service does not get the request.</summary>
    public bool RefuseConnection { get; init; }

    /// <summary>Whether the answer is lost after the service has handled the request. For Twilio this is a read time-out.</summary>
    public bool LoseAnswer { get; init; }

    /// <summary>How many attempts fail before a retry succeeds, with RefuseConnection or LoseAnswer. The default is all.</summary>
    public int FailingAttempts { get; init; } = int.MaxValue;

    internal bool Matches(Webhook hook) =>
        (Kind is null || Kind == hook.Kind)
        && (Event is null || Event == hook.Event)
        && (UrlContains is null || hook.Target.Url.Contains(UrlContains, StringComparison.Ordinal));
}

/// <summary>The combined faults of one webhook.</summary>
internal sealed record WebhookPlan
{
    public static readonly WebhookPlan None = new();

    public IReadOnlyList<TimeSpan> Copies { get; init; } = [];

    public TimeSpan Delay { get; init; }

    public bool Drop { get; init; }

    public WebhookFault? HoldBehind { get; init; }

    public bool RefuseConnection { get; init; }

    public bool LoseAnswer { get; init; }

    public int FailingAttempts { get; init; }
}
