using System.Text.RegularExpressions;

namespace Calls.Api;

/// <summary>The words that the service speaks to a called person: <c>Calls:Prompts:{reason}:{language}</c>. A language is a code of
/// Twilio's <c>&lt;Say&gt;</c> (BCP 47, such as <c>de-CH</c>).</summary>
public sealed partial class PromptOptions
{
    private const string Section = CallsOptions.Section + ":Prompts";
    private const string DefaultLanguage = "en";
    /// <summary>Longer words take more than half a minute to speak.</summary>
    private const int MaxLength = 500;
    private static readonly SpokenWords DefaultQuestion = new("You are invited to a phone call. To accept the call, press 1.", null);

    /// <summary>The language of all words.</summary>
    public string Language { get; set; } = DefaultLanguage;
    /// <summary>The question to a screened phone, by language.</summary>
    [ConfigurationKeyName("press-1")]
    public Dictionary<string, string> PressOne { get; } = new(StringComparer.OrdinalIgnoreCase);
    /// <summary>The message that a machine hears after its beep, by language. Without one, the machine is hung up.</summary>
    public Dictionary<string, string> Voicemail { get; } = new(StringComparer.OrdinalIgnoreCase);

    internal SpokenWords Question => Find(PressOne) ?? DefaultQuestion;
    internal SpokenWords? Message => Find(Voicemail);

    internal IEnumerable<string> Failures()
    {
        if (!Code().IsMatch(Language))
            yield return $"{Section}:Language is \"{Language}\"; it must be a language such as en or de-CH.";
        foreach (var (reason, all) in new[] { ("press-1", PressOne), ("voicemail", Voicemail) })
            foreach (var (language, words) in all)
                if (!Code().IsMatch(language))
                    yield return $"{Section}:{reason}:{language} must name a language such as en or de-CH.";
                else if (words.Length > MaxLength || words.Any(char.IsControl))
                    yield return $"{Section}:{reason}:{language} must have at most {MaxLength} characters and no control characters.";
    }

    /// <summary>The words in the language, or in the language without its region. An empty text counts as absent.</summary>
    private SpokenWords? Find(Dictionary<string, string> all)
    {
        foreach (var language in new[] { Language, Language.Split('-')[0] })
            if (all.TryGetValue(language, out var words) && !string.IsNullOrWhiteSpace(words))
                return new(words, language);
        return null;
    }

    [GeneratedRegex("^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Code();
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
