using System.Globalization;

namespace Calls.Load;

/// <summary>Writes a line for each finished step, with the elapsed time and an estimate of the remaining time.</summary>
internal sealed class Progress(int steps)
{
    private readonly long from = TimeProvider.System.GetTimestamp();
    private int done;

    public void Done(string what)
    {
        done++;
        var elapsed = TimeProvider.System.GetElapsedTime(from);
        Console.WriteLine(
            string.Create(CultureInfo.InvariantCulture, $@"[{elapsed:mm\:ss}, {elapsed / done * (steps - done):mm\:ss} left] {what}"));
    }
}
