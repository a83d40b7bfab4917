namespace Calls.Sandbox.Twilio;

/// <summary>The switches of everything that can go wrong between Twilio and us. To be set from any thread, at any time.</summary>
public sealed class Faults
{
    private readonly Lock gate = new();
    private readonly List<WebhookFault> webhooks = [];
    private readonly List<RestFault> rest = [];

    /// <summary>Twilio is away: REST requests find nobody, and no webhook is sent.</summary>
    public bool Outage { get; set; }

    /// <summary>Every REST answer comes this much later.</summary>
    public TimeSpan RestLatency { get; set; }

    public void Add(WebhookFault fault)
    {
        lock (gate)
            webhooks.Add(fault);
    }

    public void Add(RestFault fault)
    {
        lock (gate)
            rest.Add(fault);
    }

    public void Clear()
    {
        lock (gate)
        {
            webhooks.Clear();
            rest.Clear();
        }

        Outage = false;
        RestLatency = TimeSpan.Zero;
    }

    internal IReadOnlyList<WebhookFault> Of(WebhookKind kind, string? eventName, string url, Random random)
    {
        lock (gate)
            return webhooks.Count == 0 ? [] : [.. webhooks.Where(fault => fault.Applies(kind, eventName, url, random))];
    }

    internal RestFault? Of(RestOperation operation, Random random)
    {
        lock (gate)
            return rest.FirstOrDefault(fault => fault.Applies(operation, random));
    }
}

/// <summary>What is done to webhooks. Unset conditions match all of them.</summary>
public sealed class WebhookFault
{
    private int used;

    public WebhookKind? Kind { get; init; }

    /// <summary>A conference's <c>StatusCallbackEvent</c> or a call's <c>CallStatus</c>.</summary>
    public string? Event { get; init; }

    /// <summary>A part of the URL, such as a session's id.</summary>
    public string? UrlContains { get; init; }

    /// <summary>How many webhooks it applies to; unset: all.</summary>
    public int? Times { get; init; }

    /// <summary>How likely it applies to one that matches.</summary>
    public double Probability { get; init; } = 1;

    /// <summary>It is never sent.</summary>
    public bool Drop { get; init; }

    /// <summary>How many more copies of it are sent.</summary>
    public int Duplicates { get; init; }

    /// <summary>It is sent later by a random time within these bounds: with a range, webhooks overtake each other.</summary>
    public TimeSpan MinDelay { get; init; }

    public TimeSpan MaxDelay { get; init; }

    internal bool Applies(WebhookKind kind, string? eventName, string url, Random random)
    {
        if ((Kind is not null && Kind != kind) || (Event is not null && Event != eventName)
            || (UrlContains is not null && !url.Contains(UrlContains, StringComparison.Ordinal)) || used >= Times || (Probability < 1 && random.NextDouble() >= Probability))
            return false;
        used++;
        return true;
    }
}

/// <summary>What is done to a REST request.</summary>
public sealed class RestFault
{
    private int used;

    /// <summary>Unset: every operation.</summary>
    public RestOperation? Operation { get; init; }

    public int? Times { get; init; }

    public double Probability { get; init; } = 1;

    public required RestFaultKind Kind { get; init; }

    /// <summary>429's <c>Retry-After</c> in seconds.</summary>
    public int? RetryAfter { get; init; }

    internal bool Applies(RestOperation operation, Random random)
    {
        if ((Operation is not null && Operation != operation) || used >= Times || (Probability < 1 && random.NextDouble() >= Probability))
            return false;
        used++;
        return true;
    }
}

public enum RestFaultKind
{
    /// <summary>429: never processed.</summary>
    TooManyRequests,

    /// <summary>500 and 503 without having acted.</summary>
    ServerError,
    Unavailable,

    /// <summary>500 after having acted.</summary>
    ServerErrorAfterActing,

    /// <summary>No answer at all, without having acted, or after it.</summary>
    TimeOut,
    TimeOutAfterActing,

    /// <summary>The connection is cut, without having acted, or after it.</summary>
    Cut,
    CutAfterActing,
}

public enum RestOperation
{
    CreateCall,
    UpdateCall,
    FetchCall,
    ListCalls,
    UpdateConference,
    FetchConference,
    ListConferences,
    CreateParticipant,
    UpdateParticipant,
    FetchParticipant,
    DeleteParticipant,
    ListParticipants,
}
