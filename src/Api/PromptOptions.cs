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

    /// <summary>The language of the words for a call whose voice webhook names none, or one without words.</summary>
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

    /// <summary>Whether a machine hears a message in any language.</summary>
    internal bool HasMessage => Voicemail.Values.Any(words => !string.IsNullOrWhiteSpace(words));

    internal SpokenWords Question(Language? language) => Find(PressOne, language) ?? DefaultQuestion;
    internal SpokenWords? Message(Language? language) => Find(Voicemail, language);

    /// <summary>What the caller hears instead of the tone. Null: the tone. The words of <see cref="Voicemail"/> are for the machine, so the
    /// caller hears the tone.</summary>
    internal SpokenWords? Notice(LeaveReason because, Language? language) => because switch
    {
        LeaveReason.Busy => Find(Busy, language),
        LeaveReason.Declined => Find(Declined, language),
        LeaveReason.NoAnswer => Find(NoAnswer, language),
        LeaveReason.Unreachable => Find(Unreachable, language),
        LeaveReason.RefusedByTwilio => Find(RefusedByTwilio, language),
        LeaveReason.NotAccepted => Find(NotAccepted, language),
        _ => null,
    };

    internal IEnumerable<string> Failures()
    {
        if (!Domain.Language.TryParse(Language, out _))
            yield return $"{Section}:Language is \"{Language}\"; it must be a language such as en or de-CH.";
        foreach (var (reason, longest, all) in new[]
        {
            ("press-1", MaxLength, PressOne), ("voicemail", MaxLength, Voicemail), ("busy", MaxNotice, Busy),
            ("declined", MaxNotice, Declined), ("no-answer", MaxNotice, NoAnswer), ("unreachable", MaxNotice, Unreachable),
            ("refused-by-twilio", MaxNotice, RefusedByTwilio), ("not-accepted", MaxNotice, NotAccepted),
        })
            foreach (var (language, words) in all)
                if (!Domain.Language.TryParse(language, out _))
                    yield return $"{Section}:{reason}:{language} must name a language such as en or de-CH.";
                else if (words.Length > longest || words.Any(char.IsControl))
                    yield return $"{Section}:{reason}:{language} must have at most {longest} characters and no control characters.";
    }

    /// <summary>The words in the language of the call, or else in the configured language; each with its region, or else without it. An
    /// empty text counts as absent.</summary>
    private SpokenWords? Find(Dictionary<string, string> all, Language? ofCall)
    {
        string?[] languages = [ofCall?.Value, ofCall?.Primary, Language, Language.Split('-')[0]];
        foreach (var language in languages.OfType<string>())
            foreach (var (configured, words) in all)
                if (string.Equals(configured, language, StringComparison.OrdinalIgnoreCase) && !string.IsNullOrWhiteSpace(words))
                    return new(words, configured);
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
