using System.Net;
using Microsoft.Extensions.Primitives;

namespace Calls.Infrastructure.Webhooks;

/// <summary>The types of the events that leave the service.</summary>
internal static class EventTypes
{
    public const string Started = "session.started";
    public const string Answered = "session.answered";
    public const string Changed = "session.changed";
    public const string Ended = "session.ended";
    public static readonly IReadOnlyList<string> All = [Started, Answered, Changed, Ended];
}

/// <summary>A customer's system that gets the events of calls: <c>Calls:Webhooks:{name}</c>.</summary>
/// <param name="Name">The name, from the key. It is in the keys of Redis and in metrics.</param>
/// <param name="Url">The address of the events.</param>
/// <param name="Secret">The secret that signs them: <c>whsec_</c> and base64.</param>
/// <param name="PreviousSecret">The secret before the present one. Events are signed with both. Empty: there is none.</param>
/// <param name="Events">The types of the events that the system gets, with commas.</param>
/// <param name="AllowsPrivateAddresses">Whether the host may be in a private network. Then http is allowed too.</param>
internal sealed record EventReceiver(
    string Name, Uri Url, string Secret, string PreviousSecret, string Events, bool AllowsPrivateAddresses)
{
    public const string SecretPrefix = "whsec_";

    /// <summary>The decoded secrets that sign an event, the present one first.</summary>
    public IEnumerable<byte[]> Keys => ((string[])[Secret, PreviousSecret]).Where(secret => secret.Length > 0)
        .Select(secret => Convert.FromBase64String(secret[SecretPrefix.Length..]));

    public bool Wants(string type) => Events.Split(',').Contains(type, StringComparer.Ordinal);
    public override string ToString() => Name;
}

/// <summary>The configured receivers. The names are those of the start; the other values can change later.</summary>
internal sealed class EventReceivers : IDisposable
{
    public const string Section = "Calls:Webhooks";
    /// <summary>In bytes, as Standard Webhooks demands it.</summary>
    private const int ShortestSecret = 24, LongestSecret = 64;
    private const int LongestName = 32;

    private readonly IDisposable changes;
    private IReadOnlyDictionary<string, EventReceiver> current;

    public EventReceivers(IConfiguration configuration)
    {
        current = Read(configuration).Receivers;
        Names = [.. current.Keys.Order(StringComparer.Ordinal)];
        changes = ChangeToken.OnChange(configuration.GetReloadToken, () =>
        {
            // A change that cannot be used is left out as a whole. It is named at the next start.
            if (Read(configuration) is { Failures.Count: 0 } read && Names.All(read.Receivers.ContainsKey))
                current = read.Receivers;
        });
    }

    public IReadOnlyList<string> Names { get; }

    public EventReceiver this[string name] => current[name];

    public void Dispose() => changes.Dispose();

    /// <summary>The receivers, and a sentence about each key that is missing or malformed.</summary>
    public static (IReadOnlyDictionary<string, EventReceiver> Receivers, IReadOnlyList<string> Failures) Read(IConfiguration configuration)
    {
        var receivers = new Dictionary<string, EventReceiver>(StringComparer.Ordinal);
        List<string> failures = [];
        foreach (var section in configuration.GetSection(Section).GetChildren())
        {
            var before = failures.Count;
            if (section.Key.Length > LongestName || !section.Key.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_'))
                failures.Add($"{section.Path}: the name of a receiver has at most {LongestName} letters, digits, hyphens and underscores.");
            if (section.Value is { Length: > 0 })
                failures.Add($"{section.Path} takes no value itself; set the keys below it, {section.Path}:Url and so on.");
            var allows = ReadSwitch(section.GetSection("AllowPrivateAddresses"), failures);
            var url = ReadUrl(section.GetSection("Url"), allows, failures);
            var secret = ReadSecret(section.GetSection("Secret"), isRequired: true, failures);
            var previous = ReadSecret(section.GetSection("PreviousSecret"), isRequired: false, failures);
            var events = ReadEvents(section.GetSection("Events"), failures);
            if (failures.Count == before && url is not null)
                receivers[section.Key] = new EventReceiver(section.Key, url, secret, previous, events, allows);
        }

        return (receivers, failures);
    }

    private static bool ReadSwitch(IConfigurationSection key, List<string> failures)
    {
        if (string.IsNullOrWhiteSpace(key.Value))
            return false;
        if (!bool.TryParse(key.Value, out var allows))
            failures.Add($"{key.Path} is \"{key.Value}\"; it must be true or false.");
        return allows;
    }

    private static Uri? ReadUrl(IConfigurationSection key, bool allowsPrivate, List<string> failures)
    {
        // A URL can have a secret in its user, path or query, so no failure shows it.
        if (!Uri.TryCreate(key.Value, UriKind.Absolute, out var url) || url.UserInfo.Length > 0 || url.Fragment.Length > 0
            || !(url.Scheme == Uri.UriSchemeHttps || (allowsPrivate && url.Scheme == Uri.UriSchemeHttp)))
        {
            failures.Add($"{key.Path} must be an https URL without user and fragment; http needs AllowPrivateAddresses=true.");
            return null;
        }

        if (!allowsPrivate && (url.IsLoopback
            || (IPAddress.TryParse(url.Host.Trim('[', ']'), out var address) && !PublicAddresses.Contains(address))))
            failures.Add($"{key.Path} names an address that is not public; that needs AllowPrivateAddresses=true.");
        return url;
    }

    private static string ReadSecret(IConfigurationSection key, bool isRequired, List<string> failures)
    {
        var secret = key.Value?.Trim() ?? "";
        if ((isRequired || secret.Length > 0) && !IsSecret(secret))
            failures.Add($"{key.Path} must be {EventReceiver.SecretPrefix} and base64 of {ShortestSecret} to {LongestSecret} bytes.");
        return secret;
    }

    private static bool IsSecret(string secret)
    {
        Span<byte> bytes = stackalloc byte[LongestSecret + 3];
        return secret.StartsWith(EventReceiver.SecretPrefix, StringComparison.Ordinal)
            && Convert.TryFromBase64String(secret[EventReceiver.SecretPrefix.Length..], bytes, out var length)
            && length is >= ShortestSecret and <= LongestSecret;
    }

    /// <summary>A list, or one value with commas. Without a value, all types.</summary>
    private static string ReadEvents(IConfigurationSection key, List<string> failures)
    {
        List<string> events = [.. key.GetChildren().Select(child => child.Value).Prepend(key.Value).OfType<string>()
            .SelectMany(value => value.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))];
        failures.AddRange(events.Except(EventTypes.All, StringComparer.Ordinal).Select(
            other => $"{key.Path} has \"{other}\"; the types are {string.Join(", ", EventTypes.All)}."));
        return string.Join(',', events.Count == 0 ? EventTypes.All : events.Distinct(StringComparer.Ordinal));
    }

    /// <summary>The options of the receivers have no values of their own: the validator names the keys at the start.</summary>
    internal sealed class Options;

    internal sealed class Validator(IConfiguration configuration) : IValidateOptions<Options>
    {
        public ValidateOptionsResult Validate(string? name, Options options) => Read(configuration).Failures is { Count: > 0 } failures
            ? ValidateOptionsResult.Fail(failures) : ValidateOptionsResult.Success;
    }
}
