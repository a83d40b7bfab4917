using System.Globalization;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using Calls.Sandbox.Twilio;

namespace Calls.Sandbox.Replay;

/// <summary>
/// A recording of calls that can be replayed: the requests to the service, its requests to Twilio with the answers, and the final state.
/// </summary>
/// <param name="Version">The version of this format.</param>
/// <param name="From">The time of the first journal entry.</param>
/// <param name="Until">The time of the export.</param>
/// <param name="Complete">
/// Whether the journal holds every entry since the start of the sandbox. Only a complete recording can be replayed.
/// </param>
/// <param name="Rules">The configuration keys under which the calls ran, with their values.</param>
/// <param name="Steps">The steps in the order in which they happened.</param>
/// <param name="End">The answer of <c>GET /v1/sessions/{id}</c> for each call at the end.</param>
internal sealed record CallRecording(
    int Version,
    DateTimeOffset From,
    DateTimeOffset Until,
    bool Complete,
    IReadOnlyDictionary<string, string> Rules,
    IReadOnlyList<RecordedStep> Steps,
    IReadOnlyList<RecordedEnd> End)
{
    public const int CurrentVersion = 1;

    /// <summary>The configuration keys that are recorded and that a recording may set.</summary>
    public static IReadOnlyList<string> KnownRules { get; } =
    [
        "Calls:RingTimeout", "Calls:QueueTimeout", "Calls:JoinGrace", "Calls:ReviewInterval", "Calls:MaxParticipants",
        "Calls:Dialing:PerSession", "Calls:RejoinGrace",
    ];

    /// <summary>The steps of a journal: webhooks, requests of frontends, and requests to Twilio, each with its answer.</summary>
    /// <remarks>Webhooks that did not reach the service are left out. So are requests for wait documents and announcements.</remarks>
    public static IReadOnlyList<RecordedStep> StepsOf(IReadOnlyList<JournalEntry> entries, Func<string, string> hide)
    {
        var answers = entries.OfType<WebhookAnswered>().ToDictionary(answer => answer.Request);
        var steps = new List<(double Position, RecordedStep Step)>();
        // An idempotency key may contain a name, so it is replaced by a number. Equal keys get equal numbers.
        var keys = entries.OfType<FrontendAsked>().Select(asked => asked.IdempotencyKey)
            .OfType<string>().Distinct(StringComparer.Ordinal).ToList();
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
                    steps.Add((answered.Number, new RecordedStep(StepKind.RestAnswer, answered.Request, answered.At)
                    {
                        Status = answered.Status,
                        Body = hide(answered.Status == 0 ? "" : answered.Body),
                    }));
                    break;
                case FrontendAsked asked:
                    steps.Add((asked.After + 0.5, new RecordedStep(StepKind.Ask, asked.Number, asked.Began)
                    {
                        Name = hide(asked.Identity),
                        Method = asked.Method,
                        Path = hide(asked.Path),
                        Body = hide(asked.Body),
                        IsOperator = asked.IsOperator,
                        Key = asked.IdempotencyKey is { } key
                            ? string.Create(CultureInfo.InvariantCulture, $"key-{keys.IndexOf(key) + 1}")
                            : null,
                    }));
                    steps.Add((asked.Number, new RecordedStep(StepKind.Answer, asked.Number, asked.At)
                    {
                        Status = asked.Status,
                        Body = hide(asked.Answer),
                    }));
                    break;
                default:
                    break;
            }
        }

        return [.. steps.OrderBy(step => step.Position).Select(step => step.Step)];
    }

    /// <summary>The session ids of the calls in a journal: the id that the app gave, else the caller's <c>CallSid</c>.</summary>
    public static IReadOnlyList<string> SessionsOf(IEnumerable<JournalEntry> entries) =>
        [.. entries.OfType<WebhookSent>().Where(sent => sent.Webhook == WebhookKind.Voice)
            .Select(sent => sent.Parameters["SessionID"] is { Length: > 0 } given ? given : sent.Parameters["CallSid"])
            .OfType<string>().Distinct(StringComparer.Ordinal)];

    private static List<string[]> Hidden(Parameters parameters, Func<string, string> hide) =>
        [.. parameters.Select(pair => new[] { pair.Key, hide(pair.Value) })];
}

/// <summary>The kind of a step.</summary>
internal enum StepKind
{
    /// <summary>A webhook of Twilio, with the answer of the service.</summary>
    Webhook,

    /// <summary>A REST request of the service to Twilio.</summary>
    Rest,

    /// <summary>Twilio's answer to a REST request. The status is 0 if Twilio sent no answer.</summary>
    RestAnswer,

    /// <summary>A request of a frontend to the service.</summary>
    Ask,

    /// <summary>The service's answer to a frontend.</summary>
    Answer,
}

/// <summary>One step of a recording.</summary>
/// <param name="Kind">The kind of the step.</param>
/// <param name="Number">The number of the journal entry; for an answer, the number of the request.</param>
/// <param name="At">The time at which it happened.</param>
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

/// <summary>The final state of a call. The document is null if the service did not know the session.</summary>
internal sealed record RecordedEnd(string Session, System.Text.Json.JsonElement? Document);

/// <summary>Reads the TwiML of recorded answers.</summary>
internal static partial class RecordedTwiml
{
    /// <summary>The name of the conference that the leg joins; null if there is none.</summary>
    public static string? Room(string? body) =>
        body is not null && RoomName().Match(body) is { Success: true } match ? match.Groups["name"].Value : null;

    /// <summary>The names of the verbs in order, without their attributes; empty if the body is not TwiML.</summary>
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
