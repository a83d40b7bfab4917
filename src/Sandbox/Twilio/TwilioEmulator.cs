using System.Globalization;
using System.Text;

namespace Calls.Sandbox.Twilio;

/// <summary>An emulated Twilio over real HTTP: its REST API on a loopback port, its webhooks signed and sent, and phones that a script or a person can use.</summary>
public sealed class TwilioEmulator : IAsyncDisposable
{
    private readonly ActorLoop loop;
    private readonly HttpWebhookTransport transport;
    private readonly TimeProvider clock;
    private readonly WebApplication rest;

    private TwilioEmulator(TwilioEmulatorOptions options, TimeProvider clock)
    {
        this.clock = clock;
        loop = new ActorLoop(clock);
        transport = new HttpWebhookTransport(loop, clock);
        Cloud = new TwilioCloud(options, loop, transport);
        rest = BuildRest();
    }

    /// <summary>The state behind it. To be read in <see cref="WaitUntilAsync"/> and <see cref="AskAsync{T}"/>, which take their turn.</summary>
    public TwilioCloud Cloud { get; }

    public TwilioEmulatorOptions Options => Cloud.Options;

    public Faults Faults => Cloud.Faults;

    public Journal Journal => Cloud.Journal;

    /// <summary>For the service's <c>Twilio:Client:ApiBaseUrl</c>.</summary>
    public Uri ApiBaseUrl { get; private set; } = new("http://127.0.0.1");

    public static async Task<TwilioEmulator> StartAsync(TwilioEmulatorOptions options, TimeProvider? clock = null, CancellationToken cancellationToken = default)
    {
        var emulator = new TwilioEmulator(options, clock ?? TimeProvider.System);
        await emulator.rest.StartAsync(cancellationToken);
        emulator.ApiBaseUrl = new Uri(emulator.rest.Urls.First());
        return emulator;
    }

    /// <summary>An app user's phone.</summary>
    public PhoneHandle Client(string identity) => new(this, "client:" + identity);

    /// <summary>A telephone.</summary>
    public PhoneHandle Phone(string number) => new(this, number);

    /// <summary>Asks the cloud something in its turn.</summary>
    public Task<T> AskAsync<T>(Func<TwilioCloud, T> question) => loop.RunAsync(() => question(Cloud));

    /// <summary>Waits until something is true of the emulated Twilio; says what happened instead where it does not come true.</summary>
    /// <exception cref="TimeoutException">It did not; the message ends with the journal's last lines.</exception>
    public async Task WaitUntilAsync(Func<TwilioCloud, bool> condition, string what, TimeSpan? patience = null)
    {
        try
        {
            await loop.WhenAsync(() => condition(Cloud)).WaitAsync(patience ?? TimeSpan.FromSeconds(15), clock);
        }
        catch (TimeoutException e)
        {
            throw new TimeoutException($"It did not come true that {what}. The last that happened:{Environment.NewLine}{Journal.Tail()}", e);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await rest.DisposeAsync();
        await loop.DisposeAsync();
        transport.Dispose();
    }

    private WebApplication BuildRest()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls($"http://127.0.0.1:{Options.Port.ToString(CultureInfo.InvariantCulture)}");
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = TimeSpan.FromMilliseconds(200));
        var app = builder.Build();
        app.Map("/2010-04-01/Accounts/{account}/{**path}", ServeAsync);
        return app;
    }

    private async Task ServeAsync(HttpContext http, string account, string path)
    {
        if (!IsAuthenticated(http.Request) || account != Options.AccountSid)
        {
            await WriteAsync(http, RestAnswer.Error(401, 20003, "Authenticate"));
            return;
        }

        var parameters = http.Request.HasFormContentType ? (await http.Request.ReadFormAsync(http.RequestAborted)).AsEnumerable() : http.Request.Query;
        var lookup = parameters.SelectMany(p => p.Value, (p, value) => (p.Key, Value: value ?? "")).Append((Key: "AccountSid", Value: account)).ToLookup(p => p.Key, p => p.Value, StringComparer.Ordinal);
        var request = new RestRequest(http.Request.Method, path.EndsWith(".json", StringComparison.Ordinal) ? path[..^5] : path, lookup);
        var answer = await loop.RunAsync(() => Cloud.Serve(request));
        if (Faults.RestLatency > TimeSpan.Zero)
            await Task.Delay(Faults.RestLatency, clock, http.RequestAborted);
        if (answer.Silence == RestSilence.Hold)
            await Task.Delay(TimeSpan.FromMinutes(1), clock, http.RequestAborted).ContinueWith(_ => { }, TaskScheduler.Default);
        if (answer.Silence != RestSilence.None)
            http.Abort();
        else
            await WriteAsync(http, answer);
    }

    private static async Task WriteAsync(HttpContext http, RestAnswer answer)
    {
        http.Response.StatusCode = answer.Status;
        http.Response.Headers["Twilio-Request-Id"] = "RQ" + http.TraceIdentifier;
        http.Response.Headers["Twilio-Concurrent-Requests"] = "1";
        if (answer.RetryAfter is { } seconds)
            http.Response.Headers.RetryAfter = seconds.ToString(CultureInfo.InvariantCulture);
        if (answer.Body is not null)
        {
            http.Response.ContentType = "application/json;charset=utf-8";
            await http.Response.WriteAsync(answer.Body.ToJsonString(), http.RequestAborted);
        }
    }

    private bool IsAuthenticated(HttpRequest request)
    {
        var expected = new[] { (Options.AccountSid, Options.AuthToken), (Options.ApiKeySid ?? "", Options.ApiKeySecret ?? "") };
        return expected.Any(pair => pair.Item1.Length > 0
            && request.Headers.Authorization == "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes($"{pair.Item1}:{pair.Item2}")));
    }
}

/// <summary>One phone in a script's hand. Each action takes its turn in the emulated Twilio.</summary>
public sealed class PhoneHandle(TwilioEmulator emulator, string address)
{
    public string Address => address;

    /// <summary>Places a call over the Voice SDK, with the parameters that the app hands over.</summary>
    public Task<Leg> CallAsync(string to, string? sessionId = null) => emulator.AskAsync(cloud =>
        cloud.PlaceCall(cloud.Phone(address), to, sessionId is null ? [] : [new("SessionID", sessionId)]));

    /// <summary>What this phone does by itself when it rings.</summary>
    public Task BehaveAsync(PhoneBehaviour behaviour, TimeSpan after = default) => DoAsync((_, phone) => (phone.Behaviour, phone.After) = (behaviour, after));

    public Task AnswerAsync() => WithLegAsync((cloud, leg) => cloud.Answer(leg));

    public Task DeclineAsync() => WithLegAsync((cloud, leg) => cloud.Decline(leg));

    public Task HangUpAsync() => WithLegAsync((cloud, leg) => cloud.HangUp(leg));

    public Task DropAsync() => WithLegAsync((cloud, leg) => cloud.Drop(leg));

    public Task<Phone> LookAsync() => emulator.AskAsync(cloud => cloud.Phone(address));

    public Task RingsAsync(TimeSpan? patience = null) => emulator.WaitUntilAsync(cloud => cloud.Phone(address).Current?.Status == "ringing", $"{address} rings", patience);

    /// <summary>In a conference with at least one other person.</summary>
    public Task TalksAsync(TimeSpan? patience = null) =>
        emulator.WaitUntilAsync(cloud => cloud.Phone(address).Current?.Conference?.Connected.Count() >= 2, $"{address} talks to somebody", patience);

    public Task IsIdleAsync(TimeSpan? patience = null) => emulator.WaitUntilAsync(cloud => cloud.Phone(address).Current is null, $"{address} is idle", patience);

    private Task WithLegAsync(Action<TwilioCloud, Leg> action) => DoAsync((cloud, phone) =>
        action(cloud, phone.Current ?? throw new InvalidOperationException($"{address} has no leg")));

    private Task DoAsync(Action<TwilioCloud, Phone> action) => emulator.AskAsync(cloud =>
    {
        action(cloud, cloud.Phone(address));
        return true;
    });
}
