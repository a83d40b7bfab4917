using System.Globalization;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using Calls.Sandbox.Twilio;

namespace Calls.Sandbox.Replay;

/// <summary>What the service was told and asked in some calls, what it asked of Twilio and was answered, and how the calls stood at the end: enough to play them again.</summary>
/// <param name="Version">Of this form.</param>
/// <param name="From">When the recording was begun.</param>
/// <param name="Until">When it was taken.</param>
/// <param name="Complete">Whether it holds everything from the sandbox's start; one that does not cannot be replayed.</param>
/// <param name="Rules">Configuration keys that the calls ran under.</param>
/// <param name="Steps">In the order in which they happened.</param>
/// <param name="End">Each call as <c>GET /v1/sessions/{id}</c> gave it at the end.</param>
internal sealed record CallRecording(
    int Version, DateTimeOffset From, DateTimeOffset Until, bool Complete, IReadOnlyDictionary<string, string> Rules, IReadOnlyList<RecordedStep> Steps, IReadOnlyList<RecordedEnd> End)
{
    public const int CurrentVersion = 1;

    /// <summary>The rules that are recorded, and that a recording may set.</summary>
    public static IReadOnlyList<string> KnownRules { get; } = ["Calls:RingTimeout", "Calls:JoinGrace", "Calls:ReviewInterval", "Calls:MaxParticipants", "Calls:Dialing:PerSession"];

    /// <summary>The inputs of a journal, and Twilio's answers.</summary>
    /// <remarks>Left out are webhooks that never reached the service, and the wait document, which is the same for everybody.</remarks>
    public static IReadOnlyList<RecordedStep> StepsOf(IReadOnlyList<JournalEntry> entries, Func<string, string> hide)
    {
        var answers = entries.OfType<WebhookAnswered>().ToDictionary(answer => answer.Request);
        var steps = new List<(double Place, RecordedStep Step)>();
        // A key may be anything, somebody's name too; all that counts is which are the same.
        var keys = entries.OfType<FrontendAsked>().Select(asked => asked.IdempotencyKey).OfType<string>().Distinct(StringComparer.Ordinal).ToList();
        foreach (var entry in entries)
        {
            switch (entry)
            {
                case WebhookSent { Webhook: not (WebhookKind.Wait or WebhookKind.Announcement) } sent:
                    var answer = answers.GetValueOrDefault(sent.Number);
                    if (answer is { Failure: WebhookFailure.Connect or WebhookFailure.Dropped })
                        break;
                    steps.Add((sent.Number, new RecordedStep(StepKind.Webhook, sent.Number, sent.At)
                    {
                        Name = $"{sent.Webhook} {sent.Event}".TrimEnd(),
                        Method = sent.Method,
                        Path = hide(new Uri(sent.Url).PathAndQuery),
                        Parameters = Hidden(sent.Parameters, hide),
                        Status = answer is { Failure: WebhookFailure.None } ? answer.Status : null,
                        Body = answer is null ? null : hide(answer.Body),
                    }));
                    break;
                case RestRequested asked:
                    steps.Add((asked.Number, new RecordedStep(StepKind.Rest, asked.Number, asked.At)
                    {
                        Name = asked.Operation.ToString(),
                        Method = asked.Method,
                        Path = hide(asked.Path),
                        Parameters = Hidden(asked.Parameters, hide),
                    }));
                    break;
                case RestAnswered answered:
                    steps.Add((answered.Number, new RecordedStep(StepKind.RestAnswer, answered.Request, answered.At) { Status = answered.Status, Body = hide(answered.Status == 0 ? "" : answered.Body) }));
                    break;
                case FrontendAsked asked:
                    steps.Add((asked.After + 0.5, new RecordedStep(StepKind.Ask, asked.Number, asked.Began)
                    {
                        Name = hide(asked.Identity),
                        Method = asked.Method,
                        Path = hide(asked.Path),
                        Body = hide(asked.Body),
                        IsOperator = asked.IsOperator,
                        Key = asked.IdempotencyKey is { } key ? string.Create(CultureInfo.InvariantCulture, $"key-{keys.IndexOf(key) + 1}") : null,
                    }));
                    steps.Add((asked.Number, new RecordedStep(StepKind.Answer, asked.Number, asked.At) { Status = asked.Status, Body = hide(asked.Answer) }));
                    break;
                default:
                    break;
            }
        }

        return [.. steps.OrderBy(step => step.Place).Select(step => step.Step)];
    }

    /// <summary>The calls that a journal tells of: the app's own id, or the caller's <c>CallSid</c> where it gave none.</summary>
    public static IReadOnlyList<string> SessionsOf(IEnumerable<JournalEntry> entries) =>
        [.. entries.OfType<WebhookSent>().Where(sent => sent.Webhook == WebhookKind.Voice)
            .Select(sent => sent.Parameters["SessionID"] is { Length: > 0 } given ? given : sent.Parameters["CallSid"]).OfType<string>().Distinct(StringComparer.Ordinal)];

    private static List<string[]> Hidden(Parameters parameters, Func<string, string> hide) => [.. parameters.Select(pair => new[] { pair.Key, hide(pair.Value) })];
}

/// <summary>What a step is.</summary>
internal enum StepKind
{
    /// <summary>Twilio told or asked the service something; with the answer it got.</summary>
    Webhook,

    /// <summary>The service asked Twilio something.</summary>
    Rest,

    /// <summary>Twilio answered that; status 0: it never did.</summary>
    RestAnswer,

    /// <summary>A frontend asked the service something.</summary>
    Ask,

    /// <summary>The service answered that.</summary>
    Answer,
}

/// <summary>One step. Number: its own, or that of the request that it answers.</summary>
internal sealed record RecordedStep(StepKind Kind, long Number, DateTimeOffset At)
{
    public string? Name { get; init; }

    public string? Method { get; init; }

    public string? Path { get; init; }

    public IReadOnlyList<string[]>? Parameters { get; init; }

    public int? Status { get; init; }

    public string? Body { get; init; }

    public string? Key { get; init; }

    public bool? IsOperator { get; init; }

    public string? this[string parameter] => Parameters?.FirstOrDefault(pair => pair[0] == parameter)?[1];
}

/// <summary>One call at the end; no document where the service knows of none.</summary>
internal sealed record RecordedEnd(string Session, System.Text.Json.JsonElement? Document);

/// <summary>What can be read off TwiML.</summary>
internal static partial class RecordedTwiml
{
    /// <summary>The room that a document puts the leg into.</summary>
    public static string? Room(string? body) => body is not null && RoomName().Match(body) is { Success: true } match ? match.Groups["name"].Value : null;

    /// <summary>Its verbs, in order: what a document says, without the addresses in it.</summary>
    public static string Verbs(string? body)
    {
        if (string.IsNullOrEmpty(body) || !body.Contains("<Response", StringComparison.Ordinal))
            return "";
        try
        {
            return string.Join(' ', XDocument.Parse(body).Descendants().Skip(1).Select(verb => verb.Name.LocalName));
        }
        catch (System.Xml.XmlException)
        {
            return "unreadable";
        }
    }

    [GeneratedRegex("<Conference[^>]*>(?<name>[^<]+)</Conference>", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex RoomName();
}
