using System.Text.Json;
using System.Text.Json.Serialization;

namespace Calls.Sandbox.Replay;

/// <summary>Reads the recording in a file that the sandbox exported. What cannot be used is named by its field.</summary>
internal static class RecordingFile
{
    public static JsonSerializerOptions Json { get; } = new(JsonSerializerDefaults.Web)
    {
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.KebabCaseLower, allowIntegerValues: false) },
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
    };

    /// <exception cref="RecordingException">It cannot be used.</exception>
    public static CallRecording Read(string text)
    {
        JsonElement root;
        try
        {
            root = JsonElement.Parse(text);
        }
        catch (JsonException e)
        {
            throw new RecordingException($"It is not JSON: line {e.LineNumber + 1}, position {e.BytePositionInLine}.");
        }

        if (root.ValueKind != JsonValueKind.Object || !root.TryGetProperty("recording", out var recording) || recording.ValueKind != JsonValueKind.Object)
            throw new RecordingException("recording: is missing. Only a file that the sandbox exported can be replayed.");
        if (!recording.TryGetProperty("version", out var version) || !version.TryGetInt32(out var number) || number != CallRecording.CurrentVersion)
            throw new RecordingException($"recording.version: is not {CallRecording.CurrentVersion}; another release of the sandbox wrote this file.");
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
        Demand(recording.Complete, "complete", "is false: the beginning is missing, the sandbox had been running for too long");
        Demand(recording.Until >= recording.From && recording.Until - recording.From < TimeSpan.FromDays(1), "until", "is not within a day after recording.from");
        foreach (var (rule, value) in recording.Rules)
        {
            Demand(CallRecording.KnownRules.Contains(rule, StringComparer.Ordinal), $"rules.{rule}", "is not a rule that a recording may set");
            var isDuration = TimeSpan.TryParse(value, System.Globalization.CultureInfo.InvariantCulture, out var duration) && duration > TimeSpan.Zero;
            var isCount = int.TryParse(value, System.Globalization.CultureInfo.InvariantCulture, out var count) && count > 0;
            Demand(rule.Contains(":Max", StringComparison.Ordinal) || rule.Contains(":Per", StringComparison.Ordinal) ? isCount : isDuration, $"rules.{rule}", "is not what this rule takes");
        }

        Demand(recording.Steps.Any(step => step.Kind == StepKind.Webhook), "steps", "has no webhook: there is nothing to replay");
        HashSet<(StepKind, long)> asked = [];
        for (var i = 0; i < recording.Steps.Count; i++)
            Check(recording, recording.Steps[i], asked, string.Create(System.Globalization.CultureInfo.InvariantCulture, $"steps[{i}]"));
    }

    private static void Check(CallRecording recording, RecordedStep step, HashSet<(StepKind, long)> asked, string at)
    {
        Demand(step.At >= recording.From.AddMinutes(-1) && step.At <= recording.Until.AddMinutes(1), $"{at}.at", "is outside recording.from and recording.until");
        if (step.Kind is StepKind.RestAnswer or StepKind.Answer)
        {
            Demand(asked.Contains((step.Kind is StepKind.RestAnswer ? StepKind.Rest : StepKind.Ask, step.Number)), $"{at}.number", "answers no request before it");
            Demand(step.Status is 0 or (>= 100 and <= 599), $"{at}.status", "is missing, or no HTTP status");
            return;
        }

        Demand(asked.Add((step.Kind, step.Number)), $"{at}.number", "is there twice");
        Demand(step.Method is "GET" or "POST" or "PATCH" or "DELETE", $"{at}.method", "is missing, or not GET, POST, PATCH or DELETE");
        Demand(step.Path is ['/', not '/', ..] && Uri.IsWellFormedUriString(step.Path, UriKind.Relative), $"{at}.path", "is missing, or no path");
        Demand(step.Kind == StepKind.Ask || step.Parameters is not null, $"{at}.parameters", "is missing");
        Demand(step.Parameters is null || step.Parameters.All(pair => pair is [not null, not null]), $"{at}.parameters", "is not a list of pairs");
        Demand(step.Kind != StepKind.Ask || step.Name is { Length: > 0 }, $"{at}.name", "is missing: who asked?");
    }

    private static void Demand(bool holds, string field, string what)
    {
        if (!holds)
            throw new RecordingException($"recording.{field}: {what}.");
    }
}

/// <summary>A file that cannot be replayed, and why.</summary>
internal sealed class RecordingException(string message) : Exception(message);
