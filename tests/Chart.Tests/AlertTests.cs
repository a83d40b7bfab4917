using System.Globalization;
using System.Text.RegularExpressions;
using Calls.Chart.Tests.Tools;
using YamlDotNet.RepresentationModel;

namespace Calls.Chart.Tests;

/// <summary>promtool tests the alert rules of the chart. A changed threshold must make a test fail.</summary>
public sealed partial class AlertTests
{
    private static readonly string[] TestFiles = ["alerts_test.yaml", "alerts_long_test.yaml", "alerts_windows_test.yaml"];

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
        var rendered = await Helm.Four.RenderAsync("full-values.yaml", "--set",
            "prometheusRule.runbookUrl=,autoscaling.minReplicas=2");
        var rule = Helm.Documents(rendered).Single(document => document.Contains("kind: PrometheusRule", StringComparison.Ordinal));
        Alerts.Canonical(Alerts.Parse(rule)["spec"]).ShouldBe(Alerts.Canonical(Alerts.Parse(await File.ReadAllTextAsync(Alerts.Path))));
    }

    [Fact]
    public async Task A_value_of_the_chart_changes_a_threshold_and_switches_a_rule_off()
    {
        var rendered = await Helm.Four.RenderAsync("full-values.yaml", "--set-string", "prometheusRule.alerts.CallsRedisSlow.for=20m",
            "--set", "prometheusRule.alerts.CallsRedisSlow.seconds=0.5,prometheusRule.alerts.CallsDown.enabled=false,"
            + "prometheusRule.alerts.CallsRedisDown.severity=critical,prometheusRule.objectives.slowWebhooks=0.02,"
            + "prometheusRule.alerts.CallsReplicasMissing.replicas=3");
        var rules = Alerts.RulesOf(Alerts.Parse(Helm.Documents(rendered)
            .Single(document => document.Contains("kind: PrometheusRule", StringComparison.Ordinal)))["spec"]);
        var byName = rules.Where(rule => rule.Children.ContainsKey("alert")).ToDictionary(rule => rule["alert"].ToString());
        byName.ShouldNotContainKey("CallsDown");
        byName["CallsRedisSlow"]["expr"].ToString().ShouldContain("> 0.5 # seconds");
        byName["CallsRedisSlow"]["expr"].ToString().ShouldContain(">= 300 # operations");
        byName["CallsRedisSlow"]["for"].ToString().ShouldBe("20m");
        byName["CallsRedisDown"]["labels"]["severity"].ToString().ShouldBe("critical");
        byName["CallsReplicasMissing"]["expr"].ToString().ShouldContain("< 3 # replicas");
        byName["CallsWebhooksSlowFast"]["expr"].ToString().ShouldContain("14.4 * 0.02 # slowWebhooks");
        rules.Single(rule => rule.Children.TryGetValue("record", out var name)
            && name.ToString() == "calls:webhook_slowness:budget_left30d")["expr"].ToString().ShouldContain("/ 0.02 # slowWebhooks");
    }

    [Fact]
    public async Task Without_a_value_the_replicas_of_the_chart_must_be_there()
    {
        var rendered = await Helm.Four.RenderAsync("minimal-values.yaml", "--set", "prometheusRule.enabled=true,replicaCount=5");
        rendered.ShouldContain("< 5 # replicas");
    }

    /// <summary>A threshold without a comment in the file would be a value that has no effect.</summary>
    [Theory, MemberData(nameof(Names))]
    public async Task Each_threshold_of_the_values_is_one_of_the_alert(string name)
    {
        var values = Alerts.Parse(await File.ReadAllTextAsync(Path.Combine(Tool.Chart, "values.yaml")))["prometheusRule"]["alerts"][name];
        var alert = Alerts.All.Single(alert => alert.Name == name);
        var thresholds = ((YamlMappingNode)values).Children.Keys.Select(key => key.ToString()).Except(["enabled", "for", "severity"]);
        var objectives = ((YamlMappingNode)Alerts.Parse(await File.ReadAllTextAsync(Path.Combine(Tool.Chart, "values.yaml")))
            ["prometheusRule"]["objectives"]).Children.Keys.Select(key => key.ToString());
        Named().Matches(alert.Expression).Select(match => match.Groups["name"].Value).Except(objectives).Distinct()
            .ShouldBe(thresholds, ignoreOrder: true);
    }

    [Fact]
    public Task Every_alert_fires_beyond_its_threshold_and_is_silent_short_of_it() =>
        Parallel.ForEachAsync(TestFiles, TestContext.Current.CancellationToken, async (file, cancellationToken) =>
        {
            var (exitCode, output) = await Tool.RunAsync(
                Tool.Promtool(), ["test", "rules", Path.Combine(Tool.Files, file)], cancellationToken: cancellationToken);
            exitCode.ShouldBe(0, output);
        });

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
        (await PassesAsync(tests, alert.Yaml())).ShouldBeTrue("alone and unchanged it passes");
        var mutants = Mutants(alert).ToList();
        mutants.ShouldNotBeEmpty();
        await Parallel.ForEachAsync(mutants, TestContext.Current.CancellationToken, async (mutant, _) =>
            (await PassesAsync(tests, mutant.Rules)).ShouldBeFalse($"{name} passes its tests though {mutant.What}"));
    }

    private static async Task<bool> PassesAsync(IReadOnlyList<(string File, string Text)> tests, string rules)
    {
        var directory = Directory.CreateTempSubdirectory("calls-alerts-").FullName;
        try
        {
            foreach (var (file, text) in tests.Append(("alerts.yaml", rules)))
                await File.WriteAllTextAsync(Path.Combine(directory, file), text);
            return (await Tool.RunAsync(Tool.Promtool(), ["test", "rules", .. tests.Select(test => Path.Combine(directory, test.File))]))
                .ExitCode == 0;
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
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

    [GeneratedRegex(@"[0-9.]+ # (?<name>\w+)", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Named();

    [GeneratedRegex(@"(?:>=|>|<|==) \(?(?<number>[0-9.]+)", RegexOptions.ExplicitCapture, 1000)]
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
internal static partial class Alerts
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

    /// <summary>The test files with only the tests of one alert.</summary>
    public static IReadOnlyList<(string File, string Text)> TestsOf(string alert)
    {
        List<(string File, string Text)> found = [];
        foreach (var file in new[] { "alerts_test.yaml", "alerts_long_test.yaml" })
            if (TestsOf(alert, file) is { } text)
                found.Add((file, text));
        found.ShouldNotBeEmpty($"{alert} has tests");
        return found;
    }

    private static string? TestsOf(string alert, string file)
    {
        var root = Load(System.IO.Path.Combine(Tool.Files, file));
        var tests = (YamlSequenceNode)root["tests"];
        foreach (var test in tests.Where(test => !Text(test["name"]).StartsWith(alert + ":", StringComparison.Ordinal)).ToList())
            tests.Children.Remove(test);
        if (!tests.Any())
            return null;
        using var writer = new StringWriter();
        new YamlStream(new YamlDocument(root)).Save(writer, assignAnchors: false);
        return writer.ToString();
    }

    /// <summary>The numbers that an alert compares with. For the objectives: the share at which the page fires, and the limit in seconds
    /// of the bucket, from the objective's recording rules.</summary>
    public static IReadOnlyList<double> NumbersOf(Alert alert)
    {
        var recorded = Recorded().Matches(alert.Expression).Select(match => match.Groups["name"].Value).Distinct(StringComparer.Ordinal);
        var bounds = Expressions.Where(one => recorded.Any(name => one.Name.StartsWith(name, StringComparison.Ordinal)))
            .SelectMany(one => Bound().Matches(one.Expression)).Select(match => match.Groups["number"].Value);
        return
        [
            .. Compared().Matches(alert.Expression).Select(match =>
                Number(match, "number") * (match.Groups["factor"].Success ? Number(match, "factor") : 1)),
            .. bounds.Select(bound => double.Parse(bound, CultureInfo.InvariantCulture)),
        ];

        static double Number(Match match, string group) => double.Parse(match.Groups[group].Value, CultureInfo.InvariantCulture);
    }

    [GeneratedRegex(@"(>=|>|<|==) (?<number>[0-9.]+)( \* (?<factor>[0-9.]+))?", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Compared();

    [GeneratedRegex(@"le=~""(?<number>[0-9.]+)\(", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Bound();

    [GeneratedRegex(@"(?<name>calls:[a-z_]+:)", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Recorded();

    /// <summary>The same text for two documents that differ only in their layout and in the order of keys.</summary>
    public static string Canonical(YamlNode node) => node switch
    {
        YamlMappingNode map => string.Join('\n', map.Children.OrderBy(pair => Text(pair.Key), StringComparer.Ordinal)
            .Select(pair => $"{Text(pair.Key)}: {Canonical(pair.Value)}")),
        YamlSequenceNode list => string.Join('\n', list.Select(item => "- " + Canonical(item))),
        _ => Text(node),
    };

    public static YamlNode Parse(string text)
    {
        var stream = new YamlStream();
        using var reader = new StringReader(text);
        stream.Load(reader);
        return stream.Documents[0].RootNode;
    }

    public static IReadOnlyList<YamlMappingNode> RulesOf(YamlNode file) =>
        [.. ((YamlSequenceNode)file["groups"]).SelectMany(group => (YamlSequenceNode)group["rules"]).Cast<YamlMappingNode>()];

    private static IReadOnlyList<YamlMappingNode> Rules() => RulesOf(Load(Path));

    private static YamlNode Load(string path) => Parse(File.ReadAllText(path));

    private static string Text(YamlNode node) => ((YamlScalarNode)node).Value ?? "";
}
