using System.Globalization;
using System.Text.RegularExpressions;
using Calls.Chart.Tests.Tools;
using YamlDotNet.RepresentationModel;

namespace Calls.Chart.Tests;

/// <summary>promtool tests the alert rules of the chart. A changed threshold must make a test fail.</summary>
public sealed partial class AlertTests
{
    private static readonly string[] TestFiles = ["alerts_test.yaml", "alerts_windows_test.yaml"];

    public static TheoryData<string> Names => [.. Alerts.All.Select(alert => alert.Name)];

    /// <summary>All alerts except the alert that always fires.</summary>
    public static TheoryData<string> NamesWithThresholds =>
        [.. Alerts.All.Select(alert => alert.Name).Where(name => name != "CallsWatchdog")];

    [Fact]
    public async Task Prometheus_takes_the_rules()
    {
        var (exitCode, output) = await Tool.RunAsync(Tool.Promtool(), ["check", "rules", "--lint=all", "--lint-fatal", Alerts.Path]);
        exitCode.ShouldBe(0, output);
    }

    [Fact]
    public async Task What_ships_is_what_is_tested()
    {
        var rendered = await Helm.Four.RenderAsync("full-values.yaml", "--set", "prometheusRule.runbookUrl=");
        var rule = Helm.Documents(rendered).Single(document => document.Contains("kind: PrometheusRule", StringComparison.Ordinal));
        var shipped = string.Join('\n', rule[rule.IndexOf("spec:", StringComparison.Ordinal)..].Split('\n').Skip(1)
            .Select(line => line.Length >= 2 ? line[2..] : line)).Trim();
        shipped.ShouldBe((await File.ReadAllTextAsync(Alerts.Path)).Trim());
    }

    [Fact]
    public async Task Every_alert_fires_beyond_its_threshold_and_is_silent_short_of_it()
    {
        foreach (var file in TestFiles)
        {
            var (exitCode, output) = await Tool.RunAsync(Tool.Promtool(), ["test", "rules", Path.Combine(Tool.Files, file)]);
            exitCode.ShouldBe(0, output);
        }
    }

    [Theory, MemberData(nameof(Names))]
    public void Every_alert_says_how_bad_it_is_what_it_means_and_what_to_do(string name)
    {
        var alert = Alerts.All.Single(alert => alert.Name == name);
        alert.Severity.ShouldBeOneOf("page", "ticket", "none");
        alert.Annotations["summary"].ShouldNotBeNullOrWhiteSpace();
        alert.Annotations["description"].ShouldEndWith(".");
        var anchor = alert.Annotations["runbook_url"].Split('#')[1];
        Runbook.Anchors.ShouldContain(anchor, "docs/runbook.md has a section for every alert");
        alert.Annotations["runbook_url"].ShouldStartWith("https://docs.example.org/calls/runbook.md#",
            customMessage: "prometheusRule.runbookUrl replaces it");
    }

    [Theory, MemberData(nameof(NamesWithThresholds))]
    public async Task A_changed_threshold_fails_the_alerts_own_tests(string name)
    {
        var alert = Alerts.All.Single(alert => alert.Name == name);
        var tests = Alerts.TestsOf(name);
        var directory = Directory.CreateTempSubdirectory("calls-alerts-").FullName;
        try
        {
            await File.WriteAllTextAsync(Path.Combine(directory, "alerts_test.yaml"), tests);
            (await PassesAsync(directory, alert.Yaml())).ShouldBeTrue("alone and unchanged it passes");
            var mutants = Mutants(alert).ToList();
            mutants.ShouldNotBeEmpty();
            foreach (var (what, mutant) in mutants)
                (await PassesAsync(directory, mutant)).ShouldBeFalse($"{name} passes its tests though {what}");
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private static async Task<bool> PassesAsync(string directory, string rules)
    {
        await File.WriteAllTextAsync(Path.Combine(directory, "alerts.yaml"), rules);
        return (await Tool.RunAsync(Tool.Promtool(), ["test", "rules", Path.Combine(directory, "alerts_test.yaml")])).ExitCode == 0;
    }

    /// <summary>Each threshold doubled and halved, and each duration (<c>for</c>) changed.</summary>
    private static IEnumerable<(string What, string Rules)> Mutants(Alert alert)
    {
        foreach (Match match in Threshold().Matches(alert.Expression))
        {
            var number = match.Groups["number"];
            var value = double.Parse(number.Value, CultureInfo.InvariantCulture);
            foreach (var other in value == 0 ? [1d] : new[] { value * 2, value / 2 })
            {
                var text = other.ToString(CultureInfo.InvariantCulture);
                var expression = alert.Expression[..number.Index] + text + alert.Expression[(number.Index + number.Length)..];
                yield return ($"{match.Value} at {match.Index} compares with {text}", (alert with { Expression = expression }).Yaml());
            }
        }

        if (alert.For is { } minutes)
        {
            yield return ($"it must hold for {minutes * 2} minutes", (alert with { For = minutes * 2 }).Yaml());
            yield return ($"it must hold for {minutes - 1} minutes", (alert with { For = minutes - 1 }).Yaml());
        }

        yield return ("its severity is another", (alert with { Severity = alert.Severity == "page" ? "ticket" : "page" }).Yaml());
    }

    [GeneratedRegex(@"(?:>|<|==) \(?(?<number>[0-9.]+)", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Threshold();
}

/// <summary>One alert of <c>files/alerts.yaml</c>.</summary>
internal sealed record Alert(string Name, string Expression, int? For, string Severity, IReadOnlyDictionary<string, string> Annotations)
{
    /// <summary>A rule file with only this alert.</summary>
    public string Yaml() => $"""
        groups:
          - name: one
            rules:
              - alert: {Name}
                expr: |-
        {string.Join('\n', Expression.Split('\n').Select(line => "          " + line))}
                for: {For ?? 0}m
                labels:
                  severity: {Severity}
        """;
}

/// <summary>The content of the alert files.</summary>
internal static class Alerts
{
    public static string Path { get; } = System.IO.Path.Combine(Tool.Files, "alerts.yaml");

    public static IReadOnlyList<Alert> All { get; } =
    [
        .. Rules().Where(rule => rule.Children.ContainsKey("alert")).Select(rule => new Alert(
            Text(rule["alert"]),
            Text(rule["expr"]),
            rule.Children.TryGetValue("for", out var @for) ? int.Parse(Text(@for).TrimEnd('m'), CultureInfo.InvariantCulture) : null,
            Text(rule["labels"]["severity"]),
            ((YamlMappingNode)rule["annotations"]).Children.ToDictionary(pair => Text(pair.Key), pair => Text(pair.Value),
                StringComparer.Ordinal))),
    ];

    /// <summary>Every expression of alerts and recording rules.</summary>
    public static IEnumerable<(string Name, string Expression)> Expressions =>
        Rules().Select(rule => (Text(rule.Children.TryGetValue("alert", out var alert) ? alert : rule["record"]), Text(rule["expr"])));

    /// <summary>A test file with the tests of one alert.</summary>
    public static string TestsOf(string alert)
    {
        var root = Load(System.IO.Path.Combine(Tool.Files, "alerts_test.yaml"));
        var tests = (YamlSequenceNode)root["tests"];
        foreach (var test in tests.Where(test => !Text(test["name"]).StartsWith(alert + ":", StringComparison.Ordinal)).ToList())
            tests.Children.Remove(test);
        tests.ShouldNotBeEmpty($"{alert} has tests");
        using var writer = new StringWriter();
        new YamlStream(new YamlDocument(root)).Save(writer, assignAnchors: false);
        return writer.ToString();
    }

    private static IEnumerable<YamlMappingNode> Rules() =>
        ((YamlSequenceNode)Load(Path)["groups"]).SelectMany(group => (YamlSequenceNode)group["rules"]).Cast<YamlMappingNode>();

    private static YamlNode Load(string path)
    {
        var stream = new YamlStream();
        using var reader = File.OpenText(path);
        stream.Load(reader);
        return stream.Documents[0].RootNode;
    }

    private static string Text(YamlNode node) => ((YamlScalarNode)node).Value ?? "";
}
