using System.Diagnostics.CodeAnalysis;
using System.Text;
using NumberParseException = global::PhoneNumbers.NumberParseException;
using PhoneNumberFormat = global::PhoneNumbers.PhoneNumberFormat;
using PhoneNumberUtil = global::PhoneNumbers.PhoneNumberUtil;

namespace Calls.Infrastructure.Dialing;

/// <summary>Reads telephone numbers as people write and paste them.</summary>
/// <remarks>A pasted number can have invisible marks around it, digits of another script, spaces and dashes of any kind, and <c>tel:</c>
/// (RFC 3966) in front. All of these are normalised. Any other character is refused, and the refusal shows it.</remarks>
public static class PhoneNumbers
{
    private const int MaxLength = 40;
    /// <summary>Before the marks are removed.</summary>
    private const int MaxTextLength = 200;
    private const int MaxShown = 5;
    private const string Scheme = "tel:";
    /// <summary>Marks that are not seen: soft hyphen, direction of writing, zero width, word joiner, byte order.</summary>
    private const string Marks =
        "\u00AD\u061C\u200B\u200C\u200D\u200E\u200F\u202A\u202B\u202C\u202D\u202E\u2060\u2066\u2067\u2068\u2069\uFEFF";

    /// <summary>Reads an international number with the usual spaces, dashes, dots and parentheses: <c>+1 (555) 123-4567</c>.</summary>
    /// <remarks>The result is in E.164. <paramref name="why"/> is the reason why the text is not a number, in words for the person who
    /// wrote it. It shows single characters that are not allowed, and never the number itself.</remarks>
    public static bool TryNormalise(string? text, [NotNullWhen(true)] out PhoneNumber? number, [NotNullWhen(false)] out string? why)
    {
        number = null;
        why = text?.Length > MaxTextLength ? "The number is too long." : null;
        if (why is not null)
            return false;
        var written = ToAscii(text ?? "", out var others).Trim();
        why = others.Count > 0 ? NotAllowed(others) : WhyMalformed(written);
        if (why is not null)
            return false;
        var digits = string.Concat(written.Where(c => char.IsAsciiDigit(c) || c == '+'));
        why = digits.Length switch
        {
            < 8 => "The number is too short: a number is + and 7 to 15 digits.",
            > 16 => "The number is too long: a number is + and 7 to 15 digits.",
            _ => digits[1] == '0' ? "No country code begins with 0." : null,
        };
        if (why is null)
            (number, why) = Canonical(digits);
        return number is not null;
    }

    /// <summary>The region of a number in E.164, such as <c>CH</c>. The tables can be older than the number: then the main region of its
    /// calling code. Null if there is none.</summary>
    public static string? RegionOf(string number)
    {
        var util = PhoneNumberUtil.GetInstance();
        try
        {
            var parsed = util.Parse(number, null);
            // Calling codes without a region, such as +800, have a code that is no region.
            var region = util.GetRegionCodeForNumber(parsed) ?? util.GetRegionCodeForCountryCode(parsed.CountryCode);
            return IsRegion(region) ? region : null;
        }
        catch (NumberParseException)
        {
            return null;
        }
    }

    /// <summary>Whether this is the ISO 3166 code of a region with telephone numbers.</summary>
    public static bool IsRegion(string region) => PhoneNumberUtil.GetInstance().GetSupportedRegions().Contains(region.ToUpperInvariant());

    /// <summary>Whether the text begins like a number: with a digit of any script, a plus, a parenthesis or <c>tel:</c>, perhaps behind
    /// spaces and invisible marks. Such a text is a number or a mistake, and never the name of an app user.</summary>
    public static bool BeginsLikeOne([NotNullWhen(true)] string? text)
    {
        var number = WithoutScheme(text ?? "", out var hasScheme);
        if (hasScheme)
            return true;
        foreach (var rune in number.EnumerateRunes())
        {
            if (AsciiOf(rune) is not { } ascii)
                return false;
            if (ascii is not ("" or " "))
                return ascii is "+" or "(" || char.IsAsciiDigit(ascii[0]);
        }

        return false;
    }

    /// <summary>The text with ASCII digits and separators, without marks and without the scheme.</summary>
    /// <param name="text">The text as a person wrote it.</param>
    /// <param name="others">Each character that cannot be in a number, once.</param>
    private static string ToAscii(string text, out List<Rune> others)
    {
        others = [];
        var ascii = new StringBuilder(text.Length);
        foreach (var rune in WithoutScheme(text, out _).EnumerateRunes())
        {
            if (AsciiOf(rune) is { } known)
                ascii.Append(known);
            else if (!others.Contains(rune))
                others.Add(rune);
        }

        return ascii.ToString();
    }

    /// <summary>Removes one <c>tel:</c>, with the spaces and marks before it.</summary>
    private static string WithoutScheme(string text, out bool hasScheme)
    {
        var start = 0;
        while (start < text.Length && (char.IsWhiteSpace(text[start]) || Marks.Contains(text[start])))
            start++;
        hasScheme = text.AsSpan(start).StartsWith(Scheme, StringComparison.OrdinalIgnoreCase);
        return hasScheme ? text[(start + Scheme.Length)..] : text;
    }

    /// <summary>The ASCII form of a character of a number: a digit, a plus, a separator, or nothing for a mark. Null for any other
    /// character.</summary>
    private static string? AsciiOf(Rune rune) => rune.Value switch
    {
        '+' or 0xFF0B or 0xFE62 => "+",
        '(' or 0xFF08 => "(",
        ')' or 0xFF09 => ")",
        '.' or 0xFF0E => ".",
        '/' or 0xFF0F => "/",
        0x2212 => "-",
        _ when rune.IsBmp && Marks.Contains((char)rune.Value) => "",
        _ when Rune.IsWhiteSpace(rune) => " ",
        _ => Rune.GetUnicodeCategory(rune) switch
        {
            UnicodeCategory.DecimalDigitNumber => ((int)Rune.GetNumericValue(rune)).ToString(CultureInfo.InvariantCulture),
            UnicodeCategory.DashPunctuation => "-",
            _ => null,
        },
    };

    private static string NotAllowed(List<Rune> others) =>
        "A number has only +, digits, spaces, dashes, dots and parentheses. It must not have "
        + string.Join(", ", others.Take(MaxShown).Select(Shown)) + (others.Count > MaxShown ? " and other characters." : ".");

    /// <summary>A character in quotation marks, and an invisible one as <c>U+200D</c>.</summary>
    private static string Shown(Rune rune) =>
        Rune.IsLetter(rune) || Rune.IsNumber(rune) || Rune.IsPunctuation(rune) || Rune.IsSymbol(rune)
            ? $"\"{rune}\""
            : string.Create(CultureInfo.InvariantCulture, $"U+{rune.Value:X4}");

    private static string? WhyMalformed(string number) => number switch
    {
        "" => "The number is missing.",
        { Length: > MaxLength } => "The number is too long.",
        ['0', '0', ..] => "The number must begin with + and the country code, not with 00: for instance +41 44 668 18 00.",
        not ['+', ..] => "The number must begin with + and the country code: for instance +1 555 123 4567.",
        _ when number.Contains("(0)", StringComparison.Ordinal) => "Leave out the (0): it is not dialled from abroad.",
        _ when number.LastIndexOf('+') > 0 => "A number has one +, and it is the first character.",
        _ => null,
    };

    /// <summary>Gives each number one spelling. A national prefix after the country code is dropped if it does not belong there.</summary>
    private static (PhoneNumber? Number, string? Why) Canonical(string digits)
    {
        var util = PhoneNumberUtil.GetInstance();
        try
        {
            var parsed = util.Parse(digits, null);
            return util.IsPossibleNumber(parsed) && PhoneNumber.TryParse(util.Format(parsed, PhoneNumberFormat.E164), out var number)
                ? (number, null)
                : (null, "This number cannot exist: it is too short or too long for its country.");
        }
        catch (NumberParseException)
        {
            return (null, "There is no such country code.");
        }
    }
}
