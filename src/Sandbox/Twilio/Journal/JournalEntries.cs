namespace Calls.Sandbox.Twilio;

/// <summary>What a journal entry is about.</summary>
public enum JournalKind
{
    /// <summary>Somebody did something with a phone, or it rang.</summary>
    Phone,

    /// <summary>A phone was played or told something.</summary>
    Heard,

    /// <summary>A leg changed.</summary>
    Leg,

    /// <summary>A conference, or somebody's part in it, changed.</summary>
    Room,

    /// <summary>A webhook was sent: one entry an attempt.</summary>
    Webhook,

    /// <summary>A webhook attempt was answered, or failed.</summary>
    Answer,

    /// <summary>A REST request came in.</summary>
    Rest,

    /// <summary>A REST request was answered, or deliberately was not.</summary>
    RestAnswer,

    /// <summary>A fault was done.</summary>
    Fault,

    /// <summary>Twilio's debugger would show this; or the emulator itself failed.</summary>
    Error,

    /// <summary>A frontend asked the service: its own REST, not Twilio's.</summary>
    Frontend,
}

/// <summary>One thing that happened. Each kind has its own record; who, what and details are the flat view for timelines and pages.</summary>
public abstract record JournalEntry
{
    public long Number { get; internal set; }

    public DateTimeOffset At { get; internal set; }

    public abstract JournalKind Kind { get; }

    /// <summary>A phone's address, a conference's name, a webhook's kind or a REST operation.</summary>
    public abstract string Who { get; }

    public abstract string What { get; }

    /// <summary>Parameters, or the body.</summary>
    public virtual IReadOnlyList<KeyValuePair<string, string>> Details => [];

    public string? CallSid { get; init; }

    public string? ConferenceSid { get; init; }

    public sealed override string ToString()
    {
        var details = string.Join(' ', Details.Select(detail => $"{detail.Key}={detail.Value.ReplaceLineEndings(" ")}"));
        return FormattableString.Invariant($"{Number,5} {At:HH:mm:ss.fff} {Kind,-10} {Who,-18} {What} {details}").TrimEnd();
    }
}

/// <summary>A REST request reached the cloud.</summary>
public sealed record RestRequested(RestOperation Operation, string Method, string Path, Parameters Parameters) : JournalEntry
{
    public override JournalKind Kind => JournalKind.Rest;

    public override string Who => Operation.ToString();

    public override string What => $"{Method} {Path}";

    public override IReadOnlyList<KeyValuePair<string, string>> Details => Parameters;
}

/// <summary>A REST request was answered, or deliberately was not. <see cref="Status"/> 0 means that no answer was sent.</summary>
public sealed record RestAnswered(long Request, RestOperation Operation, int Status, int? Code, string Body, string? Fault) : JournalEntry
{
    /// <summary>Whether the request took effect, whatever the client was told.</summary>
    public bool Acted { get; init; }

    public override JournalKind Kind => JournalKind.RestAnswer;

    public override string Who => Operation.ToString();

    public override string What =>
        $"{(Status == 0 ? "no answer" : Status)}{(Code is { } code ? $" code {code}" : "")} to #{Request}{(Fault is null ? "" : $" [fault: {Fault}, {(Acted ? "acted" : "not acted")}]")}";

    public override IReadOnlyList<KeyValuePair<string, string>> Details => Body.Length == 0 ? [] : [new("body", Body)];
}

/// <summary>A webhook request left for the service.</summary>
public sealed record WebhookSent(WebhookKind Webhook, string Event, string Method, string Url, Parameters Parameters, string Token, int Attempt) : JournalEntry
{
    /// <summary>Whether it is an extra copy that a fault made.</summary>
    public bool Copy { get; init; }

    public override JournalKind Kind => JournalKind.Webhook;

    public override string Who => Webhook.ToString();

    public override string What =>
        $"{Method} {new Uri(Url).AbsolutePath} {Event}{(Attempt > 1 ? $" (attempt {Attempt})" : "")}{(Copy ? " (duplicate)" : "")}".TrimEnd();

    public override IReadOnlyList<KeyValuePair<string, string>> Details => Parameters;
}

/// <summary>A webhook attempt is over: answered, or failed.</summary>
public sealed record WebhookAnswered(long Request, WebhookKind Webhook, string Event, string Url, WebhookFailure Failure, int Status, string Body) : JournalEntry
{
    public override JournalKind Kind => JournalKind.Answer;

    public override string Who => Webhook.ToString();

    public override string What => $"{(Failure == WebhookFailure.None ? Status : Failure)} to #{Request} {new Uri(Url).AbsolutePath} {Event}".TrimEnd();

    public override IReadOnlyList<KeyValuePair<string, string>> Details => Body.Length == 0 ? [] : [new("body", Body)];
}

/// <summary>A fault was done to a webhook.</summary>
public sealed record WebhookFaulted(WebhookKind Webhook, string Event, string Url, string Fault) : JournalEntry
{
    public override JournalKind Kind => JournalKind.Fault;

    public override string Who => Webhook.ToString();

    public override string What => $"{Fault}: {new Uri(Url).AbsolutePath} {Event}".TrimEnd();
}

/// <summary>Somebody did something with a phone, or a phone did something by itself.</summary>
public sealed record PhoneActed(string Phone, string Action) : JournalEntry
{
    public override JournalKind Kind => JournalKind.Phone;

    public override string Who => Phone;

    public override string What => Action;
}

/// <summary>A phone was played or told something.</summary>
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

/// <summary>A conference, or somebody's part in it, changed.</summary>
public sealed record ConferenceChanged(string Name, string Change, string? Phone) : JournalEntry
{
    public override JournalKind Kind => JournalKind.Room;

    public override string Who => Name;

    public override string What => Phone is null ? Change : $"{Change} {Phone}";
}

/// <summary>What Twilio's debugger would show: an error or warning with its code (twilio.com/docs/api/errors).</summary>
public sealed record TwilioErrorLogged(int Code, string Message, string? Url) : JournalEntry
{
    public override JournalKind Kind => JournalKind.Error;

    public override string Who => CallSid ?? "";

    public override string What => $"{Code}: {Message} {Url}".TrimEnd();
}

/// <summary>The emulator itself failed: never Twilio's doing, always a defect here.</summary>
public sealed record EmulatorDefect(Exception Exception) : JournalEntry
{
    public override JournalKind Kind => JournalKind.Error;

    public override string Who => "emulator";

    public override string What => Exception.ToString();
}

/// <summary>A frontend's REST request to the service was answered; noted by whoever stands between the two.</summary>
public sealed record FrontendAsked(string Identity, string Method, string Path, string Body, int Status, string Answer) : JournalEntry
{
    public override JournalKind Kind => JournalKind.Frontend;

    /// <summary>The newest entry when the request came in: what happened while it was served stands before its answer.</summary>
    public long After { get; init; }

    public DateTimeOffset Began { get; init; }

    /// <summary>Whether the bearer may do everything.</summary>
    public bool IsOperator { get; init; }

    public string? IdempotencyKey { get; init; }

    public override string Who => Identity;

    public override string What => $"{Method} {Path} {Status}";

    public override IReadOnlyList<KeyValuePair<string, string>> Details =>
        [.. new KeyValuePair<string, string>[] { new("request", Body), new("body", Answer) }.Where(detail => detail.Value.Length > 0)];
}
