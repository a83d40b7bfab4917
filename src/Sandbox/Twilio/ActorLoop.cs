using System.Threading.Channels;

namespace Calls.Sandbox.Twilio;

/// <summary>Real time, and one thing after the other: the scheduler of the emulator that listens on a port.</summary>
internal sealed class ActorLoop : IEmulatorScheduler, IAsyncDisposable
{
    private readonly Channel<Action> actions = Channel.CreateUnbounded<Action>(new UnboundedChannelOptions { SingleReader = true });
    private readonly TimeProvider clock;
    private readonly Task loop;
    private readonly List<Waiter> waiters = [];

    public ActorLoop(TimeProvider clock)
    {
        this.clock = clock;
        loop = RunAsync();
    }

    public DateTimeOffset Now => clock.GetUtcNow();

    public void Post(Action action) => actions.Writer.TryWrite(action);

    public void Schedule(TimeSpan delay, Action action)
    {
        if (delay <= TimeSpan.Zero)
        {
            Post(action);
            return;
        }

        ITimer? timer = null;
        timer = clock.CreateTimer(_ =>
        {
            Post(action);
            timer?.Dispose();
        }, null, delay, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Does something in its turn, and gives back what came of it.</summary>
    public Task<T> RunAsync<T>(Func<T> function)
    {
        var done = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        Post(() =>
        {
            try
            {
                done.SetResult(function());
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                done.SetException(e);
            }
        });
        return done.Task;
    }

    /// <summary>Completes as soon as the condition holds after one of the loop's actions.</summary>
    public Task WhenAsync(Func<bool> condition)
    {
        var waiter = new Waiter(condition, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        Post(() =>
        {
            if (!waiter.IsDone())
                waiters.Add(waiter);
        });
        return waiter.Done.Task;
    }

    public async ValueTask DisposeAsync()
    {
        actions.Writer.TryComplete();
        await loop;
    }

    private async Task RunAsync()
    {
        await foreach (var action in actions.Reader.ReadAllAsync())
        {
            action();
            if (waiters.Count > 0)
                waiters.RemoveAll(waiter => waiter.IsDone());
        }
    }

    private sealed record Waiter(Func<bool> Condition, TaskCompletionSource Done)
    {
        public bool IsDone()
        {
            if (!Done.Task.IsCompleted && Condition())
                Done.TrySetResult();
            return Done.Task.IsCompleted;
        }
    }
}
