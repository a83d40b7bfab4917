namespace Calls.Domain;

/// <summary>A language of spoken words, such as <c>en</c> or <c>de-CH</c>: at most 35 characters (BCP 47, RFC 5646 section 4.4.1).
/// </summary>
public sealed record Language
{
    private const int MaxLength = 35;
    private const int MaxSubtag = 8;
    private Language(string value) => Value = value;
    public string Value { get; }
    /// <summary>The language without its region: <c>de</c>.</summary>
    public string Primary => Value.Split('-')[0];
    public override string ToString() => Value;

    public static bool TryParse([NotNullWhen(true)] string? text, [NotNullWhen(true)] out Language? language)
    {
        language = text is { Length: > 0 and <= MaxLength } && text.Split('-') is [{ Length: 2 or 3 } primary, .. var subtags]
            && primary.All(char.IsAsciiLetter)
            && subtags.All(subtag => subtag.Length is > 0 and <= MaxSubtag && subtag.All(char.IsAsciiLetterOrDigit))
            ? new Language(text)
            : null;
        return language is not null;
    }
}
