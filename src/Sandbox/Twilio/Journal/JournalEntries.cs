namespace Calls.Sandbox.Twilio;

/// <summary>One thing that happened, in the order in which it happened. <see cref="object.ToString"/> is its line in a timeline.</summary>
public abstract record JournalEntry
{
    public long Number { get; internal set; }

    public DateTimeOffset At { get; internal set; }

    public string? CallSid { get; init; }

    public string? ConferenceSid { get; init; }

    protected abstract string Line { get; }

    public sealed override string ToString() => FormattableString.Invariant($"{Number,5} {At:HH:mm:ss.fff} {Line}");
}

/// <summary>A REST request reached the cloud.</summary>
public sealed record RestRequested(RestOperation Operation, string Method, string Path, Parameters Parameters) : JournalEntry
{
    protected override string Line => $"REST  > {Method} {Path} {Parameters}";
}

/// <summary>A REST request was answered, or deliberately was not. <see cref="Status"/> 0 means that no answer was sent.</summary>
public sealed record RestAnswered(long Request, RestOperation Operation, int Status, int? Code, string Body, string? Fault) : JournalEntry
{
    /// <summary>Whether the request took effect, whatever the client was told.</summary>
    public bool Acted { get; init; }

    protected override string Line =>
        $"REST  < #{Request} {Operation} {(Status == 0 ? "no answer" : Status)}{(Code is { } code ? $" code {code}" : "")}{(Fault is null ? "" : $" [fault: {Fault}, {(Acted ? "acted" : "not acted")}]")}";
}

/// <summary>A webhook request left for the service: one entry an attempt.</summary>
public sealed record WebhookSent(WebhookKind Kind, string Event, string Method, string Url, Parameters Parameters, string Token, int Attempt) : JournalEntry
{
    /// <summary>Whether it is an extra copy that a fault made.</summary>
    public bool Copy { get; init; }

    protected override string Line =>
        $"HOOK  > {Kind}{(Event.Length == 0 ? "" : " " + Event)} {Method} {Url} attempt {Attempt}{(Copy ? " copy" : "")} {Parameters}";
}

/// <summary>A webhook attempt is over: answered, or failed.</summary>
public sealed record WebhookAnswered(long Request, WebhookKind Kind, string Event, WebhookFailure Failure, int Status, string Body) : JournalEntry
{
    protected override string Line => $"HOOK  < #{Request} {Kind} {(Failure == WebhookFailure.None ? Status : Failure)} {Body.ReplaceLineEndings(" ")}";
}

/// <summary>A fault was done to a webhook.</summary>
public sealed record WebhookFaulted(WebhookKind Kind, string Event, string Url, string Fault) : JournalEntry
{
    protected override string Line => $"FAULT   {Fault}: {Kind} {Event} {Url}";
}

/// <summary>Somebody did something with a phone, or a phone did something by itself.</summary>
public sealed record PhoneActed(string Phone, string Action) : JournalEntry
{
    protected override string Line => $"PHONE   {Phone} {Action}";
}

/// <summary>A phone was played or told something.</summary>
public sealed record PhoneHeard(string Phone, string What) : JournalEntry
{
    protected override string Line => $"HEARD   {Phone} {What}";
}

/// <summary>A leg entered a state.</summary>
public sealed record LegChanged(string Phone, LegState State, string Why) : JournalEntry
{
    protected override string Line => $"LEG     {Phone} {State} ({Why}) {CallSid}";
}

/// <summary>A conference, or somebody's part in it, changed.</summary>
public sealed record ConferenceChanged(string Name, string What, string? Phone = null) : JournalEntry
{
    protected override string Line => $"ROOM    {Name} {What}{(Phone is null ? "" : " " + Phone)}";
}

/// <summary>What Twilio's debugger would show: an error or warning with its code (twilio.com/docs/api/errors).</summary>
public sealed record TwilioErrorLogged(int Code, string Message, string? Url) : JournalEntry
{
    protected override string Line => $"ERROR   {Code} {Message} {Url}";
}

/// <summary>The emulator itself failed: never Twilio's doing, always a defect here.</summary>
public sealed record EmulatorDefect(Exception Exception) : JournalEntry
{
    protected override string Line => $"DEFECT  {Exception}";
}
