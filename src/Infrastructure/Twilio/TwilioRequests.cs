using System.Collections.Concurrent;
using System.Net.Sockets;
using Calls.Application.Telemetry;
using Newtonsoft.Json;
using Polly;
using Polly.CircuitBreaker;
using Polly.RateLimiting;
using Twilio.Clients;
using Twilio.Exceptions;
using Twilio.Http;

namespace Calls.Infrastructure.Twilio;

/// <summary>Sends one request of the Twilio library through its pipeline and decides the outcome: accepted, refused, unknown or not
/// sent.</summary>
internal sealed partial class TwilioRequests(
    ITwilioTransport transport, GatewayPipelines pipelines, GatewayTelemetry telemetry, TimeProvider clock,
    IOptionsMonitor<TwilioOptions> options, ILogger<TwilioRequests> logger)
{
    private readonly ConcurrentDictionary<(string Operation, string Failure), Outage> outages = new();

    /// <summary>Calls the library with <paramref name="ask"/> and reads the value from its resource with <paramref name="read"/>.</summary>
    /// <remarks>If <paramref name="read"/> returns null, Twilio does not document the answer, so the outcome is unknown. The token cancels
    /// a create only before it is sent, because the outcome of a cancelled create is unknown. The SIDs are for the span.</remarks>
    public async Task<GatewayOutcome<T>> SendAsync<TResource, T>(
        TwilioOperation operation, ConferenceSid? conference, CallSid? leg, Func<ITwilioRestClient, Task<TResource>> ask,
        Func<TResource, T?> read, CancellationToken cancellationToken)
        where T : class
    {
        cancellationToken.ThrowIfCancellationRequested();
        var client = options.CurrentValue.Client;
        using var exchange = new TwilioExchange(
            operation, client.AccountSid, clock.GetTimestamp(), () => GatewayTelemetry.Start(operation, client, conference, leg),
            (own, request) => SendAsync(own, request, cancellationToken));
        T? value = null;
        try
        {
            value = await ask(exchange) is { } resource ? read(resource) : null;
        }
        catch (Exception e) when (e is NotAcceptedException || (exchange.IsAccepted && e is not OperationCanceledException))
        {
            // Twilio did not accept the request, or the library cannot read the answer: a proxy's page, or an answer that was cut off.
        }

        var settled = Settle(exchange, value);
        Report(exchange, settled);
        return settled;
    }

    /// <summary>Sends the library's request through the pipeline of its kind.</summary>
    private async Task<Outcome<TwilioAnswer>> SendAsync(TwilioExchange exchange, Request request, CancellationToken cancellationToken)
    {
        var (name, kind) = exchange.Operation;
        // The host has no synchronization context. The simulation has one, so that Polly continues on its thread.
        var context = ResilienceContextPool.Shared.Get(
            name, continueOnCapturedContext: true, kind == RequestKind.Create ? CancellationToken.None : cancellationToken);
        context.Properties.Set(TwilioExchange.Key, exchange);
        try
        {
            var outcome = await pipelines.For(kind).ExecuteOutcomeAsync(AttemptAsync, context, request);
            if (outcome.Exception is OperationCanceledException)
                cancellationToken.ThrowIfCancellationRequested();
            return outcome;
        }
        finally
        {
            ResilienceContextPool.Shared.Return(context);
        }
    }

    private async ValueTask<Outcome<TwilioAnswer>> AttemptAsync(ResilienceContext context, Request request)
    {
        var exchange = TwilioExchange.Of(context);
        var before = exchange.MayHaveActed;
        exchange.BeginAttempt();
        (exchange.MayHaveActed, exchange.LastStatus) = (true, null);
        Outcome<TwilioAnswer> outcome;
        try
        {
            var answer = await transport.SendAsync(request, context.CancellationToken);
            exchange.LastStatus = (int)answer.Status;
            outcome = Outcome.FromResult(answer);
            if (answer.ConcurrentRequests is { } concurrent)
                telemetry.Concurrent(concurrent);
        }
        catch (Exception e) when (e is SocketException
            || (e is OperationCanceledException && !context.CancellationToken.IsCancellationRequested))
        {
            // The HTTP client reports these two ends of a connection that was never made in their own types: the peer closed it at once,
            // or ConnectTimeout has passed. (The caller did not cancel, and the HTTP client has no time-out.) Nothing was sent.
            outcome = Outcome.FromException<TwilioAnswer>(
                new HttpRequestException(HttpRequestError.ConnectionError, "No connection was made.", e));
        }
        catch (Exception e) when (e is HttpRequestException or IOException or OperationCanceledException)
        {
            outcome = Outcome.FromException<TwilioAnswer>(e);
        }

        if (GatewayPipelines.ProvesNothingDone(outcome))
            exchange.MayHaveActed = before;
        return outcome;
    }

    private static GatewayOutcome<T> Settle<T>(TwilioExchange exchange, T? value)
        where T : class =>
        (exchange.Outcome.Result, exchange.Outcome.Exception) switch
        {
            ({ IsSuccess: true }, _) when value is not null => new GatewayOutcome<T>.Accepted(value),
            ({ IsSuccess: true }, _) => new GatewayOutcome<T>.Unknown("unreadable answer"),
            ({ } answer, _) => CodeOf(answer.Body) is var code && TwilioErrors.Meaning(exchange.Operation, code, answer.Status) is { } its
                ? new GatewayOutcome<T>.Refused(its, code, answer.RetryAfter)
                : new GatewayOutcome<T>.Unknown(string.Create(CultureInfo.InvariantCulture, $"HTTP {(int)answer.Status}")),
            (_, { } exception) when exchange.MayHaveActed => new GatewayOutcome<T>.Unknown(exception.GetType().Name),
            // Twilio refused the last attempt with a 429, and there was no other attempt.
            (_, { } stopped) when exchange.LastStatus is not null => new GatewayOutcome<T>.Refused(
                Refusal.NotProcessed, null, (stopped as RateLimiterRejectedException)?.RetryAfter),
            (_, BrokenCircuitException { RetryAfter: var wait }) => new GatewayOutcome<T>.NotSent(NotSentCause.Breaker, wait),
            (_, RateLimiterRejectedException { RetryAfter: var wait }) => new GatewayOutcome<T>.NotSent(NotSentCause.Limiter, wait),
            (_, HttpRequestException) => new GatewayOutcome<T>.NotSent(NotSentCause.Connection),
            // The total time-out has passed while the request waited for its turn.
            _ => new GatewayOutcome<T>.NotSent(NotSentCause.Limiter),
        };

    /// <summary>Twilio's error code; null if the body is no error of Twilio. The message is not read: it may quote a phone
    /// number.</summary>
    private static int? CodeOf(string body)
    {
        try
        {
            return RestException.FromJson(body)?.Code is { } code and not 0 ? code : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private void Report<T>(TwilioExchange exchange, GatewayOutcome<T> settled)
    {
        var (operation, took) = (exchange.Operation.Name, clock.GetElapsedTime(exchange.CreatedAt));
        switch (settled)
        {
            case GatewayOutcome<T>.Refused { Meaning: var meaning, Code: var code }:
                var level = meaning == Refusal.NotPermitted ? LogLevel.Error
                    : meaning is Refusal.BadRequest or Refusal.NotProcessed ? LogLevel.Warning
                    : LogLevel.Debug;
                telemetry.Settled(exchange, took, "refused", meaning.ToString(), code, isError: level >= LogLevel.Warning);
                if (level >= LogLevel.Warning)
                    Of(operation, meaning.ToString()).Failed(() => Log.Refuses(logger, level, operation, meaning, code));
                else
                    Worked(operation);
                break;
            case GatewayOutcome<T>.Unknown { Why: var why }:
                telemetry.Settled(exchange, took, "unknown", why, null, isError: true);
                Of(operation, "Unknown").Failed(() => Log.Unknown(logger, operation, why, exchange.Attempts));
                break;
            case GatewayOutcome<T>.NotSent { Cause: var cause }:
                telemetry.NotSent(exchange, cause);
                if (cause == NotSentCause.Connection)
                    Of(operation, "NoConnection").Failed(() => Log.Unreachable(logger, operation, exchange.Attempts));
                else
                    Log.NotSent(logger, operation, cause);
                break;
            default:
                if (settled is GatewayOutcome<CallSid>.Accepted { Value: var created })
                    exchange.Span?.SetTag(GatewayTelemetry.CallSid, created.Value);
                telemetry.Settled(exchange, took, "accepted", null, null, isError: false);
                Worked(operation);
                break;
        }
    }

    private Outage Of(string operation, string failure) => outages.GetOrAdd((operation, failure), key => new Outage(
        clock, (count, lasted) => Log.Works(logger, key.Operation, key.Failure, count, lasted.TotalSeconds)));

    private void Worked(string operation)
    {
        foreach (var (key, outage) in outages)
            if (key.Operation == operation)
                outage.Worked();
    }

    private static partial class Log
    {
        [LoggerMessage(EventId = 5001,
            Message = "Twilio refuses {Operation}: {Meaning}, code {Code}. See twilio.com/docs/api/errors. Further such refusals are "
                + "counted and not logged.")]
        public static partial void Refuses(ILogger logger, LogLevel level, string operation, Refusal meaning, int? code);

        [LoggerMessage(5002, LogLevel.Warning,
            "It is not known whether Twilio carried out {Operation}: {Why}, after {Attempts} attempts. Further such outcomes are counted "
            + "and not logged.")]
        public static partial void Unknown(ILogger logger, string operation, string why, int attempts);

        [LoggerMessage(5004, LogLevel.Warning,
            "No connection to Twilio was made for {Operation}, after {Attempts} attempts. Further such failures are counted and not "
            + "logged.")]
        public static partial void Unreachable(ILogger logger, string operation, int attempts);

        [LoggerMessage(5005, LogLevel.Information,
            "Twilio answers {Operation} again. The outage ({Failure}) had {Count} failures within {Seconds} seconds.")]
        public static partial void Works(ILogger logger, string operation, string failure, int count, double seconds);

        [LoggerMessage(5006, LogLevel.Debug, "{Operation} was not sent, because of the {Cause}.")]
        public static partial void NotSent(ILogger logger, string operation, NotSentCause cause);
    }
}

/// <summary>One request with the state of its attempts. The library gets it as its client, and its requests go to our pipeline.</summary>
internal sealed class TwilioExchange(
    TwilioOperation operation, string accountSid, long createdAt, Func<Activity?> startSpan,
    Func<TwilioExchange, Request, Task<Outcome<TwilioAnswer>>> send) : ITwilioRestClient, IDisposable
{
    public static readonly ResiliencePropertyKey<TwilioExchange> Key = new("calls.twilio.exchange");

    public TwilioOperation Operation => operation;
    public string AccountSid => accountSid;
    public string? Region => null;
    public global::Twilio.Http.HttpClient HttpClient => throw new NotSupportedException("The service has its own transport.");
    public long CreatedAt => createdAt;
    /// <summary>When the request got its permit. The total time-out counts from the same moment.</summary>
    public long? StartedAt { get; set; }
    public int Attempts { get; private set; }
    /// <summary>The span of the request, from its first attempt on. A request that was not sent has no span.</summary>
    public Activity? Span { get; private set; }
    /// <summary>The HTTP status of the last attempt; null if that attempt got no answer.</summary>
    public int? LastStatus { get; set; }
    /// <summary>An attempt is under way, or an attempt ended without an answer that proves that Twilio did nothing.</summary>
    public bool MayHaveActed { get; set; }
    public Outcome<TwilioAnswer> Outcome { get; private set; }
    public bool IsAccepted => Outcome.Result is { IsSuccess: true };

    public static TwilioExchange Of(ResilienceContext context) =>
        context.Properties.TryGetValue(Key, out var exchange) ? exchange : throw new UnreachableException("Every request has its exchange");

    /// <summary>Begins an attempt, within the span of the request.</summary>
    public void BeginAttempt()
    {
        if (Attempts++ == 0)
            Span = startSpan();
        else if (Span is not null)
            Activity.Current = Span;
    }

    /// <summary>An attempt has ended, and another attempt follows.</summary>
    public void Retrying(int attempt, Outcome<TwilioAnswer> outcome) => GatewayTelemetry.Retrying(Span, attempt, outcome);

    public void Dispose() => Span?.Dispose();

    public Response Request(Request request) => throw new NotSupportedException("The service sends only asynchronous requests.");

    public async Task<Response> RequestAsync(Request request)
    {
        Outcome = await send(this, request);
        return Outcome.Result is { IsSuccess: true } answer ? new Response(answer.Status, answer.Body) : throw new NotAcceptedException();
    }
}

/// <summary>Ends the library's method, which can return only a success. The exchange has the outcome.</summary>
internal sealed class NotAcceptedException : Exception;
