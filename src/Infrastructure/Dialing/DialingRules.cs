using Calls.Infrastructure.Twilio;
using NumberParseException = global::PhoneNumbers.NumberParseException;
using Parsed = global::PhoneNumbers.PhoneNumber;
using PhoneNumberType = global::PhoneNumbers.PhoneNumberType;
using PhoneNumberUtil = global::PhoneNumbers.PhoneNumberUtil;
using ShortNumberInfo = global::PhoneNumbers.ShortNumberInfo;

namespace Calls.Infrastructure.Dialing;

/// <summary>Decides which numbers may be rung, by the tables of libphonenumber. Numbers that cannot exist, numbers that cost the caller
/// extra and numbers outside the allowed countries are refused.</summary>
/// <remarks>With calls to foreign and premium numbers, thieves turn stolen access to a telephone account into money. OWASP and Twilio call
/// this toll fraud. Therefore the narrow rule is the default. A number must be possible, but it need not be assigned: the tables are older
/// than the carriers' assignments, and test numbers (+1 555…) are not assigned.</remarks>
internal sealed class DialingRules(IOptions<DialingOptions> dialing, IOptions<TwilioOptions> twilio) : IDialingRules
{
    /// <summary>Satellites (870, 881), international networks (882, 883), personal numbers (878), shared cost (808), premium rate (979),
    /// disaster relief (888).</summary>
    private static readonly HashSet<int> BlockedCallingCodes = [808, 870, 878, 881, 882, 883, 888, 979];

    private readonly PhoneNumberUtil util = PhoneNumberUtil.GetInstance();
    private readonly ShortNumberInfo shortNumbers = ShortNumberInfo.GetInstance();
    private readonly List<string> blockedPrefixes =
        [.. dialing.Value.BlockedPrefixes.Select(prefix => "+" + DialingOptionsValidator.Digits(prefix))];
    private readonly HashSet<int> allowedCodes = dialing.Value.AllowedCountries is { Count: > 0 } countries
        ? [.. countries.Select(DialingOptionsValidator.CallingCode).OfType<int>()]
        : [PhoneNumberUtil.GetInstance().Parse(twilio.Value.Voice.CallerId, null).CountryCode];
    private readonly HashSet<string> allowedRegions = [.. dialing.Value.AllowedCountries.Select(country => country.ToUpperInvariant())];

    public RefusalReason? WhyNot(PhoneNumber number)
    {
        Parsed parsed;
        try
        {
            parsed = util.Parse(number.Value, null);
        }
        catch (NumberParseException)
        {
            return RefusalReason.InvalidNumber;
        }

        return IsShort(parsed) || IsBlocked(number, parsed) ? RefusalReason.NumberBlocked
            : !util.IsPossibleNumber(parsed) ? RefusalReason.InvalidNumber
            : !IsAllowed(parsed) ? RefusalReason.CountryNotAllowed
            : null;
    }

    /// <summary>An emergency number or a short code after a country code (+44 999, +41 1414). Some networks complete such calls.</summary>
    private bool IsShort(Parsed number)
    {
        var national = util.GetNationalSignificantNumber(number);
        var regions = util.GetRegionCodesForCountryCode(number.CountryCode);
        return regions.Any(region => shortNumbers.IsEmergencyNumber(national, region))
            || (!util.IsValidNumber(number) && (shortNumbers.IsPossibleShortNumber(number)
                || regions.Any(region => shortNumbers.ConnectsToEmergencyNumber(national, region))));
    }

    private bool IsBlocked(PhoneNumber number, Parsed parsed) =>
        BlockedCallingCodes.Contains(parsed.CountryCode)
        || blockedPrefixes.Any(prefix => number.Value.StartsWith(prefix, StringComparison.Ordinal))
        || util.GetNumberType(parsed) is PhoneNumberType.PREMIUM_RATE or PhoneNumberType.SHARED_COST
            or PhoneNumberType.PERSONAL_NUMBER or PhoneNumberType.PAGER;

    private bool IsAllowed(Parsed number) =>
        allowedCodes.Contains(number.CountryCode)
        // A possible number that is not assigned has no region. It counts as a number of the main region of its calling code.
        || allowedRegions.Contains(util.GetRegionCodeForNumber(number) ?? util.GetRegionCodeForCountryCode(number.CountryCode));
}
