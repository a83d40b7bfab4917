namespace Calls.Load;

/// <summary>
/// A closed loop: a fixed number of calls is under way, and each call that ends starts the next. The service gets as much load as it can
/// serve.
/// </summary>
/// <remarks>
/// Its response times say little, since a slow service gets less load. The response times of <see cref="OpenLoop"/> count.
/// </remarks>
internal static class ClosedLoop
{
    /// <param name="twilio">Plays the calls.</param>
    /// <param name="origin">The URL of the service.</param>
    /// <param name="calls">The number of calls.</param>
    /// <param name="concurrency">The number of calls at once.</param>
    /// <param name="stay">Leaves every call under way after its two people have joined.</param>
    public static async Task<Run> RunAsync(QuickTwilio twilio, Uri origin, int calls, int concurrency, bool stay = false)
    {
        var tally = new Tally();
        var from = TimeProvider.System.GetTimestamp();
        await Parallel.ForEachAsync(Enumerable.Range(0, calls), new ParallelOptions { MaxDegreeOfParallelism = concurrency },
            async (_, _) => await twilio.PlayAsync(origin, tally, due: TimeProvider.System.GetTimestamp(), stay));
        return new Run(tally, TimeProvider.System.GetElapsedTime(from));
    }
}
