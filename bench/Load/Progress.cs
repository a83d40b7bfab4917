using System.Globalization;

namespace Calls.Load;

/// <summary>A line for each step that is done, with the time so far and what is left if the other steps take as long.</summary>
internal sealed class Progress(int steps)
{
    private readonly long from = TimeProvider.System.GetTimestamp();
    private int done;

    public void Done(string what)
    {
        done++;
        var elapsed = TimeProvider.System.GetElapsedTime(from);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $@"[{elapsed:mm\:ss}, {elapsed / done * (steps - done):mm\:ss} left] {what}"));
    }
}
