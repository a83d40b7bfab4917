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
    /// <remarks>The result is in E.164. <paramref name="why"/> is the reason why the text is not a number, in words for the person who
    /// wrote it. It never has the number itself.</remarks>
    public static bool TryNormalise(string? text, [NotNullWhen(true)] out PhoneNumber? number, [NotNullWhen(false)] out string? why)
    {
        number = null;
        why = WhyMalformed(text);
        if (why is not null)
            return false;
        var digits = string.Concat(text!.Where(c => char.IsAsciiDigit(c) || c == '+'));
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

    private static string? WhyMalformed(string? text) => text?.Trim() switch
    {
        null or "" => "The number is missing.",
        { Length: > MaxLength } => "The number is too long.",
        ['0', '0', ..] => "The number must begin with + and the country code, not with 00: for instance +41 44 668 18 00.",
        not ['+', ..] => "The number must begin with + and the country code: for instance +1 555 123 4567.",
        var number when number.Contains("(0)", StringComparison.Ordinal) => "Leave out the (0): it is not dialled from abroad.",
        var number when !number.Skip(1).All(c => char.IsAsciiDigit(c) || Separators.Contains(c)) =>
            "A number begins with + and has only digits, spaces, dashes, dots and parentheses.",
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
