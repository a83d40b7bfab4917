using Newtonsoft.Json;
using Polly;
using Twilio.Clients;
using Twilio.Exceptions;
using Twilio.Http;

namespace Calls.Infrastructure.Twilio;

/// <summary>Sends one request of the Twilio library through its pipeline and decides the outcome: accepted, refused or unknown.</summary>
internal sealed partial class TwilioRequests(
    ITwilioTransport transport, GatewayPipelines pipelines, GatewayTelemetry telemetry, TimeProvider clock,
    IOptionsMonitor<TwilioOptions> options, ILogger<TwilioRequests> logger)
{
    /// <param name="operation">The operation that is requested.</param>
    /// <param name="conference">The conference of the request, for the span.</param>
    /// <param name="leg">The leg of the request, for the span.</param>
    /// <param name="ask">Calls the library with the client that it is given.</param>
    /// <param name="read">Reads the value from the library's resource. Null: Twilio does not document this answer, so the outcome is
    /// unknown.</param>
    /// <param name="cancellationToken">Cancels a create only before it is sent, because the outcome of a cancelled create is
    /// unknown.</param>
    public async Task<GatewayOutcome<T>> SendAsync<TResource, T>(
        TwilioOperation operation, ConferenceSid? conference, CallSid? leg, Func<ITwilioRestClient, Task<TResource>> ask,
        Func<TResource, T?> read, CancellationToken cancellationToken)
        where T : class
    {
        cancellationToken.ThrowIfCancellationRequested();
        var client = options.CurrentValue.Client;
        using var span = GatewayTelemetry.Start(operation, client);
        GatewayTelemetry.ConferenceSid(span, conference?.Value);
        GatewayTelemetry.CallSid(span, leg?.Value);
        var progress = new RequestProgress(clock.GetTimestamp());
        var exchange = new Exchange(this, operation, client.AccountSid, progress, cancellationToken);
        GatewayOutcome<T> settled;
        try
        {
            settled = await ask(exchange) is { } resource && read(resource) is { } value
                ? new GatewayOutcome<T>.Accepted(value)
                : Unreadable<T>();
        }
        catch (NotAcceptedException)
        {
            settled = Settle<T>(operation, exchange.Outcome, progress);
        }
        catch (Exception e) when (exchange.IsAccepted && e is not OperationCanceledException)
        {
            // Twilio accepted the request, but the library cannot read the answer: a proxy's page, or an answer that was cut off.
            settled = Unreadable<T>();
        }

        if (settled is GatewayOutcome<CallSid>.Accepted { Value: var created })
            GatewayTelemetry.CallSid(span, created.Value);
        Report(span, operation, settled, exchange.Outcome, progress);
        return settled;
    }

    /// <summary>Sends the library's request through the pipeline of its kind.</summary>
    private async Task<Outcome<TwilioAnswer>> SendAsync(
        TwilioOperation operation, Request request, RequestProgress progress, CancellationToken cancellationToken)
    {
        var context = ResilienceContextPool.Shared.Get(
            operation.Name, operation.Kind == RequestKind.Create ? CancellationToken.None : cancellationToken);
        progress.PutInto(context);
        try
        {
            return await pipelines.For(operation.Kind).ExecuteOutcomeAsync(AttemptAsync, context, request);
        }
        finally
        {
            ResilienceContextPool.Shared.Return(context);
        }
    }

    private async ValueTask<Outcome<TwilioAnswer>> AttemptAsync(ResilienceContext context, Request request)
    {
        var progress = RequestProgress.Of(context);
        var before = progress.Begin(clock.GetTimestamp());
        Outcome<TwilioAnswer> outcome;
        try
        {
            var answer = await transport.SendAsync(request, context.CancellationToken);
            progress.LastStatus = (int)answer.Status;
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
            progress.MayHaveActed = before;
        return outcome;
    }

    private static GatewayOutcome<T> Unreadable<T>() => new GatewayOutcome<T>.Unknown("unreadable answer");

    private static GatewayOutcome<T> Settle<T>(TwilioOperation operation, Outcome<TwilioAnswer> outcome, RequestProgress progress)
    {
        if (outcome.Result is not { } answer)
            return progress.MayHaveActed
                ? new GatewayOutcome<T>.Unknown(outcome.Exception!.GetType().Name)
                : new GatewayOutcome<T>.Refused(Refusal.NotProcessed, null, (outcome.Exception as ExecutionRejectedException) switch
                {
                    Polly.CircuitBreaker.BrokenCircuitException broken => broken.RetryAfter,
                    Polly.RateLimiting.RateLimiterRejectedException rejected => rejected.RetryAfter,
                    _ => null,
                });
        var code = CodeOf(answer.Body);
        return TwilioErrors.Meaning(operation, code, answer.Status) is { } meaning
            ? new GatewayOutcome<T>.Refused(meaning, code, answer.RetryAfter)
            : new GatewayOutcome<T>.Unknown(string.Create(CultureInfo.InvariantCulture, $"HTTP {(int)answer.Status}"));
    }

    /// <summary>Twilio's error code, or null if the body is not an error of Twilio. The error's message is not read: it may quote a
    /// phone number.</summary>
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

    /// <summary>The client that the library is given for one request. It sends the request through our pipeline and transport.</summary>
    private sealed class Exchange(
        TwilioRequests requests, TwilioOperation operation, string accountSid, RequestProgress progress,
        CancellationToken cancellationToken) : ITwilioRestClient
    {
        public string AccountSid => accountSid;

        public string? Region => null;

        public global::Twilio.Http.HttpClient HttpClient => throw new NotSupportedException("The service has its own transport.");

        public Outcome<TwilioAnswer> Outcome { get; private set; }

        public bool IsAccepted => Outcome.Result is { IsSuccess: true };

        public Response Request(Request request) => throw new NotSupportedException("The service sends only asynchronous requests.");

        public async Task<Response> RequestAsync(Request request)
        {
            Outcome = await requests.SendAsync(operation, request, progress, cancellationToken);
            if (Outcome.Exception is OperationCanceledException)
                cancellationToken.ThrowIfCancellationRequested();
            return Outcome.Result is { IsSuccess: true } answer
                ? new Response(answer.Status, answer.Body)
                : throw new NotAcceptedException();
        }
    }

    /// <summary>Ends the library's method, which can return only a success. The exchange knows what happened.</summary>
    private sealed class NotAcceptedException : Exception;

    private void Report<T>(
        Activity? span, TwilioOperation operation, GatewayOutcome<T> settled, Outcome<TwilioAnswer> outcome, RequestProgress progress)
    {
        var took = clock.GetElapsedTime(progress.CreatedAt);
        var error = outcome switch
        {
            { Exception: { } exception } => exception.GetType().FullName,
            { Result: { IsSuccess: false } answer } => ((int)answer.Status).ToString(CultureInfo.InvariantCulture),
            _ => "unreadable_answer",
        };
        switch (settled)
        {
            case GatewayOutcome<T>.Refused { Meaning: var meaning, Code: var code }:
                var failed = meaning is Refusal.NotPermitted or Refusal.BadRequest or Refusal.NotProcessed;
                telemetry.Settled(span, operation, "refused", meaning.ToString(), code, failed ? error : null, progress, took);
                var level = meaning switch
                {
                    Refusal.NotPermitted => LogLevel.Error,
                    Refusal.BadRequest or Refusal.NotProcessed => LogLevel.Warning,
                    _ => LogLevel.Debug,
                };
                Log.Refused(logger, level, operation.Name, meaning, code, progress.Attempts);
                break;
            case GatewayOutcome<T>.Unknown { Why: var why }:
                telemetry.Settled(span, operation, "unknown", why, null, error, progress, took);
                Log.Unknown(logger, operation.Name, why, progress.Attempts);
                break;
            default:
                telemetry.Settled(span, operation, "accepted", null, null, null, progress, took);
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

/// <summary>The state of one request while its attempts are made.</summary>
internal sealed class RequestProgress(long createdAt)
{
    private static readonly ResiliencePropertyKey<RequestProgress> Key = new("calls.twilio.progress");

    public long CreatedAt => createdAt;

    /// <summary>When the first attempt began: after the wait for a permit. The total time-out counts from the same moment.</summary>
    public long StartedAt { get; private set; }

    public int Attempts { get; private set; }

    /// <summary>The HTTP status of the last attempt; null if that attempt got no answer.</summary>
    public int? LastStatus { get; set; }
    /// <summary>Whether Twilio may have acted: an attempt is under way, or an attempt ended without an answer that rules this
    /// out.</summary>
    public bool MayHaveActed { get; set; }

    public static RequestProgress Of(ResilienceContext context) =>
        context.Properties.TryGetValue(Key, out var progress) ? progress : throw new UnreachableException("Every request has its progress");

    public void PutInto(ResilienceContext context) => context.Properties.Set(Key, this);

    /// <summary>Begins an attempt. Returns the value that <see cref="MayHaveActed"/> had before it.</summary>
    public bool Begin(long now)
    {
        var before = MayHaveActed;
        if (Attempts++ == 0)
            StartedAt = now;
        (MayHaveActed, LastStatus) = (true, null);
        return before;
    }
}
