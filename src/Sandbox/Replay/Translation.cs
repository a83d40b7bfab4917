using System.Globalization;
using System.Text.RegularExpressions;

namespace Calls.Sandbox.Replay;

/// <summary>What is chosen anew in every run (a room's random part, a guest's id), and the numbers that stand for a recording's pseudonyms: there and back.</summary>
internal sealed partial class Translation
{
    private const string Numbers = "1555020";
    private readonly Lock gate = new();
    private readonly Dictionary<string, string> replayed = new(StringComparer.Ordinal);

    /// <summary>Notes that what was called one thing in the recording is called another here.</summary>
    public void Learn(string? recorded, string? now)
    {
        if (recorded is not { Length: > 0 } || now is not { Length: > 0 } || recorded == now)
            return;
        lock (gate)
            replayed.TryAdd(recorded, now);
    }

    /// <summary>From the recording's words to this run's.</summary>
    public string ToRun(string text)
    {
        text = Pseudonym().Replace(text, match => Numbers + int.Parse(match.Groups["n"].Value, CultureInfo.InvariantCulture).ToString("0000", CultureInfo.InvariantCulture));
        return Each(text, pair => (pair.Key, pair.Value));
    }

    /// <summary>From this run's words to the recording's.</summary>
    public string ToRecording(string text)
    {
        text = Number().Replace(text, match => "phone-" + int.Parse(match.Groups["n"].Value, CultureInfo.InvariantCulture).ToString(CultureInfo.InvariantCulture));
        return Each(text, pair => (pair.Value, pair.Key));
    }

    private string Each(string text, Func<KeyValuePair<string, string>, (string From, string To)> way)
    {
        lock (gate)
        {
            foreach (var (from, to) in replayed.Select(way))
                text = text.Replace(from, to, StringComparison.Ordinal);
        }

        return text;
    }

    [GeneratedRegex(@"(?<![A-Za-z0-9])phone-(?<n>[0-9]{1,4})(?![A-Za-z0-9])", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Pseudonym();

    [GeneratedRegex(Numbers + "(?<n>[0-9]{4})(?![0-9])", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Number();
}
