using System.Runtime.InteropServices;

namespace Calls.Load;

/// <summary>Calls that arrive at a fixed rate, evenly spaced, however those before them get on: callers do not wait for each other.</summary>
/// <remarks>
/// No time is omitted because the service, or this process, is behind. When each call is due is settled before the first, and its voice webhook's time counts from then, whenever it was sent. Twilio sends
/// the rest of a call's webhooks one after another: each is due once the one before is answered and, where the service's request causes it, that request is in; its time counts from then.
/// </remarks>
internal static class OpenLoop
{
    private static readonly TimeSpan LongestNap = TimeSpan.FromMilliseconds(500);

    /// <param name="twilio">Plays the calls.</param>
    /// <param name="origin">Where the service is.</param>
    /// <param name="calls">How many in all.</param>
    /// <param name="rate">How many a second.</param>
    public static async Task<Run> RunAsync(QuickTwilio twilio, Uri origin, int calls, double rate)
    {
        var tally = new Tally();
        var from = TimeProvider.System.GetTimestamp();
        // A thread of its own: a timer of the runtime's is a millisecond or two late, which is what a webhook takes.
        await await Task.Factory.StartNew(() => Task.WhenAll(Start().ToList()), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        return new Run(tally, TimeProvider.System.GetElapsedTime(from));

        IEnumerable<Task> Start()
        {
            for (var call = 0; call < calls; call++)
            {
                var due = from + (long)(call / rate * TimeProvider.System.TimestampFrequency);
                SleepUntil(due);
                yield return twilio.PlayAsync(origin, tally, due);
            }
        }
    }

    private static void SleepUntil(long due)
    {
        while (TimeProvider.System.GetElapsedTime(TimeProvider.System.GetTimestamp(), due) is var left && left > TimeSpan.Zero)
            _ = USleep((uint)Math.Ceiling((left < LongestNap ? left : LongestNap).TotalMicroseconds));
    }

    [DllImport("libc", EntryPoint = "usleep"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int USleep(uint microseconds);
}
