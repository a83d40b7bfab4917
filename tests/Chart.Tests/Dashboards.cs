using System.Text.Json;
using Calls.Chart.Tests.Tools;

namespace Calls.Chart.Tests;

/// <summary>The Prometheus queries of the Grafana dashboards.</summary>
internal static class Dashboards
{
    public static IEnumerable<string> Paths =>
        Directory.EnumerateFiles(Path.Combine(Tool.Files, "dashboards"), "*.json").Order(StringComparer.Ordinal);

    /// <summary>Every query, with its variables replaced as Grafana does.</summary>
    public static IEnumerable<(string Panel, string Expression)> Expressions(string path, string interval, string range)
    {
        using var document = JsonDocument.Parse(File.ReadAllText(path));
        var root = document.RootElement;
        foreach (var panel in root.GetProperty("panels").EnumerateArray().Where(panel => panel.TryGetProperty("targets", out _)))
            foreach (var target in panel.GetProperty("targets").EnumerateArray())
                yield return (panel.GetProperty("title").GetString()!, Filled(target.GetProperty("expr").GetString()!));
        foreach (var annotation in root.GetProperty("annotations").GetProperty("list").EnumerateArray())
            yield return (annotation.GetProperty("name").GetString()!, Filled(annotation.GetProperty("expr").GetString()!));

        string Filled(string expression) =>
            expression.Replace("$__rate_interval", interval, StringComparison.Ordinal).Replace("$__range", range, StringComparison.Ordinal)
            .Replace("$namespace", ".*", StringComparison.Ordinal).Replace("$pod", ".*", StringComparison.Ordinal);
    }

    /// <summary>Every query of the panels, as it is written.</summary>
    public static IEnumerable<(string Panel, string Expression)> Raw(string path) =>
        from panel in Panels(path)
        from target in panel.GetProperty("targets").EnumerateArray()
        select (panel.GetProperty("title").GetString()!, target.GetProperty("expr").GetString()!);

    /// <summary>Every panel that shows something.</summary>
    public static IReadOnlyList<JsonElement> Panels(string path)
    {
        using var document = JsonDocument.Parse(File.ReadAllText(path));
        return
        [
            .. document.RootElement.GetProperty("panels").EnumerateArray()
                .Where(panel => panel.GetProperty("type").GetString() != "row").Select(panel => panel.Clone()),
        ];
    }
}

/// <summary>Grafana loads the dashboard files without changes.</summary>
public sealed class DashboardTests
{
    public static TheoryData<string> Files => [.. Dashboards.Paths.Select(path => Path.GetFileName(path))];

    [Theory, MemberData(nameof(Files))]
    public async Task Every_expression_can_be_parsed(string file)
    {
        var expressions = Dashboards.Expressions(Path.Combine(Tool.Files, "dashboards", file), "5m", "1h").ToList();
        expressions.Count.ShouldBeGreaterThan(10);
        var rules = Path.Combine(Path.GetTempPath(), $"calls-{file}-{Environment.ProcessId}.yaml");
        await File.WriteAllTextAsync(rules, JsonSerializer.Serialize(new
        {
            groups = new[]
            {
                new { name = "panels", rules = expressions.Select((panel, i) => new { record = $"panel:{i}", expr = panel.Expression }) },
            },
        }));
        try
        {
            var (exitCode, output) = await Tool.RunAsync(Tool.Promtool(), ["check", "rules", "--lint=none", rules]);
            exitCode.ShouldBe(0, output);
        }
        finally
        {
            File.Delete(rules);
        }
    }

    [Fact]
    public void Each_alert_has_a_panel_with_a_link_to_its_section_of_the_runbook()
    {
        var links = Dashboards.Paths.SelectMany(Dashboards.Panels).SelectMany(panel => panel.GetProperty("links").EnumerateArray())
            .Select(link => link.GetProperty("url").GetString()!).ToHashSet(StringComparer.Ordinal);
        foreach (var anchor in links.Where(link => link.Contains('#', StringComparison.Ordinal)).Select(link => link.Split('#')[1]))
            Runbook.Anchors.ShouldContain(anchor);
        // The runbook section of a Fast alert is followed by that of the Slowly alert. The watchdog has no panel.
        Alerts.All.Where(alert => !alert.Name.EndsWith("Slowly", StringComparison.Ordinal) && alert.Name != "CallsWatchdog")
            .Where(alert => !links.Contains(alert.Annotations["runbook_url"])).Select(alert => alert.Name).ShouldBeEmpty();
    }

    [Theory, MemberData(nameof(Files))]
    public void Each_panel_leads_to_traces_and_each_graph_with_a_threshold_shows_it(string file)
    {
        var path = Path.Combine(Tool.Files, "dashboards", file);
        foreach (var panel in Dashboards.Panels(path))
        {
            panel.GetProperty("links").EnumerateArray().ShouldContain(
                link => link.GetProperty("url").GetString()!.Contains("${traces}", StringComparison.Ordinal));
            var defaults = panel.GetProperty("fieldConfig").GetProperty("defaults");
            if (panel.GetProperty("type").GetString() != "timeseries" || !defaults.TryGetProperty("thresholds", out var thresholds))
                continue;
            defaults.GetProperty("custom").GetProperty("thresholdsStyle").GetProperty("mode").GetString().ShouldBe("dashed");
            var shown = thresholds.GetProperty("steps").EnumerateArray().Last().GetProperty("value").GetDouble();
            var sections = panel.GetProperty("links").EnumerateArray().Select(link => link.GetProperty("url").GetString()!).ToList();
            Alerts.All.Where(alert => sections.Contains(alert.Annotations["runbook_url"]))
                .Any(alert => Alerts.NumbersOf(alert).Any(number => Math.Abs(number - shown) < 1e-9))
                .ShouldBeTrue($"{panel.GetProperty("title")} shows {shown}, and no alert of the panel compares with it");
        }
    }

    [Theory, MemberData(nameof(Files))]
    public void Each_dashboard_can_show_one_pod(string file)
    {
        var path = Path.Combine(Tool.Files, "dashboards", file);
        using var document = JsonDocument.Parse(File.ReadAllText(path));
        document.RootElement.GetProperty("templating").GetProperty("list").EnumerateArray()
            .ShouldContain(variable => variable.GetProperty("name").GetString() == "pod");
        foreach (var (panel, expression) in Dashboards.Raw(path).Where(one => !one.Expression.Contains("calls:", StringComparison.Ordinal)
            && !one.Expression.Contains("ALERTS", StringComparison.Ordinal)))
            expression.ShouldContain("pod=~\"$pod\"", customMessage: panel);
    }

    [Fact]
    public void Identities_are_unique_and_panels_have_descriptions_and_places_of_their_own()
    {
        var uids = new HashSet<string>(StringComparer.Ordinal);
        foreach (var path in Dashboards.Paths)
        {
            using var document = JsonDocument.Parse(File.ReadAllText(path));
            uids.Add(document.RootElement.GetProperty("uid").GetString()!).ShouldBeTrue();
            var panels = document.RootElement.GetProperty("panels").EnumerateArray().ToList();
            panels.Select(panel => panel.GetProperty("id").GetInt32()).ShouldBeUnique();
            var places = panels.Select(panel => panel.GetProperty("gridPos"))
                .Select(place => (X: place.GetProperty("x").GetInt32(), Y: place.GetProperty("y").GetInt32(), W: place.GetProperty("w")
                .GetInt32())).ToList();
            places.ShouldAllBe(place => place.X + place.W <= 24);
            places.Select(place => (place.X, place.Y)).ShouldBeUnique();
        }
    }
}
