namespace Calls.Report;

/// <summary><c>docs/performance.md</c>, or another page: each benchmark writes its own section and leaves the other sections unchanged.
/// </summary>
public static class PerformancePage
{
    /// <summary>The root of the repository in which the program was built.</summary>
    /// <exception cref="InvalidOperationException">The program is outside of the repository.</exception>
    public static string Root { get; } = Find(new DirectoryInfo(AppContext.BaseDirectory));

    private static string Docs => Path.Combine(Root, "docs");

    /// <summary>
    /// Replaces the text between <c>&lt;!-- section --&gt;</c> and <c>&lt;!-- /section --&gt;</c>. A new section is added at the end.
    /// </summary>
    public static void Write(string section, string markdown, string page = "performance.md")
    {
        var path = Path.Combine(Docs, page);
        var (begin, end) = ($"<!-- {section} -->", $"<!-- /{section} -->");
        var text = File.Exists(path) ? File.ReadAllText(path) : "# Performance\n";
        var (from, to) = (text.IndexOf(begin, StringComparison.Ordinal), text.IndexOf(end, StringComparison.Ordinal));
        var block = $"{begin}\n{string.Join('\n', markdown.Trim().Split('\n').Select(Wrapped))}\n{end}";
        File.WriteAllText(path, from >= 0 && to > from
            ? text[..from] + block + text[(to + end.Length)..] : text.TrimEnd() + "\n\n" + block + "\n");
        Console.WriteLine("Written to " + Path.GetRelativePath(Directory.GetCurrentDirectory(), path));
    }

    /// <summary>Writes a plot beside the page.</summary>
    /// <returns>The Markdown that shows it.</returns>
    public static string Show(Plot plot, string fileName)
    {
        var folder = Directory.CreateDirectory(Path.Combine(Docs, "performance"));
        File.WriteAllText(Path.Combine(folder.FullName, fileName), plot.ToSvg());
        return $"![{plot.Title}](performance/{fileName})";
    }

    /// <summary>A line of prose in lines of at most 140 columns. Table rows and images stay as they are.</summary>
    private static string Wrapped(string line)
    {
        var indent = line.StartsWith("- ", StringComparison.Ordinal) || line.StartsWith("  ", StringComparison.Ordinal) ? "\n  " : "\n";
        if (line.StartsWith('|') || line.StartsWith('!'))
            return line;
        var (wrapped, rest) = ("", line);
        while (rest.Length > 138 && rest.LastIndexOf(' ', 138) is > 2 and var space)
            (wrapped, rest) = (wrapped + rest[..space] + indent, rest[(space + 1)..]);
        return wrapped + rest;
    }

    private static string Find(DirectoryInfo? folder)
    {
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "Calls.sln")))
            folder = folder.Parent;
        return folder?.FullName ?? throw new InvalidOperationException("The program must run inside the repository");
    }
}
