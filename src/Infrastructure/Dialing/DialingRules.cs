using Calls.Infrastructure.Twilio;
using NumberParseException = global::PhoneNumbers.NumberParseException;
using Parsed = global::PhoneNumbers.PhoneNumber;
using PhoneNumberType = global::PhoneNumbers.PhoneNumberType;
using PhoneNumberUtil = global::PhoneNumbers.PhoneNumberUtil;
using ShortNumberInfo = global::PhoneNumbers.ShortNumberInfo;

namespace Calls.Infrastructure.Dialing;

/// <summary>Decides which numbers may be rung, by the tables of libphonenumber: valid numbers of an ordinary type in an allowed
/// region.</summary>
/// <remarks>With calls to foreign and premium numbers, thieves turn stolen access to a telephone account into money. OWASP and Twilio call
/// this toll fraud. Therefore the narrow rule is the default: what the tables do not know is not rung. The reasons are in
/// docs/adr/0017.</remarks>
internal sealed partial class DialingRules : IDialingRules
{
    /// <summary>Satellites (870, 881), international networks (882, 883), personal numbers (878), shared cost (808), premium rate (979),
    /// disaster relief (888).</summary>
    private static readonly HashSet<int> BlockedCallingCodes = [808, 870, 878, 881, 882, 883, 888, 979];

    /// <summary>Satellites inside of national ranges (Canada, Australia, Russia), and the government of the United States (710).</summary>
    private static readonly string[] NamedPrefixes = ["+1600", "+61147", "+7954", "+1710"];

    /// <summary>In North America the exchange 976 is premium rate in every area code. The tables call its numbers ordinary.</summary>
    private const string PremiumExchange = "976";

    private const string NoRegion = "unknown";

    private static readonly string StoppedKey = $"{DialingOptions.Section}:{nameof(DialingOptions.Stopped)}";

    private readonly PhoneNumberUtil util = PhoneNumberUtil.GetInstance();
    private readonly ShortNumberInfo shortNumbers = ShortNumberInfo.GetInstance();
    private readonly IConfiguration configuration;
    private readonly List<string> blockedPrefixes;
    private readonly List<string> allowedNumbers;
    private readonly HashSet<int> allowedCodes;
    private readonly HashSet<string> allowedRegions;

    public DialingRules(
        IOptions<DialingOptions> dialing, IOptions<TwilioOptions> twilio, IConfiguration configuration, ILogger<DialingRules> logger)
    {
        this.configuration = configuration;
        var options = dialing.Value;
        blockedPrefixes = [.. options.BlockedPrefixes.Select(prefix => "+" + DialingOptionsValidator.Digits(prefix)), .. NamedPrefixes];
        allowedNumbers = [.. options.AllowedNumbers.Select(prefix => "+" + DialingOptionsValidator.Digits(prefix))];
        allowedCodes = [.. options.AllowedCountries.Select(DialingOptionsValidator.CallingCode).OfType<int>()];
        allowedRegions = options.AllowedCountries.Count > 0
            ? [.. options.AllowedCountries.Select(country => country.ToUpperInvariant())]
            : [HomeRegion(twilio.Value.Voice.CallerId, logger)];
        foreach (var code in allowedCodes)
            Log.OpensRegions(logger, code, string.Join(", ", util.GetRegionCodesForCountryCode(code)));
    }

    public bool IsStopped => DialingOptions.IsStop(configuration[StoppedKey]);

    public RefusalReason? WhyNot(PhoneNumber number) =>
        Parse(number) is not { } parsed ? RefusalReason.InvalidNumber
        : IsShort(parsed) || IsBlocked(number, parsed) ? RefusalReason.NumberBlocked
        : IsStopped ? RefusalReason.DialingStopped
        : BeginsWith(number, allowedNumbers) ? null
        : !util.IsValidNumber(parsed) ? RefusalReason.InvalidNumber
        : !IsOrdinary(parsed) ? RefusalReason.NumberBlocked
        : !IsAllowed(parsed) ? RefusalReason.CountryNotAllowed
        : null;

    public string RegionOf(PhoneNumber number) => (Parse(number) is { } parsed ? util.GetRegionCodeForNumber(parsed) : null) ?? NoRegion;

    /// <summary>The region of the caller id. If the tables do not know the number, this is logged.</summary>
    private string HomeRegion(string callerId, ILogger logger)
    {
        var region = PhoneNumbers.RegionOf(callerId) ?? NoRegion;
        if (region == NoRegion || !PhoneNumber.TryParse(callerId, out var number) || RegionOf(number) != region)
            Log.CallerIdHasNoRegion(logger, region);
        return region;
    }

    private Parsed? Parse(PhoneNumber number)
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
        return regions.Any(region => shortNumbers.IsEmergencyNumber(national, region))
            || (!util.IsValidNumber(number) && (shortNumbers.IsPossibleShortNumber(number)
                || regions.Any(region => shortNumbers.ConnectsToEmergencyNumber(national, region))));
    }

    private bool IsBlocked(PhoneNumber number, Parsed parsed) =>
        BlockedCallingCodes.Contains(parsed.CountryCode) || BeginsWith(number, blockedPrefixes)
        || (parsed.CountryCode == 1 && number.Value.AsSpan(5).StartsWith(PremiumExchange))
        || util.GetNumberType(parsed) is PhoneNumberType.PREMIUM_RATE or PhoneNumberType.SHARED_COST
            or PhoneNumberType.PERSONAL_NUMBER or PhoneNumberType.PAGER or PhoneNumberType.VOICEMAIL;

    /// <summary>A type that a person's phone, an office or a help line has. The price of any other type, such as UAN, is not that of an
    /// ordinary call everywhere.</summary>
    private bool IsOrdinary(Parsed number) => util.GetNumberType(number) is PhoneNumberType.FIXED_LINE or PhoneNumberType.MOBILE
        or PhoneNumberType.FIXED_LINE_OR_MOBILE or PhoneNumberType.VOIP or PhoneNumberType.TOLL_FREE;

    /// <remarks>Some numbers are valid in several regions: toll-free numbers of +1 belong to the United States and to Canada.</remarks>
    private bool IsAllowed(Parsed number) =>
        allowedCodes.Contains(number.CountryCode) || allowedRegions.Any(region => util.IsValidNumberForRegion(number, region));

    private static bool BeginsWith(PhoneNumber number, List<string> prefixes) =>
        prefixes.Exists(prefix => number.Value.StartsWith(prefix, StringComparison.Ordinal));

    private static partial class Log
    {
        [LoggerMessage(5007, LogLevel.Warning,
            "Calls:Dialing:AllowedCountries has the calling code +{Code}. It opens all of these regions: {Regions}")]
        public static partial void OpensRegions(ILogger logger, int code, string regions);

        [LoggerMessage(5008, LogLevel.Warning,
            "The number in Twilio:Voice:CallerId has no region in the tables. Phones are rung in {Region} only; "
            + "see Calls:Dialing:AllowedCountries")]
        public static partial void CallerIdHasNoRegion(ILogger logger, string region);
    }
}
