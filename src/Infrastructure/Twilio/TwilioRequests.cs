using Newtonsoft.Json;
using Polly;
using Polly.CircuitBreaker;
using Polly.RateLimiting;
using Twilio.Clients;
using Twilio.Exceptions;
using Twilio.Http;

namespace Calls.Infrastructure.Twilio;

/// <summary>Sends one request of the Twilio library through its pipeline and decides the outcome: accepted, refused or unknown.</summary>
internal sealed partial class TwilioRequests(
    ITwilioTransport transport, GatewayPipelines pipelines, GatewayTelemetry telemetry, TimeProvider clock,
    IOptionsMonitor<TwilioOptions> options, ILogger<TwilioRequests> logger)
{
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
        using var span = GatewayTelemetry.Start(operation, client, conference, leg);
        var exchange = new TwilioExchange(
            operation, client.AccountSid, clock.GetTimestamp(), (own, request) => SendAsync(own, request, cancellationToken));
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
        Report(span, exchange, settled);
        return settled;
    }

    /// <summary>Sends the library's request through the pipeline of its kind.</summary>
    private async Task<Outcome<TwilioAnswer>> SendAsync(TwilioExchange exchange, Request request, CancellationToken cancellationToken)
    {
        var (name, kind) = exchange.Operation;
        var context = ResilienceContextPool.Shared.Get(name, kind == RequestKind.Create ? CancellationToken.None : cancellationToken);
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
        if (exchange.Attempts++ == 0)
            exchange.StartedAt = clock.GetTimestamp();
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
        catch (OperationCanceledException e) when (!context.CancellationToken.IsCancellationRequested)
        {
            // The caller did not cancel, and the HTTP client has no time-out: ConnectTimeout has passed, and nothing was sent.
            outcome = Outcome.FromException<TwilioAnswer>(
                new HttpRequestException(HttpRequestError.ConnectionError, "No connection was made in time.", e));
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
            (_, BrokenCircuitException { RetryAfter: var wait }) => new GatewayOutcome<T>.Refused(Refusal.NotProcessed, null, wait),
            (_, RateLimiterRejectedException { RetryAfter: var wait }) => new GatewayOutcome<T>.Refused(Refusal.NotProcessed, null, wait),
            _ => new GatewayOutcome<T>.Refused(Refusal.NotProcessed, null),
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

    private void Report<T>(Activity? span, TwilioExchange exchange, GatewayOutcome<T> settled)
    {
        var took = clock.GetElapsedTime(exchange.CreatedAt);
        switch (settled)
        {
            case GatewayOutcome<T>.Refused { Meaning: var meaning, Code: var code }:
                var level = meaning == Refusal.NotPermitted ? LogLevel.Error
                    : meaning is Refusal.BadRequest or Refusal.NotProcessed ? LogLevel.Warning
                    : LogLevel.Debug;
                telemetry.Settled(span, exchange, took, "refused", meaning.ToString(), code, isError: level >= LogLevel.Warning);
                Log.Refused(logger, level, exchange.Operation.Name, meaning, code, exchange.Attempts);
                break;
            case GatewayOutcome<T>.Unknown { Why: var why }:
                telemetry.Settled(span, exchange, took, "unknown", why, null, isError: true);
                Log.Unknown(logger, exchange.Operation.Name, why, exchange.Attempts);
                break;
            default:
                if (settled is GatewayOutcome<CallSid>.Accepted { Value: var created })
                    span?.SetTag(GatewayTelemetry.CallSid, created.Value);
                telemetry.Settled(span, exchange, took, "accepted", null, null, isError: false);
                break;
        }
    }

    private static partial class Log
    {
        [LoggerMessage(EventId = 5001,
            Message = "Twilio refused {Operation}: {Meaning}, code {Code}, after {Attempts} attempts. See twilio.com/docs/api/errors.")]
        public static partial void Refused(ILogger logger, LogLevel level, string operation, Refusal meaning, int? code, int attempts);

        [LoggerMessage(5002, LogLevel.Warning, "It is not known whether Twilio carried out {Operation}: {Why}, after {Attempts} attempts.")]
        public static partial void Unknown(ILogger logger, string operation, string why, int attempts);
    }
}

/// <summary>One request with the state of its attempts. The library gets it as its client, and its requests go to our pipeline.</summary>
internal sealed class TwilioExchange(
    TwilioOperation operation, string accountSid, long createdAt, Func<TwilioExchange, Request, Task<Outcome<TwilioAnswer>>> send)
    : ITwilioRestClient
{
    public static readonly ResiliencePropertyKey<TwilioExchange> Key = new("calls.twilio.exchange");

    public TwilioOperation Operation => operation;
    public string AccountSid => accountSid;
    public string? Region => null;
    public global::Twilio.Http.HttpClient HttpClient => throw new NotSupportedException("The service has its own transport.");
    public long CreatedAt => createdAt;
    /// <summary>When the first attempt began: after the wait for a permit. The total time-out counts from the same moment.</summary>
    public long StartedAt { get; set; }
    public int Attempts { get; set; }
    /// <summary>The HTTP status of the last attempt; null if that attempt got no answer.</summary>
    public int? LastStatus { get; set; }
    /// <summary>An attempt is under way, or an attempt ended without an answer that proves that Twilio did nothing.</summary>
    public bool MayHaveActed { get; set; }
    public Outcome<TwilioAnswer> Outcome { get; private set; }
    public bool IsAccepted => Outcome.Result is { IsSuccess: true };

    public static TwilioExchange Of(ResilienceContext context) =>
        context.Properties.TryGetValue(Key, out var exchange) ? exchange : throw new UnreachableException("Every request has its exchange");

    public Response Request(Request request) => throw new NotSupportedException("The service sends only asynchronous requests.");

    public async Task<Response> RequestAsync(Request request)
    {
        Outcome = await send(this, request);
        return Outcome.Result is { IsSuccess: true } answer ? new Response(answer.Status, answer.Body) : throw new NotAcceptedException();
    }
}

/// <summary>Ends the library's method, which can return only a success. The exchange has the outcome.</summary>
internal sealed class NotAcceptedException : Exception;
