namespace Calls.Sandbox.Replay;

/// <summary><c>replay FILE</c>: plays an exported call again, and says whether it ends as it did. 0: it does. 1: it does not. 2: the file cannot be used.</summary>
internal static class ReplayCommand
{
    private const int Width = 56;

    public static async Task<int> RunAsync(string path, TextWriter output, TextWriter errors, CancellationToken cancellationToken = default)
    {
        CallRecording recording;
        try
        {
            recording = RecordingFile.Read(await File.ReadAllTextAsync(path, cancellationToken));
        }
        catch (Exception e) when (e is RecordingException or IOException or UnauthorizedAccessException)
        {
            await errors.WriteLineAsync($"{path} cannot be replayed. {e.Message}");
            return 2;
        }

        await output.WriteLineAsync($"{recording.Steps.Count(step => step.Kind == StepKind.Webhook)} webhooks, {recording.Steps.Count(step => step.Kind == StepKind.Ask)} requests of frontends, {recording.End.Count} calls");
        IReadOnlyList<Comparison> comparisons;
        try
        {
            comparisons = await Replayer.RunAsync(recording, cancellationToken);
        }
        catch (Microsoft.Extensions.Options.OptionsValidationException e)
        {
            await errors.WriteLineAsync($"{path} cannot be replayed. recording.rules: {string.Join(' ', e.Failures)}");
            return 2;
        }

        var different = comparisons.Count(comparison => !comparison.IsSame);
        await output.WriteLineAsync();
        await output.WriteLineAsync($"    {"recorded",-Width} replayed");
        foreach (var group in comparisons.GroupBy(comparison => comparison.What.StartsWith("answer to", StringComparison.Ordinal) ? "answers" : comparison.What, StringComparer.Ordinal))
        {
            await output.WriteLineAsync(group.Key);
            foreach (var comparison in group.Where(comparison => !comparison.IsSame || group.Key != "answers"))
                await output.WriteLineAsync(Line(comparison, group.Key == "answers" ? $"   ({comparison.What})" : ""));
            if (group.Key == "answers" && group.All(comparison => comparison.IsSame))
                await output.WriteLineAsync($"  = all {group.Count()} the same");
        }

        await output.WriteLineAsync();
        await output.WriteLineAsync(different == 0 ? "The same end." : $"{different} of {comparisons.Count} differ.");
        return different == 0 ? 0 : 1;
    }

    private static string Line(Comparison comparison, string note) => $"  {(comparison.IsSame ? "=" : "≠")} {comparison.Recorded,-Width} {comparison.Replayed}{note}";
}
