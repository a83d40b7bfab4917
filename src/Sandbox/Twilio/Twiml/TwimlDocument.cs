using System.Globalization;
using System.Xml;
using System.Xml.Linq;

namespace Calls.Sandbox.Twilio;

/// <summary>A TwiML verb that the emulator can run (twilio.com/docs/voice/twiml).</summary>
internal abstract record Verb
{
    public sealed record Say(string Text) : Verb;

    public sealed record Play(string Url) : Verb;

    public sealed record Pause(TimeSpan Length) : Verb;

    public sealed record Hangup : Verb;

    public sealed record Reject(bool Busy) : Verb;

    public sealed record Redirect(CallbackTarget To) : Verb;

    /// <summary>Asks for keys: the texts and sounds while it waits, and where the keys are sent.</summary>
    public sealed record Gather(IReadOnlyList<Verb> Prompts, CallbackTarget Action, TimeSpan Timeout, bool ActionOnEmptyResult) : Verb;

    public sealed record Dial(ConferenceNoun Conference, CallbackTarget? Action, TimeSpan TimeLimit) : Verb;
}

/// <summary>The noun <c>&lt;Conference&gt;</c>: the name of the conference and the settings of the participant.</summary>
internal sealed record ConferenceNoun(string Name, ParticipantSettings Settings, CallbackTarget? StatusCallback, int MaxParticipants);

/// <summary>TwiML cannot be fetched or run. The code is the one that Twilio's debugger shows.</summary>
internal sealed class TwimlException(int code, string message) : Exception(message)
{
    public int Code { get; } = code;
}

/// <summary>A parsed TwiML document. Names are case-sensitive. Relative URLs are resolved against the URL of the document.</summary>
internal sealed record TwimlDocument(IReadOnlyList<Verb> Verbs)
{
    private const int MaxBytes = 64 * 1024;

    /// <summary>The text that Twilio speaks before it hangs up, if it has no valid TwiML.</summary>
    public static readonly TwimlDocument ApplicationError = new([new Verb.Say("An application error has occurred. Goodbye.")]);

    /// <summary>Reads the answer to a webhook.</summary>
    public static TwimlDocument Read(WebhookResponse response, string url)
    {
        if (response.Failure != WebhookFailure.None)
        {
            var code = response.Failure == WebhookFailure.Connect ? 11205 : 11200;
            throw new TwimlException(code, $"HTTP retrieval failure: {response.Failure}");
        }
        if (!response.IsSuccess)
        {
            throw new TwimlException(response.Status is >= 300 and < 400 ? 11215 : 11200, $"HTTP retrieval failure: {response.Status}");
        }
        if (response.Body.Length > MaxBytes)
        {
            throw new TwimlException(11750, "The TwiML response is too large");
        }
        var type = response.ContentType?.Split(';')[0].Trim();
        return type switch
        {
            "text/xml" or "application/xml" or "text/html" => Parse(response.Body, url),
            "text/plain" => response.Body.TrimStart().StartsWith('<') ? Parse(response.Body, url) : new([new Verb.Say(response.Body)]),
            _ when type?.StartsWith("audio/", StringComparison.Ordinal) == true => new([new Verb.Play(url), new Verb.Hangup()]),
            _ => throw new TwimlException(12300, $"Invalid Content-Type {type}"),
        };
    }

    /// <summary>Parses TwiML. <paramref name="url"/> is null for inline TwiML, in which every URL must be absolute.</summary>
    public static TwimlDocument Parse(string xml, string? url)
    {
        try
        {
            if (XDocument.Parse(xml).Root is not { Name.LocalName: "Response" } root)
            {
                throw new TwimlException(12100, "The document's root is not <Response>");
            }
            return new([.. root.Elements().Select(element => Read(element, url))]);
        }
        catch (XmlException malformed)
        {
            throw new TwimlException(12100, $"Document parse failure: {malformed.Message}");
        }
    }

    private static Verb Read(XElement element, string? url) => element.Name.LocalName switch
    {
        "Say" => new Verb.Say(element.Value.Trim()),
        "Play" => new Verb.Play(Resolve(element.Value.Trim(), url)),
        "Pause" => new Verb.Pause(TimeSpan.FromSeconds(Number(element, "length", 1))),
        "Hangup" => new Verb.Hangup(),
        "Reject" => new Verb.Reject((string?)element.Attribute("reason") == "busy"),
        "Redirect" => new Verb.Redirect(new(Resolve(element.Value.Trim(), url), Method(element, "method"))),
        "Gather" => new Verb.Gather(
            [.. element.Elements().Select(prompt => Read(prompt, url))],
            Target(element, "action", "method", url) ?? throw new TwimlException(12200, "Only <Gather> with an action is emulated"),
            TimeSpan.FromSeconds(Number(element, "timeout", 5)),
            Bool(element, "actionOnEmptyResult", false, 12200)),
        "Dial" => new Verb.Dial(
            Conference(element.Element("Conference") ?? throw new TwimlException(12200, "Only <Dial><Conference> is emulated"), url),
            Target(element, "action", "method", url),
            TimeSpan.FromSeconds(Number(element, "timeLimit", 14_400))),
        var other => throw new TwimlException(12200, $"<{other}> is not TwiML, or is not emulated"),
    };

    private static ConferenceNoun Conference(XElement element, string? url)
    {
        var name = element.Value.Trim();
        if (name.Length is 0 or > 128)
        {
            throw new TwimlException(13237, "Invalid conference name");
        }
        var waitUrl = (string?)element.Attribute("waitUrl");
        var label = (string?)element.Attribute("participantLabel");
        if (label is not null && !ParticipantLabel.IsValid(label))
        {
            throw new TwimlException(16024, "Invalid participant label");
        }
        var events = ((string?)element.Attribute("statusCallbackEvent") ?? "").Split(' ', StringSplitOptions.RemoveEmptyEntries);
        var settings = new ParticipantSettings
        {
            Label = label,
            Muted = Bool(element, "muted", false, 13230),
            StartConferenceOnEnter = Bool(element, "startConferenceOnEnter", true, 13232),
            EndConferenceOnExit = Bool(element, "endConferenceOnExit", false, 13231),
            CallSidToCoach = (string?)element.Attribute("coach"),
            WaitUrl = waitUrl is null or "" ? waitUrl : Resolve(waitUrl, url),
            WaitMethod = Method(element, "waitMethod"),
        };
        if ((string?)element.Attribute("beep") is not (null or "true" or "false" or "onEnter" or "onExit"))
        {
            throw new TwimlException(13235, "Invalid beep");
        }
        var callback = Target(element, "statusCallback", "statusCallbackMethod", url);
        var maxParticipants = Math.Clamp(Number(element, "maxParticipants", 250), 1, 250);
        return new(name, settings, callback is null ? null : callback with { Events = events }, maxParticipants);
    }

    private static CallbackTarget? Target(XElement element, string attribute, string method, string? url) =>
        (string?)element.Attribute(attribute) is { Length: > 0 } target ? new(Resolve(target, url), Method(element, method)) : null;

    private static string Method(XElement element, string attribute) => (string?)element.Attribute(attribute) switch
    {
        "GET" => "GET",
        null or "" or "POST" => "POST",
        var other => throw new TwimlException(12200, $"Invalid {attribute} {other}"),
    };

    private static bool Bool(XElement element, string attribute, bool otherwise, int code) => (string?)element.Attribute(attribute) switch
    {
        null => otherwise,
        "true" => true,
        "false" => false,
        var other => throw new TwimlException(code, $"Invalid {attribute} {other}"),
    };

    private static int Number(XElement element, string attribute, int otherwise) =>
        int.TryParse((string?)element.Attribute(attribute), NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number
            : otherwise;

    /// <summary>Resolves a relative URL. An absolute URL stays exactly as it is, because the signature covers it.</summary>
    private static string Resolve(string target, string? url)
    {
        if (target.Contains("://", StringComparison.Ordinal))
        {
            return target;
        }
        return url is null ? throw new TwimlException(15004, "A relative URL in inline TwiML") : new Uri(new Uri(url), target).AbsoluteUri;
    }
}

/// <summary>The rules for a participant label: at most 128 characters, no slash, and not the form of a CallSid.</summary>
internal static class ParticipantLabel
{
    public static bool IsValid(string label) =>
        label.Length is > 0 and <= 128
        && !label.Contains('/', StringComparison.Ordinal)
        && !label.Contains("%2F", StringComparison.OrdinalIgnoreCase)
        && !(label.Length == 34 && label.StartsWith("CA", StringComparison.Ordinal) && label[2..].All(char.IsAsciiHexDigit));
}
