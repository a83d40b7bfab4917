using System.Globalization;
using System.Text.RegularExpressions;
using Calls.Sandbox.Twilio;

namespace Calls.Sandbox.Demo;

/// <summary>Formats journal entries as lines for a person: the time, the phone or webhook, the event and the TwiML.</summary>
public static partial class Timeline
{
    /// <summary>One line for each entry. Times are milliseconds since the first entry.</summary>
    public static IEnumerable<string> Lines(IEnumerable<JournalEntry> entries)
    {
        DateTimeOffset? start = null;
        foreach (var entry in entries)
        {
            start ??= entry.At;
            var at = (entry.At - start.Value).TotalMilliseconds.ToString("0", CultureInfo.InvariantCulture);
            yield return $"{at,6} ms  {Arrow(entry.Kind)} {Who(entry),-16} {Sids().Replace(entry.What, "${start}…")}{TwiML(entry)}";
        }
    }

    private static string Arrow(JournalKind kind) => kind switch
    {
        JournalKind.Phone => "☎ phone    ",
        JournalKind.Heard => "  hears    ",
        JournalKind.Leg => "  leg      ",
        JournalKind.Room => "  room     ",
        JournalKind.Webhook => "→ webhook  ",
        JournalKind.Answer => "← answer   ",
        JournalKind.Rest => "← effect   ",
        JournalKind.RestAnswer => "→ outcome  ",
        JournalKind.Fault => "! fault    ",
        JournalKind.Frontend => "→ frontend ",
        _ => "! error    ",
    };

    private static string Who(JournalEntry entry) => entry.Kind is JournalKind.Room ? "" : entry.Who;

    private static string TwiML(JournalEntry entry) =>
        entry.Kind == JournalKind.Answer && entry.Details is [{ Value: var body }] && body.Contains("<Response>", StringComparison.Ordinal)
            ? $"{Environment.NewLine}                                   {Prolog().Replace(body, "")}"
            : "";

    [GeneratedRegex("""\b(?<start>(CA|CF)[0-9a-f]{4})[0-9a-f]{28}\b""", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Sids();

    [GeneratedRegex("""<\?xml[^>]*\?>""", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Prolog();
}
