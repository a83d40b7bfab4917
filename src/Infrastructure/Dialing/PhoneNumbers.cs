using System.Diagnostics.CodeAnalysis;
using NumberParseException = global::PhoneNumbers.NumberParseException;
using PhoneNumberFormat = global::PhoneNumbers.PhoneNumberFormat;
using PhoneNumberUtil = global::PhoneNumbers.PhoneNumberUtil;

namespace Calls.Infrastructure.Dialing;

/// <summary>Reads telephone numbers as people write them.</summary>
public static class PhoneNumbers
{
    private const int MaxLength = 40;

    /// <summary>With the no-break space, the non-breaking hyphen and the en dash.</summary>
    private const string Separators = " -.()/\u00A0\u2011\u2013";

    /// <summary>Reads an international number with the usual spaces, dashes, dots and parentheses: <c>+1 (555) 123-4567</c>.</summary>
    /// <param name="text">The number as a person wrote it.</param>
    /// <param name="number">The number in E.164.</param>
    /// <param name="why">The reason why the text is not a number, in words for the person who wrote it. It never has the number
    /// itself.</param>
    public static bool TryNormalise(string? text, [NotNullWhen(true)] out PhoneNumber? number, [NotNullWhen(false)] out string? why)
    {
        number = null;
        why = WhyMalformed(text);
        if (why is not null)
            return false;
        var digits = string.Concat(text!.Where(c => char.IsAsciiDigit(c) || c == '+'));
        if (!PhoneNumber.TryParse(digits, out _))
            why = digits.Length switch
            {
                < 8 => "The number is too short: a number is + and 7 to 15 digits.",
                > 16 => "The number is too long: a number is + and 7 to 15 digits.",
                _ => "No country code begins with 0.",
            };
        else
            (number, why) = Canonical(digits);
        return number is not null;
    }

    private static string? WhyMalformed(string? text)
    {
        if (string.IsNullOrWhiteSpace(text))
            return "The number is missing.";
        text = text.Trim();
        if (text.Length > MaxLength)
            return "The number is too long.";
        if (text.StartsWith("00", StringComparison.Ordinal))
            return "The number must begin with + and the country code, not with 00: for instance +41 44 668 18 00.";
        if (text[0] != '+')
            return "The number must begin with + and the country code: for instance +1 555 123 4567.";
        if (text.Contains("(0)", StringComparison.Ordinal))
            return "Leave out the (0): it is not dialled from abroad.";
        return text.Skip(1).All(c => char.IsAsciiDigit(c) || Separators.Contains(c))
            ? null
            : "A number begins with + and has only digits, spaces, dashes, dots and parentheses.";
    }

    /// <summary>Gives each number one spelling. A national prefix that was written by mistake is dropped if the country has none after its
    /// code.</summary>
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
