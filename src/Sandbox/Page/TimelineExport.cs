using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Calls.Api;
using Calls.Sandbox.Replay;
using Calls.Sandbox.Twilio;
using Microsoft.Extensions.Options;

namespace Calls.Sandbox.Page;

/// <summary>The timeline as one document that may be shown to others: who somebody is is replaced by the same pseudonym everywhere.</summary>
/// <remarks>Phone numbers, client identities, and the labels that people were given. Session ids and SIDs stay: they are nobody's.</remarks>
internal sealed partial class TimelineExport
{
    /// <summary>Words of the protocol: as somebody's name they say nothing, and under a pseudonym the rest could not be read.</summary>
    private static readonly string[] Structure =
        ["call", "callee", "caller", "calls", "client", "conference", "completed", "false", "guest", "join", "left", "participants", "sessions", "true", "twilio", "v1", "voice"];

    private static readonly JsonSerializerOptions Unescaped = new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly Dictionary<string, string> pseudonyms = new(StringComparer.Ordinal);
    private readonly Regex? known;

    private TimelineExport(IEnumerable<string> addresses, IReadOnlyList<JournalEntry> entries)
    {
        var texts = entries.SelectMany(entry => entry.Details.Select(detail => detail.Value).Append(entry.What).Append(entry.Who)).Concat(addresses).ToList();
        Name("person", texts.SelectMany(text => Identity().Matches(text)).Select(match => Uri.UnescapeDataString(match.Groups["name"].Value)));
        Name("person", entries.SelectMany(entry => entry.Details).Where(detail => detail.Key is "From" or "To" or "Caller" or "Called" && !Number().IsMatch(detail.Value) && !detail.Value.Contains(':')).Select(detail => detail.Value));
        Name("phone", texts.SelectMany(text => Number().Matches(text)).Select(match => match.Groups["digits"].Value));
        Name("label", entries.OfType<FrontendAsked>().SelectMany(asked => Label().Matches(asked.Body + asked.Answer)).Select(match => Regex.Unescape(match.Groups["name"].Value)));
        // The longest first, so that a name that begins with another is not cut in two.
        var words = pseudonyms.Keys.SelectMany(word => new[] { word, Uri.EscapeDataString(word) }).Distinct(StringComparer.Ordinal).OrderByDescending(word => word.Length).Select(Regex.Escape).ToList();
        if (words.Count > 0)
            known = new Regex($"(?<![A-Za-z0-9])(?:{string.Join('|', words)})(?![A-Za-z0-9])", RegexOptions.CultureInvariant, TimeSpan.FromSeconds(1));
    }

    /// <summary>Everything since the sandbox's start, and a recording of it that can be replayed.</summary>
    public static async Task<object> OfAsync(SandboxHost host, IReadOnlyList<string> faults, GuaranteeView guarantees, CancellationToken cancellationToken)
    {
        var addresses = await host.Twilio.AskAsync(cloud => cloud.Phones.Select(phone => phone.Address).ToList());
        var journal = host.Twilio.Journal;
        var (entries, ends) = await StandAsync(host, cancellationToken);
        var now = TimeProvider.System.GetUtcNow();
        entries = [.. entries.Select(entry => entry switch
        {
            FrontendAsked asked => asked with { Body = Plain(asked.Body), Answer = Plain(asked.Answer) },
            RestAnswered answered => answered with { Body = Plain(answered.Body) },
            _ => entry,
        })];
        var export = new TimelineExport(addresses, entries);
        return new
        {
            What = "The timeline of a Calls sandbox. Phone numbers, identities and labels are pseudonyms. To play it again: dotnet run --project src/Sandbox -- replay FILE",
            Faults = faults,
            Guarantees = guarantees with { What = [.. guarantees.What.Select(export.Hide)] },
            Entries = entries.Select(entry => EntryView.Of(entry, export.Hide)),
            Recording = new CallRecording(
                CallRecording.CurrentVersion,
                entries is [var first, ..] ? first.At : now,
                now,
                journal.Dropped == 0,
                RulesOf(host),
                CallRecording.StepsOf(entries, export.Hide),
                [.. ends.Select(end => new RecordedEnd(end.Session, end.Document is null ? null : JsonElement.Parse(export.Hide(Plain(end.Document)))))]),
        };
    }

    /// <summary>The journal and the calls at one moment: with nothing under way, and nothing new while the calls were asked for. After a second, as they are: what is under way then may be so for long.</summary>
    private static async Task<(IReadOnlyList<JournalEntry> Entries, IReadOnlyList<(string Session, string? Document)> Ends)> StandAsync(SandboxHost host, CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            var entries = host.Twilio.Journal.Entries;
            var ends = new List<(string Session, string? Document)>();
            foreach (var session in CallRecording.SessionsOf(entries))
            {
                var (status, body) = await host.RestAsync(
                    HttpMethod.Get, $"/v1/sessions/{Uri.EscapeDataString(session)}", host.TokenFor("operator", "calls.operate"), cancellationToken: cancellationToken);
                ends.Add((session, status == System.Net.HttpStatusCode.OK ? body : null));
            }

            var underWay = entries.OfType<WebhookSent>().Select(sent => sent.Number).Except(entries.OfType<WebhookAnswered>().Select(answer => answer.Request))
                .Concat(entries.OfType<RestRequested>().Select(asked => asked.Number).Except(entries.OfType<RestAnswered>().Select(answer => answer.Request)));
            if (attempt == 20 || (!underWay.Any() && (entries is [.., var newest] ? newest.Number : 0) == host.Twilio.Journal.Last))
                return (entries, ends);
            await Task.Delay(TimeSpan.FromMilliseconds(50), cancellationToken);
        }
    }

    private static Dictionary<string, string> RulesOf(SandboxHost host)
    {
        var options = host.Services.GetRequiredService<IOptions<CallsOptions>>().Value;
        string[] values =
        [
            options.RingTimeout.ToString(), options.JoinGrace.ToString(), options.ReviewInterval.ToString(),
            options.MaxParticipants.ToString(CultureInfo.InvariantCulture), options.Dialing.PerSession.ToString(CultureInfo.InvariantCulture),
        ];
        return CallRecording.KnownRules.Zip(values).ToDictionary(rule => rule.First, rule => rule.Second, StringComparer.Ordinal);
    }

    /// <summary>JSON with its characters as they are, so that a name is found however it was escaped; a number that was written with spaces or brackets is the same number. What is no JSON is nobody's to read.</summary>
    private static string Plain(string body)
    {
        if (body.Length == 0)
            return body;
        try
        {
            var text = JsonElement.Parse(body) is var json ? JsonSerializer.Serialize(json, Unescaped) : "";
            text = Formatted().Replace(text, "${name}\"");
            return Written().Replace(text, match => match.Groups["name"].Value + "+" + string.Concat(match.Groups["number"].Value.Where(char.IsAsciiDigit)));
        }
        catch (JsonException)
        {
            return "(not JSON)";
        }
    }

    private void Name(string kind, IEnumerable<string> words)
    {
        var count = pseudonyms.Values.Count(value => value.StartsWith(kind, StringComparison.Ordinal));
        foreach (var word in words.Where(word => word.Length > 0 && !Structure.Contains(word, StringComparer.Ordinal)))
        {
            if (pseudonyms.TryAdd(word, string.Create(CultureInfo.InvariantCulture, $"{kind}-{count + 1}")))
                count++;
        }
    }

    private string Hide(string text) => known is null ? text : known.Replace(text, match => pseudonyms.GetValueOrDefault(match.Value) ?? pseudonyms.GetValueOrDefault(Uri.UnescapeDataString(match.Value), "hidden"));

    [GeneratedRegex("(?<name>\"phoneNumber\"\\s*:\\s*\")(?<number>\\s*\\+[0-9 ()./-]{6,40})", RegexOptions.ExplicitCapture | RegexOptions.IgnoreCase, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Written();

    /// <summary>Twilio gives a number twice: once for people.</summary>
    [GeneratedRegex("(?<name>\"[a-z_]+_formatted\"\\s*:\\s*\")[^\"]*\"", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Formatted();

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
