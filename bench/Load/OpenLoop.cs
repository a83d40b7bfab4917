using System.Runtime.InteropServices;

namespace Calls.Load;

/// <summary>
/// An open loop: calls arrive at a fixed rate and evenly spaced, independent of the calls before them. Callers do not wait for each other.
/// </summary>
/// <remarks>
/// No waiting time is omitted if the service or this process is late. The due time of each call is fixed before the first call. The
/// response time of its voice webhook counts from the due time. Twilio sends the other webhooks of a call one after another. Each is due
/// when the webhook before it is answered and the service's request that causes it has arrived. Its response time counts from then.
/// </remarks>
internal static class OpenLoop
{
    private static readonly TimeSpan LongestNap = TimeSpan.FromMilliseconds(500);

    /// <param name="twilio">Plays the calls.</param>
    /// <param name="origin">The URL of the service.</param>
    /// <param name="calls">The number of calls.</param>
    /// <param name="rate">Calls per second.</param>
    public static async Task<Run> RunAsync(QuickTwilio twilio, Uri origin, int calls, double rate)
    {
        var tally = new Tally();
        var from = TimeProvider.System.GetTimestamp();
        // This loop has its own thread, because a timer of the runtime is late by one or two milliseconds, which is as long as a webhook.
        await await Task.Factory.StartNew(() => Task.WhenAll(Start().ToList()), CancellationToken.None, TaskCreationOptions.LongRunning,
            TaskScheduler.Default);
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
