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
            .Replace("$namespace", ".*", StringComparison.Ordinal);
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
