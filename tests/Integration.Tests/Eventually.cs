namespace Calls.Integration.Tests;

/// <summary>Waits for a condition that only asking can tell; asks again at once while it is young, then every 20 ms.</summary>
internal static class Eventually
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    public static async Task TrueAsync(Func<Task<bool>> condition, Func<Task<string>>? state = null, TimeSpan? patience = null)
    {
        var until = TimeProvider.System.GetTimestamp();
        while (!await condition())
        {
            if (TimeProvider.System.GetElapsedTime(until) > (patience ?? Patience))
                throw new TimeoutException("It did not come true. " + (state is null ? "" : await state()));
            await Task.Delay(20);
        }
    }
}
