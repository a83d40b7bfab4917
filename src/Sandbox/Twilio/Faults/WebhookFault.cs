namespace Calls.Sandbox.Twilio;

/// <summary>What the network does to webhooks that match. Effects may be combined, and every rule that applies is done.</summary>
public sealed record WebhookFault
{
    /// <summary>Only webhooks of this kind; null: every kind.</summary>
    public WebhookKind? Kind { get; init; }

    /// <summary>Only this event: <c>participant-join</c>, or a call's <c>ringing</c>, <c>completed</c>, <c>no-answer</c>; null: every event.</summary>
    public string? Event { get; init; }

    /// <summary>Only URLs that contain this, for instance a session's path; null: every URL.</summary>
    public string? UrlContains { get; init; }

    /// <summary>The share of matching webhooks that it is done to.</summary>
    public double Probability { get; init; } = 1;

    /// <summary>How many times it is done, then never again; null: as long as the rule is there.</summary>
    public int? Times { get; init; }

    /// <summary>Extra copies, under the same idempotency token, each with a delay of its own.</summary>
    public int Duplicates { get; init; }

    /// <summary>It leaves late by a random time within these bounds: with a range, webhooks overtake each other.</summary>
    public TimeSpan MinDelay { get; init; }

    public TimeSpan MaxDelay { get; init; }

    /// <summary>It never leaves, nor is it retried. Where Twilio needs an answer, it takes it for a failure.</summary>
    public bool Drop { get; init; }

    /// <summary>It is held back until the next matching webhook has been answered, or <see cref="ReorderWindow"/> is over.</summary>
    public bool Reorder { get; init; }

    public TimeSpan ReorderWindow { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>The connection fails: the service sees nothing. <see cref="FailingAttempts"/> says how often, before retries succeed.</summary>
    public bool RefuseConnection { get; init; }

    /// <summary>The service acts on it, but its answer is lost: a read time-out for Twilio.</summary>
    public bool LoseAnswer { get; init; }

    public int FailingAttempts { get; init; } = int.MaxValue;

    internal bool Matches(Webhook hook) =>
        (Kind is null || Kind == hook.Kind)
        && (Event is null || Event == hook.Event)
        && (UrlContains is null || hook.Target.Url.Contains(UrlContains, StringComparison.Ordinal));
}

/// <summary>What one webhook is about to suffer.</summary>
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
