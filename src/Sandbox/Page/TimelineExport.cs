using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Calls.Api;
using Calls.Infrastructure.Twilio;
using Calls.Sandbox.Replay;
using Calls.Sandbox.Twilio;
using Microsoft.Extensions.Options;

namespace Calls.Sandbox.Page;

/// <summary>Exports the timeline and a recording as one document without personal data.</summary>
/// <remarks>
/// A phone number, a client identity or a label is replaced by the same pseudonym everywhere. Session ids and SIDs stay, because they do
/// not identify a person.
/// </remarks>
internal sealed partial class TimelineExport
{
    /// <summary>Words of the protocol that are never replaced, even if they are also a name.</summary>
    /// <remarks>Without them the document could not be read.</remarks>
    private static readonly string[] ProtocolWords =
    [
        "call", "callee", "caller", "calls", "client", "conference", "completed", "false", "guest", "join", "left", "participants",
        "sessions", "true", "twilio", "v1", "voice",
    ];

    private static readonly JsonSerializerOptions Unescaped = new()
    {
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    private readonly Dictionary<string, string> pseudonyms = new(StringComparer.Ordinal);
    private readonly Regex? pattern;

    private TimelineExport(IEnumerable<string> addresses, IReadOnlyList<JournalEntry> entries)
    {
        var details = entries.SelectMany(entry => entry.Details).ToList();
        var texts = entries.SelectMany(entry => entry.Details.Select(detail => detail.Value).Append(entry.What).Append(entry.Who))
            .Concat(addresses).ToList();
        AddPseudonyms(
            "person",
            texts.SelectMany(text => Identity().Matches(text)).Select(match => Uri.UnescapeDataString(match.Groups["name"].Value)));
        AddPseudonyms(
            "person",
            details.Where(detail => detail.Key is "From" or "To" or "Caller" or "Called")
                .Select(detail => detail.Value)
                .Where(party => !Number().IsMatch(party) && !party.Contains(':')));
        AddPseudonyms("phone", texts.SelectMany(text => Number().Matches(text)).Select(match => match.Groups["digits"].Value));
        AddPseudonyms(
            "label",
            entries.OfType<FrontendAsked>().SelectMany(asked => Label().Matches(asked.Body + asked.Answer))
                .Select(match => Regex.Unescape(match.Groups["name"].Value)));

        // The path of a leave names the callee, encoded.
        foreach (var address in addresses)
            if (pseudonyms.Where(known => address.EndsWith(known.Key, StringComparison.Ordinal)).MaxBy(known => known.Key.Length)
                is { Key: { } name, Value: var other })
                pseudonyms.TryAdd(CallbackUrls.Encode(address), CallbackUrls.Encode(address[..^name.Length] + other));

        // The longest word first: if one name begins with another name, the whole name is replaced.
        var words = pseudonyms.Keys.SelectMany(word => new[] { word, Uri.EscapeDataString(word) })
            .Distinct(StringComparer.Ordinal).OrderByDescending(word => word.Length).Select(Regex.Escape).ToList();
        if (words.Count > 0)
        {
            // A number in the address of an app has %2B in front.
            pattern = new Regex(
                $"(?:(?<![A-Za-z0-9])|(?<=%2B))(?:{string.Join('|', words)})(?![A-Za-z0-9])", RegexOptions.CultureInvariant,
                TimeSpan.FromSeconds(1));
        }
    }

    /// <summary>Exports the journal since the start of the sandbox, with a recording that can be replayed.</summary>
    public static async Task<object> OfAsync(
        SandboxHost host, IReadOnlyList<string> faults, GuaranteeView guarantees, CancellationToken cancellationToken)
    {
        var addresses = await host.Twilio.AskAsync(cloud => cloud.Phones.Select(phone => phone.Address).ToList());
        var journal = host.Twilio.Journal;
        var (entries, ends) = await ReadStateAsync(host, cancellationToken);
        var now = TimeProvider.System.GetUtcNow();
        entries = [.. entries.Select(entry => entry switch
        {
            FrontendAsked asked => asked with { Body = Normalize(asked.Body), Answer = Normalize(asked.Answer) },
            RestAnswered answered => answered with { Body = Normalize(answered.Body) },
            _ => entry,
        })];
        var export = new TimelineExport(addresses, entries);
        return new
        {
            What = "The timeline of a Calls sandbox. Phone numbers, identities and labels are pseudonyms. "
                + "To replay it, run: dotnet run --project src/Sandbox -- replay FILE",
            Faults = faults,
            Guarantees = guarantees with { What = [.. guarantees.What.Select(export.Pseudonymize)] },
            Entries = entries.Select(entry => EntryView.Of(entry, export.Pseudonymize)),
            Recording = new CallRecording(
                CallRecording.CurrentVersion,
                entries is [var first, ..] ? first.At : now,
                now,
                journal.Dropped == 0,
                RulesOf(host),
                CallRecording.StepsOf(entries, export.Pseudonymize),
                [.. ends.Select(end => new RecordedEnd(end.Session, Document(end.Document)))]),
        };

        JsonElement? Document(string? json) => json is null ? null : JsonElement.Parse(export.Pseudonymize(Normalize(json)));
    }

    /// <summary>
    /// Reads the journal and the sessions at the same moment: no request is open, and no entry was added while the sessions were read.
    /// </summary>
    /// <remarks>After one second it gives the state as it is, because an open request may take long.</remarks>
    private static async Task<(IReadOnlyList<JournalEntry> Entries, IReadOnlyList<(string Session, string? Document)> Ends)> ReadStateAsync(
        SandboxHost host, CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            var entries = host.Twilio.Journal.Entries;
            var ends = new List<(string Session, string? Document)>();
            foreach (var session in CallRecording.SessionsOf(entries))
            {
                var path = $"/v1/sessions/{Uri.EscapeDataString(session)}";
                var token = host.TokenFor("operator", "calls.operate");
                var (status, body) = await host.RestAsync(HttpMethod.Get, path, token, cancellationToken: cancellationToken);
                ends.Add((session, status == System.Net.HttpStatusCode.OK ? body : null));
            }

            var openWebhooks = entries.OfType<WebhookSent>().Select(sent => sent.Number)
                .Except(entries.OfType<WebhookAnswered>().Select(answer => answer.Request));
            var openRequests = entries.OfType<RestRequested>().Select(asked => asked.Number)
                .Except(entries.OfType<RestAnswered>().Select(answer => answer.Request));
            var newest = entries is [.., var last] ? last.Number : 0;
            if (attempt == 20 || (!openWebhooks.Any() && !openRequests.Any() && newest == host.Twilio.Journal.Last))
                return (entries, ends);
            await Task.Delay(TimeSpan.FromMilliseconds(50), cancellationToken);
        }
    }

    private static Dictionary<string, string> RulesOf(SandboxHost host)
    {
        var options = host.Services.GetRequiredService<IOptions<CallsOptions>>().Value;
        string[] values =
        [
            options.RingTimeout.ToString(), options.QueueTimeout.ToString(), options.JoinGrace.ToString(),
            options.ReviewInterval.ToString(),
            options.MaxParticipants.ToString(CultureInfo.InvariantCulture),
            options.Dialing.PerSession.ToString(CultureInfo.InvariantCulture), options.RejoinGrace.ToString(),
        ];
        return CallRecording.KnownRules.Zip(values).ToDictionary(rule => rule.First, rule => rule.Second, StringComparer.Ordinal);
    }

    /// <summary>Writes JSON without escapes, so that every name is found, and phone numbers without spaces and brackets.</summary>
    /// <remarks>A body that is not JSON is left out, because names in it could not be found.</remarks>
    private static string Normalize(string body)
    {
        if (body.Length == 0)
            return body;
        try
        {
            var text = JsonElement.Parse(body) is var json ? JsonSerializer.Serialize(json, Unescaped) : "";
            text = FormattedField().Replace(text, "${name}\"");
            return PhoneNumberField().Replace(
                text, match => match.Groups["name"].Value + "+" + string.Concat(match.Groups["number"].Value.Where(char.IsAsciiDigit)));
        }
        catch (JsonException)
        {
            return "(not JSON)";
        }
    }

    private void AddPseudonyms(string kind, IEnumerable<string> words)
    {
        var count = pseudonyms.Values.Count(value => value.StartsWith(kind, StringComparison.Ordinal));
        foreach (var word in words.Where(word => word.Length > 0 && !ProtocolWords.Contains(word, StringComparer.Ordinal)))
        {
            if (pseudonyms.TryAdd(word, string.Create(CultureInfo.InvariantCulture, $"{kind}-{count + 1}")))
                count++;
        }
    }

    private string Pseudonymize(string text) => pattern is null ? text : pattern.Replace(text, match =>
        pseudonyms.GetValueOrDefault(match.Value) ?? pseudonyms.GetValueOrDefault(Uri.UnescapeDataString(match.Value), "hidden"));

    [GeneratedRegex(
        "(?<name>\"phoneNumber\"\\s*:\\s*\")(?<number>\\s*\\+[0-9 ()./-]{6,40})",
        RegexOptions.ExplicitCapture | RegexOptions.IgnoreCase,
        matchTimeoutMilliseconds: 1000)]
    private static partial Regex PhoneNumberField();

    /// <summary>Twilio repeats a number in a field with spaces and brackets, for example <c>to_formatted</c>.</summary>
    [GeneratedRegex("(?<name>\"[a-z_]+_formatted\"\\s*:\\s*\")[^\"]*\"", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex FormattedField();

    [GeneratedRegex(
        "client(:|%3A)(?<name>[^\\s\"'<>&?/,;()]+)",
        RegexOptions.ExplicitCapture | RegexOptions.IgnoreCase,
        matchTimeoutMilliseconds: 1000)]
    private static partial Regex Identity();

    [GeneratedRegex(
        "(\\+|%2B)(?<digits>[0-9]{6,15})", RegexOptions.ExplicitCapture | RegexOptions.IgnoreCase, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Number();

    [GeneratedRegex("\"label\"\\s*:\\s*\"(?<name>([^\"\\\\]|\\\\.)+)\"", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Label();
}

/// <summary>A journal entry as the page and the export get it.</summary>
internal sealed record EntryView(
    long Number,
    DateTimeOffset At,
    JournalKind Kind,
    string Who,
    string What,
    string? CallSid,
    string? ConferenceSid,
    IEnumerable<KeyValuePair<string, string>> Details)
{
    public static EntryView Of(JournalEntry entry, Func<string, string>? hide = null)
    {
        hide ??= text => text;
        return new EntryView(
            entry.Number, entry.At, entry.Kind, hide(entry.Who), hide(entry.What), entry.CallSid, entry.ConferenceSid,
            entry.Details.Select(detail => KeyValuePair.Create(detail.Key, hide(detail.Value))));
    }
}
