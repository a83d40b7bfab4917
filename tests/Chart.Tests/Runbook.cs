using System.Text.RegularExpressions;
using Calls.Chart.Tests.Tools;

namespace Calls.Chart.Tests;

/// <summary>The sections of <c>docs/runbook.md</c>, by the anchors that a forge gives them.</summary>
internal static partial class Runbook
{
    public static IReadOnlySet<string> Anchors { get; } = File.ReadLines(Path.Combine(Tool.Root, "docs/runbook.md"))
        .Where(line => line.StartsWith('#'))
        .Select(line => NotInAnchors().Replace(line.TrimStart('#').Trim().ToLowerInvariant(), "").Replace(' ', '-'))
        .ToHashSet(StringComparer.Ordinal);

    [GeneratedRegex("[^a-z0-9 _-]", RegexOptions.None, 1000)]
    private static partial Regex NotInAnchors();
}

/// <summary>Every link of the runbook leads to an existing target.</summary>
public sealed partial class RunbookTests
{
    [Fact]
    public async Task Its_links_lead_to_existing_targets()
    {
        var text = await File.ReadAllTextAsync(Path.Combine(Tool.Root, "docs/runbook.md"));
        var links = Link().Matches(text).Select(match => match.Groups["target"].Value)
            .Where(link => !link.StartsWith("http", StringComparison.Ordinal)).ToList();
        links.ShouldNotBeEmpty();
        foreach (var link in links)
        {
            if (link.StartsWith('#'))
                Runbook.Anchors.ShouldContain(link[1..]);
            else
                File.Exists(Path.GetFullPath(link.Split('#')[0], Path.Combine(Tool.Root, "docs"))).ShouldBeTrue(link);
        }
    }

    [Fact]
    public void Every_section_of_an_alert_is_that_of_an_alert_that_exists() =>
        Runbook.Anchors.Where(anchor => anchor.StartsWith("calls", StringComparison.Ordinal) && anchor.Length > 5
            && !anchor.Contains('-', StringComparison.Ordinal))
            .ShouldBe(Alerts.All.Select(alert => alert.Name.ToLowerInvariant()), ignoreOrder: true);

    [GeneratedRegex(@"\]\((?<target>[^)]+)\)", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Link();
}
