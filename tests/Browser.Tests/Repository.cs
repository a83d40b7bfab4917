namespace Calls.Browser.Tests;

/// <summary>Where this repository is.</summary>
internal static class Repository
{
    public static string Root { get; } = Find(AppContext.BaseDirectory);

    private static string Find(string from)
    {
        var root = from;
        while (!File.Exists(Path.Combine(root, "Calls.sln")))
            root = Path.GetDirectoryName(root) ?? throw new DirectoryNotFoundException("No Calls.sln above the tests.");
        return root;
    }
}
