namespace Calls.Sandbox.Twilio;

/// <summary>The kind of a journal entry.</summary>
public enum JournalKind
{
    /// <summary>A phone was used, or it rang.</summary>
    Phone,

    /// <summary>A text or a sound was played to a phone.</summary>
    Heard,

    /// <summary>A leg entered a state.</summary>
    Leg,

    /// <summary>A conference or a participant changed.</summary>
    Room,

    /// <summary>A webhook was sent. Each attempt has an entry.</summary>
    Webhook,

    /// <summary>An attempt of a webhook was answered or failed.</summary>
    Answer,

    /// <summary>A REST request arrived.</summary>
    Rest,

    /// <summary>A REST request was answered, or a fault suppressed the answer.</summary>
    RestAnswer,

    /// <summary>A fault was applied.</summary>
    Fault,

    /// <summary>An error that Twilio's debugger would show, or a defect of the emulator.</summary>
    Error,

    /// <summary>A frontend sent a request to the REST API of the service.</summary>
    Frontend,
}

/// <summary>A journal entry. Each kind has its own record. Who, what and details are its text for timelines and pages.</summary>
public abstract record JournalEntry
{
    public long Number { get; internal set; }

    public DateTimeOffset At { get; internal set; }

    public abstract JournalKind Kind { get; }

    /// <summary>The address of a phone, the name of a conference, the kind of a webhook or the name of a REST operation.</summary>
    public abstract string Who { get; }

    /// <summary>The event in words.</summary>
    public abstract string What { get; }

    /// <summary>The parameters, or the body.</summary>
    public virtual IReadOnlyList<KeyValuePair<string, string>> Details => [];

    public string? CallSid { get; init; }

    public string? ConferenceSid { get; init; }

    public sealed override string ToString()
    {
        var details = string.Join(' ', Details.Select(detail => $"{detail.Key}={detail.Value.ReplaceLineEndings(" ")}"));
        return FormattableString.Invariant($"{Number,5} {At:HH:mm:ss.fff} {Kind,-10} {Who,-18} {What} {details}").TrimEnd();
    }
}

/// <summary>A REST request arrived.</summary>
public sealed record RestRequested(RestOperation Operation, string Method, string Path, Parameters Parameters) : JournalEntry
{
    public override JournalKind Kind => JournalKind.Rest;

    public override string Who => Operation.ToString();

    public override string What => $"{Method} {Path}";

    public override IReadOnlyList<KeyValuePair<string, string>> Details => Parameters;
}

/// <summary>A REST request was answered. <see cref="Status"/> is 0 if a fault suppressed the answer.</summary>
public sealed record RestAnswered(long Request, RestOperation Operation, int Status, int? Code, string Body, string? Fault) : JournalEntry
{
    /// <summary>Whether the request took effect, independent of the answer.</summary>
    public bool Acted { get; init; }

    public override JournalKind Kind => JournalKind.RestAnswer;

    public override string Who => Operation.ToString();

    public override string What =>
        $"{(Status == 0 ? "no answer" : Status)}{(Code is { } code ? $" code {code}" : "")} to #{Request}"
        + (Fault is null ? "" : $" [fault: {Fault}, {(Acted ? "acted" : "not acted")}]");

    public override IReadOnlyList<KeyValuePair<string, string>> Details => Body.Length == 0 ? [] : [new("body", Body)];
}

/// <summary>A webhook was sent.</summary>
public sealed record WebhookSent(
    WebhookKind Webhook, string Event, string Method, string Url, Parameters Parameters, string Token, int Attempt) : JournalEntry
{
    /// <summary>Whether a fault made this extra copy.</summary>
    public bool Copy { get; init; }

    public override JournalKind Kind => JournalKind.Webhook;

    public override string Who => Webhook.ToString();

    public override string What =>
        ($"{Method} {new Uri(Url).AbsolutePath} {Event}"
            + (Attempt > 1 ? $" (attempt {Attempt})" : "")
            + (Copy ? " (duplicate)" : "")).TrimEnd();

    public override IReadOnlyList<KeyValuePair<string, string>> Details => Parameters;
}

/// <summary>An attempt of a webhook was answered or failed.</summary>
public sealed record WebhookAnswered(
    long Request, WebhookKind Webhook, string Event, string Url, WebhookFailure Failure, int Status, string Body) : JournalEntry
{
    public override JournalKind Kind => JournalKind.Answer;

    public override string Who => Webhook.ToString();

    public override string What =>
        $"{(Failure == WebhookFailure.None ? Status : Failure)} to #{Request} {new Uri(Url).AbsolutePath} {Event}".TrimEnd();

    public override IReadOnlyList<KeyValuePair<string, string>> Details => Body.Length == 0 ? [] : [new("body", Body)];
}

/// <summary>A fault was applied to a webhook.</summary>
public sealed record WebhookFaulted(WebhookKind Webhook, string Event, string Url, string Fault) : JournalEntry
{
    public override JournalKind Kind => JournalKind.Fault;

    public override string Who => Webhook.ToString();

    public override string What => $"{Fault}: {new Uri(Url).AbsolutePath} {Event}".TrimEnd();
}

/// <summary>A phone was used, rang or acted by itself.</summary>
public sealed record PhoneActed(string Phone, string Action) : JournalEntry
{
    public override JournalKind Kind => JournalKind.Phone;

    public override string Who => Phone;

    public override string What => Action;
}

/// <summary>A text or a sound was played to a phone.</summary>
public sealed record PhoneHeard(string Phone, string Sound) : JournalEntry
{
    public override JournalKind Kind => JournalKind.Heard;

    public override string Who => Phone;

    public override string What => $"hears {Sound}";
}

/// <summary>A leg entered a state.</summary>
public sealed record LegChanged(string Phone, LegState State, string Why) : JournalEntry
{
    public override JournalKind Kind => JournalKind.Leg;

    public override string Who => Phone;

    public override string What => $"{State}: {Why}";
}

/// <summary>A conference or a participant changed.</summary>
public sealed record ConferenceChanged(string Name, string Change, string? Phone) : JournalEntry
{
    public override JournalKind Kind => JournalKind.Room;

    public override string Who => Name;

    public override string What => Phone is null ? Change : $"{Change} {Phone}";
}

/// <summary>An error or warning that Twilio's debugger would show, with its code (twilio.com/docs/api/errors).</summary>
public sealed record TwilioErrorLogged(int Code, string Message, string? Url) : JournalEntry
{
    public override JournalKind Kind => JournalKind.Error;

    public override string Who => CallSid ?? "";

    public override string What => $"{Code}: {Message} {Url}".TrimEnd();
}

/// <summary>The emulator failed. This is always a defect of the emulator.</summary>
public sealed record EmulatorDefect(Exception Exception) : JournalEntry
{
    public override JournalKind Kind => JournalKind.Error;

    public override string Who => "emulator";

    public override string What => Exception.ToString();
}

/// <summary>A request of a frontend to the service was answered.</summary>
public sealed record FrontendAsked(string Identity, string Method, string Path, string Body, int Status, string Answer) : JournalEntry
{
    public override JournalKind Kind => JournalKind.Frontend;

    /// <summary>The number of the newest entry when the request arrived.</summary>
    /// <remarks>Entries after it may belong to the handling of the request.</remarks>
    public long After { get; init; }

    /// <summary>When the request arrived.</summary>
    public DateTimeOffset Began { get; init; }

    /// <summary>Whether the token has the scope <c>calls.operate</c>.</summary>
    public bool IsOperator { get; init; }

    public string? IdempotencyKey { get; init; }

    public override string Who => Identity;

    public override string What => $"{Method} {Path} {Status}";

    public override IReadOnlyList<KeyValuePair<string, string>> Details =>
        [.. new KeyValuePair<string, string>[] { new("request", Body), new("body", Answer) }.Where(detail => detail.Value.Length > 0)];
}
