using PhoneNumberUtil = global::PhoneNumbers.PhoneNumberUtil;

namespace Calls.Infrastructure.Dialing;

/// <summary>The numbers that may be rung.</summary>
public sealed class DialingOptions
{
    public const string Section = "Calls:Dialing";

    /// <summary>Regions (<c>CH</c>, ISO 3166) and calling codes (<c>+41</c>). Empty: only the region of the caller id, so that no call
    /// abroad is made by accident.</summary>
    /// <remarks>A calling code may belong to many countries: <c>+1</c> is North America and much of the Caribbean. <c>US</c> is one
    /// country.</remarks>
    public IReadOnlyList<string> AllowedCountries { get; set; } = [];
    /// <summary>Numbers or prefixes that are rung although the tables of libphonenumber do not call them valid. For instance
    /// <c>+15550100</c>. They also open corporate numbers (UAN). Numbers that cost extra, satellites, emergency numbers and
    /// <see cref="BlockedPrefixes"/> stay closed.</summary>
    public IReadOnlyList<string> AllowedNumbers { get; set; } = [];
    /// <summary>Numbers with one of these prefixes are never rung. For instance <c>+1900</c>.</summary>
    public IReadOnlyList<string> BlockedPrefixes { get; set; } = [];
    /// <summary>While it is true, no phone is rung. <see cref="DialingRules"/> reads the key again at each dial.</summary>
    public string Stopped { get; set; } = "";

    /// <summary>Whether the text of <see cref="Stopped"/> stops the dialling. A text that cannot be read stops it too.</summary>
    internal static bool IsStop(string? text) => !string.IsNullOrWhiteSpace(text) && !(bool.TryParse(text, out var stop) && !stop);
}

/// <summary>Reads each list as an array or as one value with commas, which is easier to write in an environment variable.</summary>
internal sealed class DialingOptionsSetup(IConfiguration configuration) : IConfigureOptions<DialingOptions>
{
    public void Configure(DialingOptions options)
    {
        var section = configuration.GetSection(DialingOptions.Section);
        options.AllowedCountries = List(section.GetSection(nameof(options.AllowedCountries)));
        options.AllowedNumbers = List(section.GetSection(nameof(options.AllowedNumbers)));
        options.BlockedPrefixes = List(section.GetSection(nameof(options.BlockedPrefixes)));
        options.Stopped = section[nameof(options.Stopped)] ?? "";
    }

    private static List<string> List(IConfigurationSection section) =>
        [.. section.GetChildren().Select(c => c.Value).Prepend(section.Value).OfType<string>()
            .SelectMany(value => value.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))];
}

internal sealed class DialingOptionsValidator : IValidateOptions<DialingOptions>
{
    /// <summary>A shorter prefix would open a whole country, with all numbers that do not exist.</summary>
    private const int ShortestAllowedNumber = 4;

    public ValidateOptionsResult Validate(string? name, DialingOptions options)
    {
        List<string> failures =
        [
            .. options.AllowedCountries.Where(c => CallingCode(c) is null && !PhoneNumbers.IsRegion(c))
                .Select(c =>
                    $"Calls:Dialing:AllowedCountries has \"{c}\", which is neither a region such as CH nor a calling code such as +41."),
            .. options.AllowedNumbers.Where(p => !AreDigits(p) || Digits(p).Length is < ShortestAllowedNumber or > 15)
                .Select(p => $"Calls:Dialing:AllowedNumbers has \"{p}\", which is no number or prefix: + and 4 to 15 digits."),
            .. options.BlockedPrefixes.Where(p => !AreDigits(p))
                .Select(p => $"Calls:Dialing:BlockedPrefixes has \"{p}\", which is not the beginning of a number: + and digits."),
        ];
        if (options.Stopped.Trim() is { Length: > 0 } stopped && !bool.TryParse(stopped, out _))
            failures.Add($"Calls:Dialing:Stopped is \"{stopped}\"; it must be true or false.");
        return failures.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(failures);
    }

    internal static string Digits(string entry) => entry.StartsWith('+') ? entry[1..] : entry;

    private static bool AreDigits(string entry) => Digits(entry) is { Length: > 0 } digits && digits.All(char.IsAsciiDigit);

    /// <summary>The calling code; null if the entry is none.</summary>
    internal static int? CallingCode(string entry) =>
        int.TryParse(Digits(entry), NumberStyles.None, CultureInfo.InvariantCulture, out var code)
        && PhoneNumberUtil.GetInstance().GetSupportedCallingCodes().Contains(code) ? code : null;
}
