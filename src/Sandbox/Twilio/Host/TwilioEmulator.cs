using System.Diagnostics;
using System.Net;
using System.Runtime.CompilerServices;
using Microsoft.AspNetCore.Http.Features;

namespace Calls.Sandbox.Twilio;

/// <summary>Twilio on this machine: the REST API on a port, real signed webhooks, and phones for a script or a page to use.</summary>
public sealed class TwilioEmulator : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(15);
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
        // Nothing of the environment: no settings files, no ASPNETCORE_URLS meant for the service beside it.
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, options.Port));
        _web = builder.Build();
        _web.Run(ServeAsync);
    }

    /// <summary>The origin of the REST API, in place of <c>https://api.twilio.com</c>.</summary>
    public Uri ApiBaseUrl { get; private set; } = new("http://127.0.0.1");

    /// <summary>What is behind it. To be read in <see cref="Read"/>, <see cref="AskAsync"/> and <see cref="WaitUntilAsync(Func{TwilioCloud, bool}, TimeSpan, string)"/>, which take their turn.</summary>
    public TwilioCloud Cloud { get; }

    public TwilioEmulatorOptions Options => Cloud.Options;

    public Journal Journal => Cloud.Journal;

    public Faults Faults => Cloud.Faults;

    public static async Task<TwilioEmulator> StartAsync(TwilioEmulatorOptions options, TimeProvider? clock = null, CancellationToken cancellationToken = default)
    {
        var emulator = new TwilioEmulator(options, clock ?? TimeProvider.System);
        await emulator._web.StartAsync(cancellationToken);
        emulator.ApiBaseUrl = new Uri(emulator._web.Urls.First());
        return emulator;
    }

    /// <summary>The Voice SDK client of that identity.</summary>
    public PhoneHandle Client(string identity) => At("client:" + identity);

    /// <summary>The telephone of that number, E.164.</summary>
    public PhoneHandle Phone(string number) => At(number);

    /// <summary>Looks at the truth, between two events: <c>emulator.Read(cloud => cloud.LonelyLegs().Count)</c>.</summary>
    public T Read<T>(Func<TwilioCloud, T> look) => _loop.Read(() => look(Cloud));

    /// <summary>Does something on the cloud's own thread.</summary>
    public Task<T> AskAsync<T>(Func<TwilioCloud, T> work) => _loop.InvokeAsync(() => work(Cloud));

    /// <summary>Waits until the cloud is so. It is looked at after every event, so a state of a moment is seen too.</summary>
    /// <exception cref="TimeoutException">It did not become so; the message holds the end of the journal.</exception>
    public async Task WaitUntilAsync(
        Func<TwilioCloud, bool> condition, TimeSpan timeout, [CallerArgumentExpression(nameof(condition))] string what = "")
    {
        var waiter = new Waiter(condition);
        await _loop.InvokeAsync(() =>
        {
            _waiters.Add(waiter);
            waiter.Look(Cloud);
            return true;
        });
        try
        {
            await waiter.Done.WaitAsync(timeout);
        }
        catch (TimeoutException late)
        {
            throw Late(timeout, what, late);
        }
        finally
        {
            waiter.GiveUp();
        }
    }

    /// <summary>The same, with words for the message, and fifteen seconds where nothing else is said.</summary>
    public Task WaitUntilAsync(Func<TwilioCloud, bool> condition, string what, TimeSpan? patience = null) => WaitUntilAsync(condition, patience ?? Patience, what);

    /// <summary>Waits for a journal entry, from the first on; quicker than a condition that searches the journal after every event.</summary>
    public async Task<T> WaitForEntryAsync<T>(Func<T, bool> matches, TimeSpan timeout, [CallerArgumentExpression(nameof(matches))] string what = "")
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
        catch (OperationCanceledException late) when (patience.IsCancellationRequested)
        {
            throw Late(timeout, $"{typeof(T).Name} with {what}", late);
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

    private TimeoutException Late(TimeSpan timeout, string what, Exception late) => new(
        $"Not within {timeout}: {what}\nSeed {Options.Seed}. The newest of {Journal.Last} journal entries:\n{Journal.Tail()}", late);

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
            waiter.Look(Cloud);
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
                using (var over = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, _stopping.Token))
                {
                    await Task.Delay(Timeout.InfiniteTimeSpan, over.Token).ContinueWith(_ => context.Abort(), TaskScheduler.Default);
                }
                break;
            default:
                context.Abort();
                break;
        }
    }

    /// <summary>The cloud's answer, handed over to the web server's own thread, so that the loop goes on.</summary>
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

        public void Look(TwilioCloud cloud)
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
