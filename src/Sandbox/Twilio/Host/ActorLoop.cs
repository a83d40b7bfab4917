using System.Threading.Channels;

namespace Calls.Sandbox.Twilio;

/// <summary>The scheduler of real time: one loop runs every action, alone; nobody holds it while waiting for I/O.</summary>
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

    /// <summary>Runs after every action, on the loop.</summary>
    public Action? AfterEach { get; set; }

    /// <summary>Is told what an action threw.</summary>
    public Action<Exception>? Failed { get; set; }

    public IDisposable Schedule(TimeSpan delay, Action action)
    {
        var work = new Work(this, action);
        work.Start(delay);
        return work;
    }

    /// <summary>Does something on the loop and gives its result; the caller goes on elsewhere.</summary>
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

    /// <summary>Looks at the state between two actions, on the caller's own thread. Must be brief, and must not change anything.</summary>
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
        private volatile bool _off;

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
            _off = true;
            _timer?.Dispose();
        }

        private void Run()
        {
            if (!_off)
            {
                _timer?.Dispose();
                action();
            }
        }
    }
}
