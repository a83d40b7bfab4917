using System.Text.RegularExpressions;

namespace Calls.Observability.Tests;

/// <summary>docs/telemetry.md against the code, both ways: what is missing there, and what is there no more.</summary>
public sealed partial class The_page_says_what_the_code_does
{
    private static readonly string Root = FindRoot();
    private static readonly string Page = File.ReadAllText(Path.Combine(Root, "docs", "telemetry.md"));
    private static readonly string Code = string.Join('\n', new[] { "Application", "Infrastructure", "Api" }
        .SelectMany(part => Directory.EnumerateFiles(Path.Combine(Root, "src", part), "*.cs", SearchOption.AllDirectories))
        .Where(file => !file.Contains($"{Path.DirectorySeparatorChar}obj{Path.DirectorySeparatorChar}", StringComparison.Ordinal))
        .Select(File.ReadAllText));

    [Fact]
    public void Every_metric_of_the_code_is_on_the_page_with_its_unit_and_the_other_way_round()
    {
        var coded = Instruments().Matches(Code).Select(m => $"{m.Groups["name"].Value} {m.Groups["unit"].Value}").Order(StringComparer.Ordinal).ToList();
        coded.Count.ShouldBeGreaterThan(25);
        MetricRows().Matches(Page).Select(m => $"{m.Groups["name"].Value} {m.Groups["unit"].Value}").Order(StringComparer.Ordinal).ToList().ShouldBe(coded);
    }

    [Fact]
    public void Every_log_event_of_the_code_is_on_the_page_with_its_level_and_no_id_means_two_things()
    {
        var coded = LogMessages().Matches(Code).Select(m => m.Groups["id"].Value).Order(StringComparer.Ordinal).ToList();
        coded.Count.ShouldBeGreaterThan(10);
        coded.ShouldBeUnique();
        LogRows().Matches(Page).Select(m => m.Groups["id"].Value).Order(StringComparer.Ordinal).ToList().ShouldBe(coded);
        foreach (Match message in LogMessages().Matches(Code))
            if (message.Groups["level"].Success)
                Page.ShouldContain($"| {message.Groups["id"].Value} | {message.Groups["level"].Value} |");
    }

    [Fact]
    public void Every_span_of_the_code_is_on_the_page_and_the_other_way_round()
    {
        var useCases = UseCases().Matches(Code).Select(m => m.Groups["name"].Value);
        var effects = Effects().Matches(File.ReadAllText(Path.Combine(Root, "src", "Domain", "Effect.cs"))).Select(m => "effect " + m.Groups["name"].Value);
        var twilio = Operations().Matches(Code).Select(m => "Twilio " + m.Groups["name"].Value);
        var redis = Commands().Matches(Code).Select(m => m.Groups["name"].Value);
        var coded = useCases.Concat(effects).Concat(twilio).Concat(redis).Concat(["call", "review"]).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal).ToList();
        coded.Count.ShouldBeGreaterThan(30);
        var section = Page[Page.IndexOf("## Spans", StringComparison.Ordinal)..Page.IndexOf("## Metrics", StringComparison.Ordinal)];
        SpanNames().Matches(section).Select(m => m.Groups["name"].Value).Order(StringComparer.Ordinal).ToList().ShouldBe(coded);
    }

    private static string FindRoot()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "Calls.sln")))
            folder = folder.Parent ?? throw new InvalidOperationException("No Calls.sln above the tests");
        return folder.FullName;
    }

    /// <summary>Names and units as they are created; an observable instrument has its callback between the two.</summary>
    [GeneratedRegex("""Create(?:Counter|Histogram|Gauge|ObservableGauge)(?:<\w+>)?\(\s*"(?<name>calls\.[^"]+)",(?:\s*\(\) =>.*?,)?\s*"(?<unit>[^"]+)", """, RegexOptions.Singleline)]
    private static partial Regex Instruments();

    [GeneratedRegex("""^\| `(?<name>calls\.[a-z_.]+)` \| (?<unit>\S+) \|""", RegexOptions.Multiline)]
    private static partial Regex MetricRows();

    [GeneratedRegex("""LoggerMessage\((?:EventId = )?(?<id>\d+), (?:LogLevel\.(?<level>\w+))?""")]
    private static partial Regex LogMessages();

    [GeneratedRegex("""^\| (?<id>\d{4}) \|""", RegexOptions.Multiline)]
    private static partial Regex LogRows();

    [GeneratedRegex("""record (?<name>\w+)\([^)]*\)\s*:\s*IRequest<CallReply>, ISessionCommand""")]
    private static partial Regex UseCases();

    [GeneratedRegex("""sealed record (?<name>\w+)\(.*\) : Effect""")]
    private static partial Regex Effects();

    [GeneratedRegex("""new\("(?<name>\w+\.\w+)", RequestKind\.""")]
    private static partial Regex Operations();

    [GeneratedRegex("""redis\.RunAsync\("(?<name>[^"]+)""")]
    private static partial Regex Commands();

    [GeneratedRegex("""`(?<name>[^`]+)`""")]
    private static partial Regex SpanNames();
}
