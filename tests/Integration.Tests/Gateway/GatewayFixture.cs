using System.Diagnostics;
using System.Diagnostics.Metrics;
using Calls.Application.Ports;
using Calls.Domain;
using Calls.Infrastructure.Twilio;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Calls.Integration.Tests.Gateway;

/// <summary>The gateway as the service registers it, against a scripted Twilio, with little patience.</summary>
internal sealed class GatewayFixture : IAsyncDisposable
{
    public const string AccountSid = "AC00000000000000000000000000000001";
    public const string CallerNumber = "+15550001111";

    private readonly ServiceProvider provider;

    private GatewayFixture(FakeTwilio twilio, ServiceProvider provider, LogSink logs)
    {
        Twilio = twilio;
        this.provider = provider;
        Logs = logs;
        Gateway = provider.GetRequiredService<IVoiceGateway>();
    }

    public FakeTwilio Twilio { get; }

    public IVoiceGateway Gateway { get; }

    public LogSink Logs { get; }

    public T Get<T>()
        where T : notnull => provider.GetRequiredService<T>();

    /// <summary>Quick, but long enough for a loopback request on a busy machine.</summary>
    public static GatewaySettings Quick { get; } = new()
    {
        Reads = new() { Permits = 8, Queue = 32, Total = S(10), Attempt = S(4), Retries = 3, Backoff = Ms(1), Breaker = new() },
        Endings = new() { Permits = 8, Queue = 32, Total = S(10), Attempt = S(4), Retries = 4, Backoff = Ms(1) },
        Updates = new() { Permits = 8, Queue = 32, Total = S(10), Attempt = S(4), Retries = 4, Backoff = Ms(1) },
        Creates = new() { Permits = 8, Queue = 0, Total = S(10), Attempt = S(4), Retries = 2, Backoff = Ms(1), Breaker = new() },
    };

    public static Task<GatewayFixture> StartAsync(GatewaySettings? settings = null, params (string Key, string Value)[] configuration) =>
        StartAsync(settings, _ => { }, configuration);

    public static async Task<GatewayFixture> StartAsync(
        GatewaySettings? settings, Action<IServiceCollection> configure, params (string Key, string Value)[] configuration)
    {
        var twilio = await FakeTwilio.StartAsync();
        var values = new Dictionary<string, string?>
        {
            ["PublicBaseUrl"] = "https://calls.example.com",
            ["Twilio:Client:AccountSid"] = AccountSid,
            ["Twilio:AuthToken"] = "the-auth-token",
            ["Twilio:Client:ApiBaseUrl"] = twilio.Url,
            ["Twilio:Voice:CallerId"] = CallerNumber,
        };
        foreach (var (key, value) in configuration)
            values[key] = value;
        var logs = new LogSink();
        var services = new ServiceCollection();
        services.AddLogging(logging => logging.SetMinimumLevel(LogLevel.Trace).AddProvider(logs));
        services.AddMetrics();
        services.AddSingleton(settings ?? Quick);
        services.AddCallsTwilio(new ConfigurationBuilder().AddInMemoryCollection(values).Build());
        configure(services);
        return new GatewayFixture(twilio, services.BuildServiceProvider(), logs);
    }

    public async ValueTask DisposeAsync()
    {
        await provider.DisposeAsync();
        await Twilio.DisposeAsync();
    }

    public static TimeSpan S(int seconds) => TimeSpan.FromSeconds(seconds);

    public static TimeSpan Ms(int milliseconds) => TimeSpan.FromMilliseconds(milliseconds);
}

/// <summary>Domain values for tests.</summary>
internal static class Given
{
    public static readonly SessionId Session = SessionId.TryParse("s:42", out var id) ? id : throw new UnreachableException();
    public static readonly ConferenceSid Conference = ConferenceSid.TryParse(Answer.ConferenceSid, out var sid)
        ? sid
        : throw new UnreachableException();
    public static readonly CallSid Leg = CallSid.TryParse(Answer.CallSid, out var sid) ? sid : throw new UnreachableException();
    public static readonly ClientIdentity Alice = Identity("alice");

    public static ClientIdentity Identity(string text) =>
        ClientIdentity.TryParse(text, out var identity) ? identity : throw new UnreachableException();

    public static Language Language(string text) =>
        Domain.Language.TryParse(text, out var language) ? language : throw new UnreachableException();

    public static PhoneNumber Number(string text) => PhoneNumber.TryParse(text, out var number) ? number : throw new UnreachableException();

    public static ParticipantId Participant(string text) =>
        ParticipantId.TryParse(text, out var id) ? id : throw new UnreachableException();

    public static OutboundCall CallTo(Party callee) =>
        new(Session, "nonce234", ParticipantId.Callee, callee, new Party.Client(Alice), TimeSpan.FromSeconds(30));

    public static OutboundCall ACall => CallTo(new Party.Client(Identity("bob")));

    public static OutboundParticipant AGuest =>
        new(Session, "nonce234", Participant("guest-1"), new Party.Phone(Number("+15551234567")), new Party.Client(Alice), Conference,
            TimeSpan.FromSeconds(30));
}

/// <summary>Every message that was logged, with its category and its values.</summary>
internal sealed class LogSink : ILoggerProvider, ILogger
{
    private readonly List<string> lines = [];

    public IReadOnlyList<string> Lines
    {
        get
        {
            lock (lines)
                return [.. lines];
        }
    }

    public ILogger CreateLogger(string categoryName) => this;

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(
        LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        var values = state is IEnumerable<KeyValuePair<string, object?>> pairs
            ? string.Join(' ', pairs.Select(p => $"{p.Key}={p.Value}"))
            : "";
        lock (lines)
            lines.Add($"{logLevel} {eventId.Id} {formatter(state, exception)} {values} {exception}");
    }

    public void Dispose()
    {
    }
}

/// <summary>Every span and measurement of the gateway, and of the pipelines, while it lives.</summary>
internal sealed class TelemetrySink : IDisposable
{
    private readonly ActivityListener spans;
    private readonly MeterListener meters = new();
    private readonly List<Activity> activities = [];
    private readonly List<(object? Scope, (string Name, double Value, string Tags) Value)> measurements = [];

    /// <param name="sources">Which sources to listen to; every one where none is named.</param>
    public TelemetrySink(params string[] sources)
    {
        spans = new ActivityListener
        {
            ShouldListenTo = source => sources.Length == 0 || sources.Contains(source.Name),
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = activity =>
            {
                lock (activities)
                    activities.Add(activity);
            },
        };
        ActivitySource.AddActivityListener(spans);
        meters.InstrumentPublished = (instrument, listener) => listener.EnableMeasurementEvents(instrument);
        meters.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Measured(instrument, value, tags));
        meters.SetMeasurementEventCallback<int>((instrument, value, tags, _) => Measured(instrument, value, tags));
        meters.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Measured(instrument, value, tags));
        meters.Start();
    }

    public IReadOnlyList<Activity> Spans
    {
        get
        {
            lock (activities)
                return [.. activities];
        }
    }

    /// <summary>The measurements of every service of the process.</summary>
    public IReadOnlyList<(string Name, double Value, string Tags)> Measurements
    {
        get
        {
            lock (measurements)
                return [.. measurements.Select(one => one.Value)];
        }
    }

    /// <summary>The measurements of one gateway alone.</summary>
    public IReadOnlyList<(string Name, double Value, string Tags)> Of(GatewayFixture gateway)
    {
        var scope = gateway.Get<IMeterFactory>();
        lock (measurements)
            return [.. measurements.Where(one => one.Scope == scope).Select(one => one.Value)];
    }

    /// <summary>All of it, in words.</summary>
    public string Everything => string.Join('\n', Spans.Select(Describe)) + "\n" + string.Join('\n', Measurements);

    public void Dispose()
    {
        spans.Dispose();
        meters.Dispose();
    }

    private static string Describe(Activity span) =>
        $"{span.Source.Name} {span.DisplayName} {span.OperationName} {span.StatusDescription} {Join(span.TagObjects)} "
        + $"{Join(span.Baggage.Select(b => new KeyValuePair<string, object?>(b.Key, b.Value)))} "
        + string.Join(' ', span.Events.Select(e => e.Name + Join(e.Tags)));

    private void Measured(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        lock (measurements)
            measurements.Add((instrument.Meter.Scope, (instrument.Name, value, Join(tags.ToArray()))));
    }

    private static string Join(IEnumerable<KeyValuePair<string, object?>> tags) => string.Join(' ', tags.Select(t => $"{t.Key}={t.Value}"));
}
