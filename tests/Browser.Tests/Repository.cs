namespace Calls.Browser.Tests;

/// <summary>The folder of this repository.</summary>
internal static class Repository
{
    public static string Root { get; } = Find(AppContext.BaseDirectory);

    private static string Find(string from)
    {
        var root = from;
        while (!File.Exists(Path.Combine(root, "Calls.sln")))
            root = Path.GetDirectoryName(root) ?? throw new DirectoryNotFoundException("No folder above the tests contains Calls.sln.");
        return root;
    }
}
