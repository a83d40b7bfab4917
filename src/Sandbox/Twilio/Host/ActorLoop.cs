using System.Threading.Channels;

namespace Calls.Sandbox.Twilio;

/// <summary>The scheduler with real time.</summary>
/// <remarks>One loop runs all actions, one at a time. No action blocks the loop while it waits for I/O.</remarks>
internal sealed class ActorLoop : IEmulatorScheduler, IAsyncDisposable
{
    private readonly Channel<Action> _actions = Channel.CreateUnbounded<Action>(new() { SingleReader = true });
    private readonly Lock _gate = new();
    private readonly TimeProvider _time;
    private readonly Task _loop;

    public ActorLoop(TimeProvider time)
    {
        _time = time;
        _loop = RunAsync();
    }

    public DateTimeOffset Now => _time.GetUtcNow();

    /// <summary>Called on the loop after every action.</summary>
    public Action? AfterEach { get; set; }

    /// <summary>Called with the exception that an action threw.</summary>
    public Action<Exception>? Failed { get; set; }

    public IDisposable Schedule(TimeSpan delay, Action action)
    {
        var work = new Work(this, action);
        work.Start(delay);
        return work;
    }

    /// <summary>Runs a function on the loop and gives its result. The caller continues on another thread.</summary>
    public Task<T> InvokeAsync<T>(Func<T> function)
    {
        var done = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        var accepted = _actions.Writer.TryWrite(() =>
        {
            try
            {
                done.SetResult(function());
            }
            catch (Exception thrown)
            {
                done.SetException(thrown);
            }
        });
        return accepted ? done.Task : Task.FromException<T>(new ObjectDisposedException(nameof(TwilioEmulator)));
    }

    /// <summary>Reads the state between two actions, on the caller's thread.</summary>
    /// <remarks>The function must be fast and must not change the state.</remarks>
    public T Read<T>(Func<T> function)
    {
        lock (_gate)
        {
            return function();
        }
    }

    public async ValueTask DisposeAsync()
    {
        _actions.Writer.TryComplete();
        await _loop;
    }

    private async Task RunAsync()
    {
        await foreach (var action in _actions.Reader.ReadAllAsync())
        {
            lock (_gate)
            {
                try
                {
                    action();
                    AfterEach?.Invoke();
                }
                catch (Exception thrown)
                {
                    Failed?.Invoke(thrown);
                }
            }
        }
    }

    private sealed class Work(ActorLoop loop, Action action) : IDisposable
    {
        private ITimer? _timer;
        private volatile bool _cancelled;

        public void Start(TimeSpan delay)
        {
            if (delay <= TimeSpan.Zero)
            {
                loop._actions.Writer.TryWrite(Run);
                return;
            }
            _timer = loop._time.CreateTimer(_ => loop._actions.Writer.TryWrite(Run), null, delay, Timeout.InfiniteTimeSpan);
        }

        public void Dispose()
        {
            _cancelled = true;
            _timer?.Dispose();
        }

        private void Run()
        {
            if (!_cancelled)
            {
                _timer?.Dispose();
                action();
            }
        }
    }
}
