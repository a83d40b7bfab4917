namespace Calls.Load;

/// <summary>A fixed number of calls under way: each that ends makes room for the next, so that the service is given as much as it can take and no more.</summary>
/// <remarks>Its times say little: a service that falls behind is sent less. Those of <see cref="OpenLoop"/> count.</remarks>
internal static class ClosedLoop
{
    /// <param name="twilio">Plays the calls.</param>
    /// <param name="origin">Where the service is.</param>
    /// <param name="calls">How many in all.</param>
    /// <param name="concurrency">How many at once.</param>
    /// <param name="stay">Leaves every call under way, once its two people talk.</param>
    public static async Task<Run> RunAsync(QuickTwilio twilio, Uri origin, int calls, int concurrency, bool stay = false)
    {
        var tally = new Tally();
        var from = TimeProvider.System.GetTimestamp();
        await Parallel.ForEachAsync(Enumerable.Range(0, calls), new ParallelOptions { MaxDegreeOfParallelism = concurrency },
            async (_, _) => await twilio.PlayAsync(origin, tally, due: TimeProvider.System.GetTimestamp(), stay));
        return new Run(tally, TimeProvider.System.GetElapsedTime(from));
    }
}
