namespace Calls.Sandbox.Replay;

/// <summary>
/// The command <c>replay FILE</c>: replays an exported call and prints the recorded and the replayed results side by side.
/// </summary>
/// <remarks>Exit codes: 0, the results are the same; 1, a result differs; 2, the file cannot be used.</remarks>
internal static class ReplayCommand
{
    private const int ColumnWidth = 56;

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

        var webhooks = recording.Steps.Count(step => step.Kind == StepKind.Webhook);
        var requests = recording.Steps.Count(step => step.Kind == StepKind.Ask);
        await output.WriteLineAsync($"{webhooks} webhooks, {requests} requests of frontends, {recording.End.Count} calls");
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
        await output.WriteLineAsync($"    {"recorded",-ColumnWidth} replayed");
        foreach (var group in comparisons.GroupBy(Heading, StringComparer.Ordinal))
        {
            await output.WriteLineAsync(group.Key);
            foreach (var comparison in group.Where(comparison => !comparison.IsSame || group.Key != "answers"))
                await output.WriteLineAsync(Line(comparison, group.Key == "answers" ? $"   ({comparison.What})" : ""));
            if (group.Key == "answers" && group.All(comparison => comparison.IsSame))
                await output.WriteLineAsync($"  = all {group.Count()} are the same");
        }

        await output.WriteLineAsync();
        await output.WriteLineAsync(different == 0
            ? "The replay ended like the recording."
            : $"{different} of {comparisons.Count} results differ.");
        return different == 0 ? 0 : 1;
    }

    private static string Heading(Comparison comparison) =>
        comparison.What.StartsWith("answer to", StringComparison.Ordinal) ? "answers" : comparison.What;

    private static string Line(Comparison comparison, string note) =>
        $"  {(comparison.IsSame ? "=" : "≠")} {comparison.Recorded,-ColumnWidth} {comparison.Replayed}{note}";
}
