using System.Globalization;
using System.Text.RegularExpressions;
using Calls.Sandbox.Twilio;

namespace Calls.Sandbox.Page;

/// <summary>The timeline as one document that may be shown to others: who somebody is is replaced by the same pseudonym everywhere.</summary>
/// <remarks>Phone numbers, client identities, and the labels that people were given. Session ids and SIDs stay: they are nobody's.</remarks>
internal sealed partial class TimelineExport
{
    private readonly Dictionary<string, string> pseudonyms = new(StringComparer.Ordinal);
    private readonly Regex? known;

    private TimelineExport(IEnumerable<string> addresses, IReadOnlyList<JournalEntry> entries)
    {
        var texts = entries.SelectMany(entry => entry.Details.Select(detail => detail.Value).Append(entry.What).Append(entry.Who)).Concat(addresses).ToList();
        Name("person", texts.SelectMany(text => Identity().Matches(text)).Select(match => Uri.UnescapeDataString(match.Groups["name"].Value)));
        Name("person", entries.SelectMany(entry => entry.Details).Where(detail => detail.Key is "From" or "To" or "Caller" or "Called" && !Number().IsMatch(detail.Value) && !detail.Value.Contains(':')).Select(detail => detail.Value));
        Name("phone", texts.SelectMany(text => Number().Matches(text)).Select(match => match.Groups["digits"].Value));
        Name("label", texts.SelectMany(text => Label().Matches(text)).Select(match => Regex.Unescape(match.Groups["name"].Value)));
        // The longest first, so that a name that begins with another is not cut in two.
        var words = pseudonyms.Keys.SelectMany(word => new[] { word, Uri.EscapeDataString(word) }).Distinct(StringComparer.Ordinal).OrderByDescending(word => word.Length).Select(Regex.Escape).ToList();
        if (words.Count > 0)
            known = new Regex($"(?<![A-Za-z0-9])(?:{string.Join('|', words)})(?![A-Za-z0-9])", RegexOptions.CultureInvariant, TimeSpan.FromSeconds(1));
    }

    public static object Of(IEnumerable<string> addresses, IReadOnlyList<JournalEntry> entries, PageState state)
    {
        var export = new TimelineExport(addresses, entries);
        return new
        {
            What = "The timeline of a Calls sandbox. Phone numbers, identities and labels are pseudonyms.",
            Faults = state.Faults,
            Guarantees = state.Guarantees with { What = [.. state.Guarantees.What.Select(export.Hide)] },
            Entries = entries.Select(entry => EntryView.Of(entry, export.Hide)),
        };
    }

    private void Name(string kind, IEnumerable<string> words)
    {
        var count = pseudonyms.Values.Count(value => value.StartsWith(kind, StringComparison.Ordinal));
        foreach (var word in words.Where(word => word.Length > 0))
        {
            if (pseudonyms.TryAdd(word, string.Create(CultureInfo.InvariantCulture, $"{kind}-{count + 1}")))
                count++;
        }
    }

    private string Hide(string text) => known is null ? text : known.Replace(text, match => pseudonyms.GetValueOrDefault(match.Value) ?? pseudonyms.GetValueOrDefault(Uri.UnescapeDataString(match.Value), "hidden"));

    [GeneratedRegex("client(:|%3A)(?<name>[^\\s\"'<>&?/,;()]+)", RegexOptions.ExplicitCapture | RegexOptions.IgnoreCase, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Identity();

    [GeneratedRegex("(\\+|%2B)(?<digits>[0-9]{6,15})", RegexOptions.ExplicitCapture | RegexOptions.IgnoreCase, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Number();

    [GeneratedRegex("\"label\"\\s*:\\s*\"(?<name>([^\"\\\\]|\\\\.)+)\"", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Label();
}

/// <summary>One thing that happened, as the page gets it.</summary>
internal sealed record EntryView(
    long Number, DateTimeOffset At, JournalKind Kind, string Who, string What, string? CallSid, string? ConferenceSid, IEnumerable<KeyValuePair<string, string>> Details)
{
    public static EntryView Of(JournalEntry entry, Func<string, string>? hide = null)
    {
        hide ??= text => text;
        return new EntryView(
            entry.Number, entry.At, entry.Kind, hide(entry.Who), hide(entry.What), entry.CallSid, entry.ConferenceSid,
            entry.Details.Select(detail => KeyValuePair.Create(detail.Key, hide(detail.Value))));
    }
}
