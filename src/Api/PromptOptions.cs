namespace Calls.Api;

/// <summary>The words that the service speaks to a called person, or to the caller in place of a tone:
/// <c>Calls:Prompts:{reason}:{language}</c>. A language is a code of Twilio's <c>&lt;Say&gt;</c> (BCP 47, such as <c>de-CH</c>).</summary>
public sealed class PromptOptions
{
    private const string Section = CallsOptions.Section + ":Prompts";
    private const string DefaultLanguage = "en";
    /// <summary>Longer words take more than half a minute to speak.</summary>
    private const int MaxLength = 500;
    /// <summary>The caller's line ends after the words. Longer words take more than seven seconds to speak.</summary>
    private const int MaxNotice = 100;
    private static readonly SpokenWords DefaultQuestion = new("You are invited to a phone call. To accept the call, press 1.", null);

    private static readonly SpokenWords DefaultElsewhere = new("This call has been answered.", null);

    private static readonly SpokenWords DefaultNoCandidates =
        new("No member of the group that you have called can be reached. Please call again later.", null);

    /// <summary>The language for a call that names no language, or a language without words.</summary>
    public string Language { get; set; } = DefaultLanguage;
    /// <summary>The question to a screened phone, by language.</summary>
    [ConfigurationKeyName("press-1")]
    public Dictionary<string, string> PressOne { get; } = ByLanguage();
    /// <summary>The message that a machine hears after its beep, by language. Without one, the machine is hung up.</summary>
    public Dictionary<string, string> Voicemail { get; } = ByLanguage();
    /// <summary>What the caller of a busy callee hears instead of the busy tone, by language.</summary>
    public Dictionary<string, string> Busy { get; } = ByLanguage();
    public Dictionary<string, string> Declined { get; } = ByLanguage();
    [ConfigurationKeyName("no-answer")]
    public Dictionary<string, string> NoAnswer { get; } = ByLanguage();
    public Dictionary<string, string> Unreachable { get; } = ByLanguage();
    [ConfigurationKeyName("refused-by-twilio")]
    public Dictionary<string, string> RefusedByTwilio { get; } = ByLanguage();
    [ConfigurationKeyName("not-accepted")]
    public Dictionary<string, string> NotAccepted { get; } = ByLanguage();
    /// <summary>What the caller of a group hears if no candidate accepted the call, by language.</summary>
    [ConfigurationKeyName("nobody-accepted")]
    public Dictionary<string, string> NobodyAccepted { get; } = ByLanguage();
    /// <summary>What the caller of a group hears if the group resolver named no candidate, by language.</summary>
    [ConfigurationKeyName("no-candidates")]
    public Dictionary<string, string> NoCandidates { get; } = ByLanguage();
    /// <summary>What a candidate hears whose answer comes after another one's, by language.</summary>
    [ConfigurationKeyName("answered-elsewhere")]
    public Dictionary<string, string> AnsweredElsewhere { get; } = ByLanguage();

    /// <summary>Whether a machine hears a message in any language.</summary>
    internal bool HasMessage => Voicemail.Values.Any(words => !string.IsNullOrWhiteSpace(words));

    internal SpokenWords Question(Language? language) => Find(PressOne, language) ?? DefaultQuestion;
    internal SpokenWords AnsweredElsewhereNotice(Language? language) => Find(AnsweredElsewhere, language) ?? DefaultElsewhere;
    internal SpokenWords? Message(Language? language) => Find(Voicemail, language);

    /// <summary>What the caller hears instead of the tone. Null: the tone. The words of <see cref="Voicemail"/> are for the machine, so the
    /// caller hears the tone.</summary>
    internal SpokenWords? Notice(LeaveReason because, Language? language) =>
        (Array.Find(Notices, notice => notice.Reason == because) is { Words: { } words } ? Find(words, language) : null)
        ?? (because == LeaveReason.NoCandidates ? DefaultNoCandidates : null);

    private (LeaveReason Reason, string Name, Dictionary<string, string> Words)[] Notices =>
    [
        (LeaveReason.Busy, "busy", Busy), (LeaveReason.Declined, "declined", Declined), (LeaveReason.NoAnswer, "no-answer", NoAnswer),
        (LeaveReason.Unreachable, "unreachable", Unreachable), (LeaveReason.RefusedByTwilio, "refused-by-twilio", RefusedByTwilio),
        (LeaveReason.NotAccepted, "not-accepted", NotAccepted), (LeaveReason.NobodyAccepted, "nobody-accepted", NobodyAccepted),
        (LeaveReason.NoCandidates, "no-candidates", NoCandidates),
    ];

    internal IEnumerable<string> Failures()
    {
        if (!Domain.Language.TryParse(Language, out _))
            yield return $"{Section}:Language is \"{Language}\"; it must be a language such as en or de-CH.";
        (string, int, Dictionary<string, string>)[] every =
        [
            ("press-1", MaxLength, PressOne), ("voicemail", MaxLength, Voicemail),
            ("answered-elsewhere", MaxNotice, AnsweredElsewhere),
            .. Notices.Select(notice => (notice.Name, MaxNotice, notice.Words)),
        ];
        foreach (var (reason, longest, all) in every)
            foreach (var (language, words) in all)
                if (!Domain.Language.TryParse(language, out _))
                    yield return $"{Section}:{reason}:{language} must name a language such as en or de-CH.";
                else if (words.Length > longest || words.Any(char.IsControl))
                    yield return $"{Section}:{reason}:{language} must have at most {longest} characters and no control characters.";
    }

    /// <summary>The order is: the call's language, the same without its region, the configured language, the same without its region. An
    /// empty text counts as absent.</summary>
    private SpokenWords? Find(Dictionary<string, string> all, Language? ofCall)
    {
        _ = Domain.Language.TryParse(Language, out var configured);
        string?[] languages = [ofCall?.Value, ofCall?.Primary, configured?.Value, configured?.Primary];
        // Twilio gets the language as the configuration spells it. A lookup would not give this spelling.
        foreach (var language in languages.OfType<string>())
            foreach (var (spelled, words) in all)
                if (string.Equals(spelled, language, StringComparison.OrdinalIgnoreCase) && !string.IsNullOrWhiteSpace(words))
                    return new(words, spelled);
        return null;
    }

    private static Dictionary<string, string> ByLanguage() => new(StringComparer.OrdinalIgnoreCase);
}

/// <summary>Words, and the language in which Twilio speaks them. Null: Twilio's default, English.</summary>
internal sealed record SpokenWords(string Words, string? Language);

/// <summary>The names of <see cref="Screening"/> in requests and in the configuration.</summary>
internal static class ScreenNames
{
    public static bool TryParse(string? name, out Screening screen)
    {
        (var known, screen) = name switch
        {
            "none" => (true, Screening.None),
            "machine" => (true, Screening.Machine),
            "press-1" => (true, Screening.PressOne),
            _ => (false, Screening.None),
        };
        return known;
    }
}
