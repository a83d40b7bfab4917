using System.Diagnostics.CodeAnalysis;

namespace Calls.Chaos.Tests.Harness;

/// <summary>Lines for the console and for the report file.</summary>
internal static class Report
{
    [SuppressMessage("Usage", "MA0011", Justification = "The text is made with the invariant culture.")]
    public static void Line(string text)
    {
        TestContext.Current.TestOutputHelper?.WriteLine(text);
        Console.WriteLine(text);
    }
}
