using System.Text.RegularExpressions;

namespace Calls.Architecture.Tests;

/// <summary>Each link in the documentation leads somewhere, and the index leads to each page.</summary>
public sealed partial class DocumentTests
{
    private static readonly string[] Generated = ["node_modules", "artifacts", "bin", "obj", "dist", "TestResults"];

    /// <summary>Every Markdown file, as a path from the root of the repository.</summary>
    public static TheoryData<string> Pages =>
        [.. Directory.EnumerateFiles(DependencyTests.Root(), "*.md", SearchOption.AllDirectories)
            .Select(file => Path.GetRelativePath(DependencyTests.Root(), file).Replace('\\', '/'))
            .Where(page => !page.Split('/').Intersect(Generated).Any() && page[0] != '.')];

    [Theory, MemberData(nameof(Pages))]
    public void Each_link_leads_to_a_file_and_to_a_heading_in_it(string page)
    {
        var here = Path.Combine(DependencyTests.Root(), page);
        List<string> broken = [];
        foreach (Match link in Link().Matches(Code().Replace(File.ReadAllText(here), "")))
        {
            var (path, anchor) = (link.Groups["path"].Value, link.Groups["anchor"].Value);
            var target = path.Length == 0 ? here
                : Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, Uri.UnescapeDataString(path)));
            if (!Path.Exists(target) || (anchor.Length > 0 && target.EndsWith(".md", StringComparison.Ordinal)
                && !AnchorsOf(target).Contains(anchor)))
                broken.Add(link.Value);
        }

        broken.ShouldBeEmpty();
    }

    [Fact]
    public void The_index_leads_to_each_page_of_docs_and_to_each_decision()
    {
        var docs = Path.Combine(DependencyTests.Root(), "docs");
        var linked = Link().Matches(File.ReadAllText(Path.Combine(docs, "README.md")))
            .Select(link => link.Groups["path"].Value).ToHashSet();
        var pages = Directory.EnumerateFiles(docs, "*.md", SearchOption.AllDirectories)
            .Select(file => Path.GetRelativePath(docs, file).Replace('\\', '/')).Where(page => page != "README.md").ToList();
        pages.Count.ShouldBeGreaterThan(40);
        pages.Where(page => !linked.Contains(page)).ShouldBeEmpty();
    }

    /// <summary>The anchors of the headings, as GitHub makes them.</summary>
    private static HashSet<string> AnchorsOf(string file)
    {
        Dictionary<string, int> seen = [];
        HashSet<string> anchors = [];
        foreach (Match heading in Heading().Matches(Code().Replace(File.ReadAllText(file), "")))
        {
#pragma warning disable CA1308 // GitHub writes anchors in lower case.
            var anchor = NotInAnchors().Replace(heading.Groups["text"].Value.Trim().ToLowerInvariant(), "").Replace(' ', '-');
#pragma warning restore CA1308
            var count = seen[anchor] = seen.GetValueOrDefault(anchor) + 1;
            anchors.Add(count == 1 ? anchor : $"{anchor}-{count - 1}");
        }

        return anchors;
    }

    [GeneratedRegex(@"\]\((?![a-z]+:)(?<path>[^)#\s]*)(?:#(?<anchor>[^)\s]*))?\)", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Link();

    [GeneratedRegex(@"^```.*?^```", RegexOptions.Multiline | RegexOptions.Singleline, 1000)]
    private static partial Regex Code();

    [GeneratedRegex(@"^#+ (?<text>.+)$", RegexOptions.Multiline | RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Heading();

    [GeneratedRegex(@"[^\p{L}\p{N}\p{M}_\- ]", RegexOptions.None, 1000)]
    private static partial Regex NotInAnchors();
}
