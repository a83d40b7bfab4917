namespace Calls.Integration.Tests;

/// <summary>Where this repository lies, for tests that read its files or those beside it.</summary>
internal static class Repository
{
    public static string Root { get; } = Find();

    private static string Find()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
            if (File.Exists(Path.Combine(folder.FullName, "Calls.sln")))
                return folder.FullName;
        throw new InvalidOperationException("Calls.sln lies in no folder above the tests");
    }
}
