namespace Calls.Chaos.Tests.Harness;

/// <summary>Waits for a condition. Checks it every 20 ms until it is true or the patience ends.</summary>
internal static class Eventually
{
    /// <returns>The time until the condition was true.</returns>
    public static async Task<TimeSpan> TrueAsync(Func<Task<bool>> condition, string what, TimeSpan patience)
    {
        var from = TimeProvider.System.GetTimestamp();
        while (!await condition())
        {
            if (TimeProvider.System.GetElapsedTime(from) > patience)
                throw new TimeoutException($"Not within {patience}: {what}");
            await Task.Delay(20);
        }

        return TimeProvider.System.GetElapsedTime(from);
    }
}
