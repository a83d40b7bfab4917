using System.Diagnostics;
using System.Net;
using System.Runtime.CompilerServices;
using Microsoft.AspNetCore.Http.Features;

namespace Calls.Sandbox.Twilio;

/// <summary>An emulated Twilio on this machine: a REST API stopped HTTP, signed webhooks, and phones for tests and for the page.</summary>
public sealed class TwilioEmulator : IAsyncDisposable
{
    private static readonly TimeSpan DefaultTimeout = TimeSpan.FromSeconds(30);
    private readonly ActorLoop _loop;
    private readonly HttpWebhookTransport _transport;
    private readonly List<Waiter> _waiters = [];
    private readonly CancellationTokenSource _stopping = new();
    private readonly WebApplication _web;
    private long _seen;

    private TwilioEmulator(TwilioEmulatorOptions options, TimeProvider clock)
    {
        _loop = new ActorLoop(clock);
        _transport = new HttpWebhookTransport(clock);
        Cloud = new TwilioCloud(_loop, _transport, options);
        _loop.Failed = defect => Journal.Append(new EmulatorDefect(defect));
        _loop.AfterEach = Notify;
        // An empty builder reads no settings file and no ASPNETCORE_URLS, which belong to the service in the same process.
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, options.Port));
        _web = builder.Build();
        _web.Run(ServeAsync);
    }

    /// <summary>The origin of the REST API, in place of <c>https://api.twilio.com</c>.</summary>
    public Uri ApiBaseUrl { get; private set; } = new("http://127.0.0.1");

    /// <summary>The state of the emulator.</summary>
    /// <remarks>
    /// Use it only in <see cref="Read"/>, <see cref="AskAsync"/> and
    /// <see cref="WaitUntilAsync(Func{TwilioCloud, bool}, TimeSpan, string)"/>, which run between two actions of the loop.
    /// </remarks>
    public TwilioCloud Cloud { get; }

    public TwilioEmulatorOptions Options => Cloud.Options;

    public Journal Journal => Cloud.Journal;

    public Faults Faults => Cloud.Faults;

    /// <summary>Starts the emulator. Its REST API accepts requests when the task completes.</summary>
    public static async Task<TwilioEmulator> StartAsync(
        TwilioEmulatorOptions options, TimeProvider? clock = null, CancellationToken cancellationToken = default)
    {
        var emulator = new TwilioEmulator(options, clock ?? TimeProvider.System);
        await emulator._web.StartAsync(cancellationToken);
        emulator.ApiBaseUrl = new Uri(emulator._web.Urls.First());
        return emulator;
    }

    /// <summary>The Voice SDK client with that identity.</summary>
    public PhoneHandle Client(string identity) => At("client:" + identity);

    /// <summary>The telephone with that number in E.164 form.</summary>
    public PhoneHandle Phone(string number) => At(number);

    /// <summary>Reads the state between two actions, for example <c>emulator.Read(cloud => cloud.LonelyLegs().Count)</c>.</summary>
    public T Read<T>(Func<TwilioCloud, T> look) => _loop.Read(() => look(Cloud));

    /// <summary>Runs a function on the loop of the emulator.</summary>
    public Task<T> AskAsync<T>(Func<TwilioCloud, T> work) => _loop.InvokeAsync(() => work(Cloud));

    /// <summary>Waits until a condition is true. It is checked after every action, so even a short state is noticed.</summary>
    /// <exception cref="TimeoutException">
    /// The condition did not become true in time. The message has the newest journal entries.
    /// </exception>
    public async Task WaitUntilAsync(
        Func<TwilioCloud, bool> condition, TimeSpan timeout, [CallerArgumentExpression(nameof(condition))] string what = "")
    {
        var waiter = new Waiter(condition);
        await _loop.InvokeAsync(() =>
        {
            _waiters.Add(waiter);
            waiter.Check(Cloud);
            return true;
        });
        try
        {
            await waiter.Done.WaitAsync(timeout);
        }
        catch (TimeoutException exception)
        {
            throw TimedOut(timeout, what, exception);
        }
        finally
        {
            waiter.GiveUp();
        }
    }

    /// <summary>Waits until a condition is true, with a description for the message. The default time-out is 30 seconds.</summary>
    public Task WaitUntilAsync(Func<TwilioCloud, bool> condition, string what, TimeSpan? patience = null) =>
        WaitUntilAsync(condition, patience ?? DefaultTimeout, what);

    /// <summary>Waits for a journal entry that matches, old or new. It is faster than a condition that searches the journal.</summary>
    public async Task<T> WaitForEntryAsync<T>(
        Func<T, bool> matches, TimeSpan timeout, [CallerArgumentExpression(nameof(matches))] string what = "")
        where T : JournalEntry
    {
        using var patience = new CancellationTokenSource(timeout);
        try
        {
            await foreach (var entry in Journal.FollowAsync(0, patience.Token))
            {
                if (entry is T wanted && matches(wanted))
                {
                    return wanted;
                }
            }
        }
        catch (OperationCanceledException exception) when (patience.IsCancellationRequested)
        {
            throw TimedOut(timeout, $"{typeof(T).Name} with {what}", exception);
        }
        throw new UnreachableException();
    }

    public async ValueTask DisposeAsync()
    {
        if (_stopping.IsCancellationRequested)
        {
            return;
        }
        await _stopping.CancelAsync();
        await _web.DisposeAsync();
        await _loop.DisposeAsync();
        _transport.Dispose();
    }

    private TimeoutException TimedOut(TimeSpan timeout, string what, Exception exception) => new(
        $"Not true within {timeout}: {what}\nSeed {Options.Seed}. The newest of {Journal.Last} journal entries:\n{Journal.Tail()}",
        exception);

    private PhoneHandle At(string address) => new(this, _loop.Read(() => Cloud.Phone(address)));

    private void Notify()
    {
        if (Journal.Last == _seen)
        {
            return;
        }
        _seen = Journal.Last;
        foreach (var waiter in _waiters)
        {
            waiter.Check(Cloud);
        }
        _waiters.RemoveAll(waiter => waiter.Done.IsCompleted);
    }

    private async Task ServeAsync(HttpContext context)
    {
        using var reader = new StreamReader(context.Request.Body);
        var form = Parameters.Parse(await reader.ReadToEndAsync(context.RequestAborted));
        var target = context.Features.Get<IHttpRequestFeature>()?.RawTarget ?? throw new UnreachableException();
        var request = new RestRequest(context.Request.Method, target, form, context.Request.Headers.Authorization);
        var response = await await _loop.InvokeAsync(() => SendAsync(request));
        switch (response.Outcome)
        {
            case RestOutcome.Answered:
                await AnswerAsync(context, response);
                break;
            case RestOutcome.NoAnswer:
                using (var stopped = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, _stopping.Token))
                {
                    await Task.Delay(Timeout.InfiniteTimeSpan, stopped.Token).ContinueWith(_ => context.Abort(), TaskScheduler.Default);
                }
                break;
            default:
                context.Abort();
                break;
        }
    }

    /// <summary>Sends a request to the cloud. The answer continues on a thread of the web server, so that the loop stays free.</summary>
    private Task<RestResponse> SendAsync(RestRequest request)
    {
        var answer = new TaskCompletionSource<RestResponse>(TaskCreationOptions.RunContinuationsAsynchronously);
        Cloud.Launch(async () =>
        {
            try
            {
                answer.SetResult(await Cloud.SendAsync(request));
            }
            catch (Exception defect)
            {
                answer.SetException(defect);
            }
        });
        return answer.Task;
    }

    private static async Task AnswerAsync(HttpContext context, RestResponse response)
    {
        context.Response.StatusCode = response.Status;
        foreach (var (name, value) in response.Headers)
        {
            context.Response.Headers[name] = value;
        }
        if (response.Body.Length > 0)
        {
            context.Response.ContentType = "application/json;charset=utf-8";
            await context.Response.WriteAsync(response.Body, context.RequestAborted);
        }
    }

    private sealed class Waiter(Func<TwilioCloud, bool> condition)
    {
        private readonly TaskCompletionSource _done = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task Done => _done.Task;

        public void Check(TwilioCloud cloud)
        {
            try
            {
                if (!_done.Task.IsCompleted && condition(cloud))
                {
                    _done.TrySetResult();
                }
            }
            catch (Exception thrown)
            {
                _done.TrySetException(thrown);
            }
        }

        public void GiveUp() => _done.TrySetCanceled();
    }
}
