using Calls.Sandbox.Twilio;

namespace Calls.Simulation.World;

/// <summary>One replica's clock: the world's time plus the error of this machine's clock. Its timers fire on the world's thread.</summary>
internal sealed class VirtualClock(VirtualScheduler scheduler, TimeSpan skew) : TimeProvider
{
    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override DateTimeOffset GetUtcNow() => scheduler.Now + skew;

    public override long GetTimestamp() => scheduler.Now.UtcTicks;

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new Timer(scheduler, callback, state);
        timer.Change(dueTime, period);
        return timer;
    }

    private sealed class Timer(VirtualScheduler scheduler, TimerCallback callback, object? state) : ITimer
    {
        private IDisposable? due;

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            due?.Dispose();
            due = dueTime == Timeout.InfiniteTimeSpan ? null : scheduler.Schedule(dueTime, () => GoOff(period));
            return true;
        }

        public void Dispose() => due?.Dispose();

        public ValueTask DisposeAsync()
        {
            Dispose();
            return default;
        }

        private void GoOff(TimeSpan period)
        {
            if (period > TimeSpan.Zero)
                Change(period, period);
            callback(state);
        }
    }
}
