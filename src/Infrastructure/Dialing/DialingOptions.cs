using PhoneNumberUtil = global::PhoneNumbers.PhoneNumberUtil;

namespace Calls.Infrastructure.Dialing;

/// <summary>The numbers that may be rung.</summary>
public sealed class DialingOptions
{
    public const string Section = "Calls:Dialing";

    /// <summary>Regions (<c>CH</c>, ISO 3166) and calling codes (<c>+41</c>). Empty: only the calling code of the caller id, so that
    /// no call abroad is made by accident.</summary>
    /// <remarks>A calling code may belong to many countries: <c>+1</c> is North America and much of the Caribbean. <c>US</c> is one
    /// country.</remarks>
    public IReadOnlyList<string> AllowedCountries { get; set; } = [];
    /// <summary>Numbers with one of these prefixes are never rung. For instance <c>+1900</c>.</summary>
    public IReadOnlyList<string> BlockedPrefixes { get; set; } = [];
}

/// <summary>Reads each list as an array or as one value with commas, which is easier to write in an environment variable.</summary>
internal sealed class DialingOptionsSetup(IConfiguration configuration) : IConfigureOptions<DialingOptions>
{
    public void Configure(DialingOptions options)
    {
        var section = configuration.GetSection(DialingOptions.Section);
        options.AllowedCountries = List(section.GetSection(nameof(options.AllowedCountries)));
        options.BlockedPrefixes = List(section.GetSection(nameof(options.BlockedPrefixes)));
    }

    private static List<string> List(IConfigurationSection section) =>
        [.. section.GetChildren().Select(c => c.Value).Prepend(section.Value).OfType<string>()
            .SelectMany(value => value.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))];
}

internal sealed class DialingOptionsValidator : IValidateOptions<DialingOptions>
{
    public ValidateOptionsResult Validate(string? name, DialingOptions options)
    {
        var regions = PhoneNumberUtil.GetInstance().GetSupportedRegions();
        List<string> failures =
        [
            .. options.AllowedCountries.Where(c => CallingCode(c) is null && !regions.Contains(c.ToUpperInvariant()))
                .Select(c =>
                    $"Calls:Dialing:AllowedCountries has \"{c}\", which is neither a region such as CH nor a calling code such as +41."),
            .. options.BlockedPrefixes.Where(p => Digits(p).Length == 0 || !Digits(p).All(char.IsAsciiDigit))
                .Select(p => $"Calls:Dialing:BlockedPrefixes has \"{p}\", which is not the beginning of a number: + and digits."),
        ];
        return failures.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(failures);
    }

    internal static string Digits(string entry) => entry.StartsWith('+') ? entry[1..] : entry;

    /// <summary>The calling code; null if the entry is none.</summary>
    internal static int? CallingCode(string entry) =>
        int.TryParse(Digits(entry), NumberStyles.None, CultureInfo.InvariantCulture, out var code)
        && PhoneNumberUtil.GetInstance().GetSupportedCallingCodes().Contains(code) ? code : null;
}
