using Calls.Infrastructure.Twilio;
using NumberParseException = global::PhoneNumbers.NumberParseException;
using Parsed = global::PhoneNumbers.PhoneNumber;
using PhoneNumberType = global::PhoneNumbers.PhoneNumberType;
using PhoneNumberUtil = global::PhoneNumbers.PhoneNumberUtil;
using ShortNumberInfo = global::PhoneNumbers.ShortNumberInfo;

namespace Calls.Infrastructure.Dialing;

/// <summary>Decides which numbers may be rung, by the tables of libphonenumber. Numbers that cannot exist, numbers that cost the caller
/// extra and numbers outside the allowed countries are refused.</summary>
/// <remarks>With calls to foreign and premium numbers, thieves turn stolen access to a telephone account into money. OWASP and Twilio
/// call this
/// toll fraud. Therefore the narrow rule is the default. A number must be possible, but it need not be assigned: the tables are older than
/// the carriers' assignments, and test numbers (+1 555…) are not assigned.</remarks>
internal sealed class DialingRules(IOptions<DialingOptions> dialing, IOptions<TwilioOptions> twilio) : IDialingRules
{
    /// <summary>Satellites (870, 881), international networks (882, 883), personal numbers (878), shared cost (808), premium rate (979),
    /// disaster relief (888).</summary>
    private static readonly HashSet<int> BlockedCallingCodes = [808, 870, 878, 881, 882, 883, 888, 979];

    private readonly PhoneNumberUtil util = PhoneNumberUtil.GetInstance();
    private readonly ShortNumberInfo shortNumbers = ShortNumberInfo.GetInstance();

    private readonly IReadOnlyList<string> blockedPrefixes =
        [.. dialing.Value.BlockedPrefixes.Select(prefix => "+" + DialingOptionsValidator.Digits(prefix))];

    private readonly (HashSet<int> CallingCodes, HashSet<string> Regions) allowed =
        Allowed(dialing.Value.AllowedCountries, twilio.Value.Voice.CallerId);

    public RefusalReason? WhyNot(PhoneNumber number)
    {
        if (TryParse(number) is not { } parsed)
            return RefusalReason.InvalidNumber;
        return IsShort(parsed) || IsBlocked(number, parsed) ? RefusalReason.NumberBlocked
            : !util.IsPossibleNumber(parsed) ? RefusalReason.InvalidNumber
            : !IsAllowed(parsed) ? RefusalReason.CountryNotAllowed
            : null;
    }

    private static (HashSet<int> CallingCodes, HashSet<string> Regions) Allowed(IReadOnlyList<string> countries, string callerId)
    {
        var tables = PhoneNumberUtil.GetInstance();
        if (countries.Count == 0)
            return ([tables.Parse(callerId, null).CountryCode], []);
        var codes = countries.Where(c => DialingOptionsValidator.IsCallingCode(tables, c)).ToList();
        return (
            [.. codes.Select(c => int.Parse(DialingOptionsValidator.Digits(c), CultureInfo.InvariantCulture))],
            [.. countries.Except(codes).Select(c => c.ToUpperInvariant())]);
    }

    private Parsed? TryParse(PhoneNumber number)
    {
        try
        {
            return util.Parse(number.Value, null);
        }
        catch (NumberParseException)
        {
            return null;
        }
    }

    /// <summary>An emergency number or a short code after a country code (+44 999, +41 1414). Some networks complete such calls.</summary>
    private bool IsShort(Parsed number)
    {
        var national = util.GetNationalSignificantNumber(number);
        var regions = util.GetRegionCodesForCountryCode(number.CountryCode);
        if (regions.Any(region => shortNumbers.IsEmergencyNumber(national, region)))
            return true;
        return !util.IsValidNumber(number) && (shortNumbers.IsPossibleShortNumber(number)
            || regions.Any(region => shortNumbers.ConnectsToEmergencyNumber(national, region)));
    }

    private bool IsBlocked(PhoneNumber number, Parsed parsed) =>
        BlockedCallingCodes.Contains(parsed.CountryCode)
        || blockedPrefixes.Any(prefix => number.Value.StartsWith(prefix, StringComparison.Ordinal))
        || util.GetNumberType(parsed) is PhoneNumberType.PREMIUM_RATE or PhoneNumberType.SHARED_COST
            or PhoneNumberType.PERSONAL_NUMBER or PhoneNumberType.PAGER;

    private bool IsAllowed(Parsed number) =>
        allowed.CallingCodes.Contains(number.CountryCode)
        // A possible number that is not assigned has no region. It counts as a number of the main region of its calling code.
        || allowed.Regions.Contains(util.GetRegionCodeForNumber(number) ?? util.GetRegionCodeForCountryCode(number.CountryCode));
}
