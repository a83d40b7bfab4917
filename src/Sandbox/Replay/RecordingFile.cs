using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Calls.Sandbox.Replay;

/// <summary>Reads the recording in an exported file. An error names the field that cannot be used.</summary>
internal static class RecordingFile
{
    public static JsonSerializerOptions Json { get; } = new(JsonSerializerDefaults.Web)
    {
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.KebabCaseLower, allowIntegerValues: false) },
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
    };

    /// <exception cref="RecordingException">The text is not a recording that can be replayed.</exception>
    public static CallRecording Read(string text)
    {
        JsonElement root;
        try
        {
            root = JsonElement.Parse(text);
        }
        catch (JsonException e)
        {
            throw new RecordingException($"The file is not JSON: line {e.LineNumber + 1}, position {e.BytePositionInLine}.");
        }

        if (root.ValueKind != JsonValueKind.Object
            || !root.TryGetProperty("recording", out var recording)
            || recording.ValueKind != JsonValueKind.Object)
        {
            throw new RecordingException("recording: is missing. Only a file that the sandbox has exported can be replayed.");
        }

        const int Current = CallRecording.CurrentVersion;
        if (!recording.TryGetProperty("version", out var version) || !version.TryGetInt32(out var number) || number != Current)
            throw new RecordingException($"recording.version: is not {Current}. Another version of the sandbox wrote this file.");
        CallRecording read;
        try
        {
            read = recording.Deserialize<CallRecording>(Json)!;
        }
        catch (JsonException e)
        {
            throw new RecordingException($"recording{e.Path?.TrimStart('$')}: {e.Message.Split(" Path:")[0]}");
        }

        Check(read);
        return read;
    }

    private static void Check(CallRecording recording)
    {
        Require(recording.Complete, "complete", "is false: the journal of the sandbox was full and has lost its first entries");
        var length = recording.Until - recording.From;
        Require(length >= TimeSpan.Zero && length < TimeSpan.FromDays(1), "until", "is not within one day after recording.from");
        foreach (var (rule, value) in recording.Rules)
        {
            var isKnown = CallRecording.KnownRules.Contains(rule, StringComparer.Ordinal);
            Require(isKnown, $"rules.{rule}", "is not a rule that a recording may set");
            var isDuration = TimeSpan.TryParse(value, CultureInfo.InvariantCulture, out var duration)
                && (duration > TimeSpan.Zero || (duration == TimeSpan.Zero && rule.EndsWith(":RejoinGrace", StringComparison.Ordinal)));
            var isCount = int.TryParse(value, CultureInfo.InvariantCulture, out var count) && count > 0;
            var takesCount = rule.Contains(":Max", StringComparison.Ordinal) || rule.Contains(":Per", StringComparison.Ordinal);
            var problem = takesCount ? "is not a positive number" : "is not a positive duration";
            Require(takesCount ? isCount : isDuration, $"rules.{rule}", problem);
        }

        Require(recording.Steps.Any(step => step.Kind == StepKind.Webhook), "steps", "contains no webhook, so there is nothing to replay");
        HashSet<(StepKind, long)> requests = [];
        for (var i = 0; i < recording.Steps.Count; i++)
            Check(recording, recording.Steps[i], requests, string.Create(CultureInfo.InvariantCulture, $"steps[{i}]"));
    }

    private static void Check(CallRecording recording, RecordedStep step, HashSet<(StepKind, long)> requests, string at)
    {
        var isInTime = step.At >= recording.From.AddMinutes(-1) && step.At <= recording.Until.AddMinutes(1);
        Require(isInTime, $"{at}.at", "is not between recording.from and recording.until");
        if (step.Kind is StepKind.RestAnswer or StepKind.Answer)
        {
            var request = (step.Kind is StepKind.RestAnswer ? StepKind.Rest : StepKind.Ask, step.Number);
            Require(requests.Contains(request), $"{at}.number", "is not the number of an earlier request");
            Require(step.Status is 0 or (>= 100 and <= 599), $"{at}.status", "is missing, or is not an HTTP status");
            return;
        }

        Require(requests.Add((step.Kind, step.Number)), $"{at}.number", "occurs twice");
        Require(step.Method is "GET" or "POST" or "PATCH" or "DELETE", $"{at}.method", "is missing, or is not GET, POST, PATCH or DELETE");
        var isPath = step.Path is ['/', not '/', ..] && Uri.IsWellFormedUriString(step.Path, UriKind.Relative);
        Require(isPath, $"{at}.path", "is missing, or is not a path");
        Require(step.Kind == StepKind.Ask || step.Parameters is not null, $"{at}.parameters", "is missing");
        var arePairs = step.Parameters is null || step.Parameters.All(pair => pair is [not null, not null]);
        Require(arePairs, $"{at}.parameters", "is not a list of pairs");
        Require(step.Kind != StepKind.Ask || step.Name is { Length: > 0 }, $"{at}.name", "is missing; it is the identity of the frontend");
    }

    private static void Require(bool holds, string field, string what)
    {
        if (!holds)
            throw new RecordingException($"recording.{field}: {what}.");
    }
}

/// <summary>The file cannot be replayed. The message says why.</summary>
internal sealed class RecordingException(string message) : Exception(message);
