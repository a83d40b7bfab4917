using System.Diagnostics.CodeAnalysis;

namespace Calls.Chaos.Tests.Harness;

/// <summary>Lines for whoever watches a run, and for the record afterwards.</summary>
internal static class Report
{
    [SuppressMessage("Usage", "MA0011", Justification = "The text is made with the invariant culture.")]
    public static void Line(string text)
    {
        TestContext.Current.TestOutputHelper?.WriteLine(text);
        Console.WriteLine(text);
    }
}
