using System.Globalization;
using System.Text.RegularExpressions;

namespace Calls.Sandbox.Replay;

/// <summary>Translates names between a recording and its replay, in both directions.</summary>
/// <remarks>
/// The service chooses some names anew in every run: the random part of a conference name, and the id of a guest. Pseudonyms of phone
/// numbers (<c>phone-1</c>) become numbers that the service accepts (<c>+15550200001</c>).
/// </remarks>
internal sealed partial class Translation
{
    private const string NumberPrefix = "1555020";
    private readonly Lock gate = new();
    private readonly Dictionary<string, string> replayed = new(StringComparer.Ordinal);

    /// <summary>Adds a pair: a name in the recording and the name that has its place in the replay.</summary>
    public void Learn(string? recorded, string? now)
    {
        if (recorded is not { Length: > 0 } || now is not { Length: > 0 } || recorded == now)
            return;
        lock (gate)
            replayed.TryAdd(recorded, now);
    }

    /// <summary>Replaces the names of the recording by the names of the replay.</summary>
    public string ToRun(string text)
    {
        text = Pseudonym().Replace(text, match => NumberPrefix + Parse(match).ToString("0000", CultureInfo.InvariantCulture));
        return ReplaceAll(text, pair => (pair.Key, pair.Value));
    }

    /// <summary>Replaces the names of the replay by the names of the recording.</summary>
    public string ToRecording(string text)
    {
        text = Number().Replace(text, match => "phone-" + Parse(match).ToString(CultureInfo.InvariantCulture));
        return ReplaceAll(text, pair => (pair.Value, pair.Key));
    }

    private static int Parse(Match match) => int.Parse(match.Groups["n"].Value, CultureInfo.InvariantCulture);

    private string ReplaceAll(string text, Func<KeyValuePair<string, string>, (string From, string To)> direction)
    {
        lock (gate)
        {
            foreach (var (from, to) in replayed.Select(direction))
                text = text.Replace(from, to, StringComparison.Ordinal);
        }

        return text;
    }

    [GeneratedRegex(
        @"((?<![A-Za-z0-9])|(?<=%2B))phone-(?<n>[0-9]{1,4})(?![A-Za-z0-9])",
        RegexOptions.ExplicitCapture,
        matchTimeoutMilliseconds: 1000)]
    private static partial Regex Pseudonym();

    [GeneratedRegex(NumberPrefix + "(?<n>[0-9]{4})(?![0-9])", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Number();
}
