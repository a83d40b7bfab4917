using System.Diagnostics;
using System.Globalization;
using System.Net;
using Calls.Application.Ports;
using Microsoft.Extensions.Logging;
using Polly;

namespace Calls.Infrastructure.Twilio;

/// <summary>Sends one request through its pipeline, and settles what became of it: accepted, refused or unknown.</summary>
internal sealed partial class TwilioRequests(GatewayPipelines pipelines, GatewayTelemetry telemetry, TimeProvider clock, ILogger<TwilioRequests> logger)
{
    /// <param name="operation">Which operation it is.</param>
    /// <param name="tag">Puts SIDs on the span.</param>
    /// <param name="send">Sends one attempt.</param>
    /// <param name="read">Reads the value from the body; null where it cannot be read, and then nobody knows what became of the request.</param>
    /// <param name="cancellationToken">For a create it only counts before it is sent: a cancelled create is an unknown one.</param>
    public async Task<GatewayOutcome<T>> SendAsync<T>(
        TwilioOperation operation, Action<Activity?> tag, Func<CancellationToken, Task<HttpResponseMessage>> send, Func<byte[], T?> read, CancellationToken cancellationToken)
        where T : class
    {
        cancellationToken.ThrowIfCancellationRequested();
        using var span = GatewayTelemetry.Start(operation);
        tag(span);
        var progress = new RequestProgress(clock.GetTimestamp());
        var context = ResilienceContextPool.Shared.Get(operation.Name, operation.Kind == RequestKind.Create ? CancellationToken.None : cancellationToken);
        progress.PutInto(context);
        Outcome<TwilioAnswer> outcome;
        try
        {
            outcome = await pipelines.For(operation.Kind).ExecuteOutcomeAsync(AttemptAsync, context, send);
        }
        finally
        {
            ResilienceContextPool.Shared.Return(context);
        }

        if (outcome.Exception is OperationCanceledException)
            cancellationToken.ThrowIfCancellationRequested();
        var settled = Settle(operation, outcome, progress, read);
        Report(span, operation, settled, progress);
        return settled;
    }

    private async ValueTask<Outcome<TwilioAnswer>> AttemptAsync(ResilienceContext context, Func<CancellationToken, Task<HttpResponseMessage>> send)
    {
        var progress = RequestProgress.Of(context);
        var before = progress.Begin(clock.GetTimestamp());
        Outcome<TwilioAnswer> outcome;
        try
        {
            using var response = await send(context.CancellationToken);
            var body = await response.Content.ReadAsByteArrayAsync(context.CancellationToken);
            outcome = Outcome.FromResult(new TwilioAnswer(response.StatusCode, body, RetryAfterOf(response)));
            if (response.Headers.TryGetValues("Twilio-Concurrent-Requests", out var values) && int.TryParse(values.First(), CultureInfo.InvariantCulture, out var concurrent))
                telemetry.Concurrent(concurrent);
        }
        catch (OperationCanceledException e) when (!context.CancellationToken.IsCancellationRequested)
        {
            // Nobody has cancelled and the client has no time-out of its own: it is the handler's ConnectTimeout, and nothing was sent.
            outcome = Outcome.FromException<TwilioAnswer>(new HttpRequestException(HttpRequestError.ConnectionError, "No connection in time", e));
        }
        catch (Exception e) when (e is HttpRequestException or IOException or OperationCanceledException)
        {
            outcome = Outcome.FromException<TwilioAnswer>(e);
        }

        if (GatewayPipelines.ProvesNothingDone(outcome))
            progress.MayHaveActed = before;
        return outcome;
    }

    private TimeSpan? RetryAfterOf(HttpResponseMessage response)
    {
        var wait = response.Headers.RetryAfter is { } header ? header.Delta ?? (header.Date - clock.GetUtcNow()) : null;
        return wait < TimeSpan.Zero ? TimeSpan.Zero : wait;
    }

    private static GatewayOutcome<T> Settle<T>(TwilioOperation operation, Outcome<TwilioAnswer> outcome, RequestProgress progress, Func<byte[], T?> read)
        where T : class
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
        if ((int)answer.Status is >= 200 and < 300)
            return read(answer.Body) is { } value ? new GatewayOutcome<T>.Accepted(value) : new GatewayOutcome<T>.Unknown("unreadable answer");
        var code = TwilioJson.Read(answer.Body, TwilioJson.Default.ErrorResource)?.Code;
        return TwilioErrors.Meaning(operation, code, answer.Status) is { } meaning
            ? new GatewayOutcome<T>.Refused(meaning, code, answer.RetryAfter)
            : new GatewayOutcome<T>.Unknown(string.Create(CultureInfo.InvariantCulture, $"HTTP {(int)answer.Status}"));
    }

    private void Report<T>(Activity? span, TwilioOperation operation, GatewayOutcome<T> outcome, RequestProgress progress)
    {
        var took = clock.GetElapsedTime(progress.CreatedAt);
        switch (outcome)
        {
            case GatewayOutcome<T>.Refused { Meaning: var meaning, Code: var code }:
                var failed = meaning is Refusal.NotPermitted or Refusal.BadRequest or Refusal.NotProcessed;
                telemetry.Settled(span, operation, "refused", meaning.ToString(), code, failed, progress.Attempts, took);
                Log.Refused(logger, meaning switch { Refusal.NotPermitted => LogLevel.Error, Refusal.BadRequest or Refusal.NotProcessed => LogLevel.Warning, _ => LogLevel.Debug },
                    operation.Name, meaning, code, progress.Attempts);
                break;
            case GatewayOutcome<T>.Unknown { Why: var why }:
                telemetry.Settled(span, operation, "unknown", why, null, failed: true, progress.Attempts, took);
                Log.Unknown(logger, operation.Name, why, progress.Attempts);
                break;
            default:
                telemetry.Settled(span, operation, "accepted", null, null, failed: false, progress.Attempts, took);
                break;
        }
    }

    private static partial class Log
    {
        [LoggerMessage(EventId = 5001, Message = "Twilio refused {Operation}: {Meaning}, code {Code}, after {Attempts} attempts (twilio.com/docs/api/errors)")]
        public static partial void Refused(ILogger logger, LogLevel level, string operation, Refusal meaning, int? code, int attempts);

        [LoggerMessage(5002, LogLevel.Warning, "Nobody knows whether Twilio did {Operation}: {Why}, after {Attempts} attempts")]
        public static partial void Unknown(ILogger logger, string operation, string why, int attempts);
    }
}

/// <summary>What Twilio answered to one attempt. No <c>ToString</c> shows the body: it holds numbers.</summary>
internal sealed class TwilioAnswer(HttpStatusCode status, byte[] body, TimeSpan? retryAfter)
{
    public HttpStatusCode Status => status;

    public byte[] Body => body;

    /// <summary>The wait that the <c>Retry-After</c> header asks for.</summary>
    public TimeSpan? RetryAfter => retryAfter;
}

/// <summary>What is known of one request while its attempts are made.</summary>
internal sealed class RequestProgress(long createdAt)
{
    private static readonly ResiliencePropertyKey<RequestProgress> Key = new("calls.twilio.progress");

    public long CreatedAt => createdAt;

    /// <summary>When the first attempt began: behind the limiter, where the total time-out counts from too.</summary>
    public long StartedAt { get; private set; }

    public int Attempts { get; private set; }

    /// <summary>Whether some attempt may have been acted upon: it is under way, or it ended without an answer that rules this out.</summary>
    public bool MayHaveActed { get; set; }

    public static RequestProgress Of(ResilienceContext context) =>
        context.Properties.TryGetValue(Key, out var progress) ? progress : throw new UnreachableException("Every request has its progress");

    public void PutInto(ResilienceContext context) => context.Properties.Set(Key, this);

    /// <summary>An attempt begins; answers what held before it.</summary>
    public bool Begin(long now)
    {
        var before = MayHaveActed;
        if (Attempts++ == 0)
            StartedAt = now;
        MayHaveActed = true;
        return before;
    }
}
