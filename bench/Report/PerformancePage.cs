namespace Calls.Report;

/// <summary><c>docs/performance.md</c>: every benchmark writes its own section of it, and leaves the others alone.</summary>
public static class PerformancePage
{
    /// <summary>The repository, wherever below it the program was built.</summary>
    /// <exception cref="InvalidOperationException">The program lies outside of the repository.</exception>
    public static string Root { get; } = Find(new DirectoryInfo(AppContext.BaseDirectory));

    private static string Docs => Path.Combine(Root, "docs");

    /// <summary>Replaces what lies between <c>&lt;!-- section --&gt;</c> and <c>&lt;!-- /section --&gt;</c>; a section that is not there yet is put at the end.</summary>
    public static void Write(string section, string markdown)
    {
        var path = Path.Combine(Docs, "performance.md");
        var (begin, end) = ($"<!-- {section} -->", $"<!-- /{section} -->");
        var text = File.Exists(path) ? File.ReadAllText(path) : "# Performance\n";
        var (from, to) = (text.IndexOf(begin, StringComparison.Ordinal), text.IndexOf(end, StringComparison.Ordinal));
        var block = $"{begin}\n{markdown.Trim()}\n{end}";
        File.WriteAllText(path, from >= 0 && to > from ? text[..from] + block + text[(to + end.Length)..] : text.TrimEnd() + "\n\n" + block + "\n");
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

    private static string Find(DirectoryInfo? folder)
    {
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "Calls.sln")))
            folder = folder.Parent;
        return folder?.FullName ?? throw new InvalidOperationException("Run it from the repository");
    }
}
