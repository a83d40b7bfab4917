using System.Net;
using Calls.Application.Randomness;
using Polly;
using Polly.CircuitBreaker;
using Polly.Retry;
using Polly.Telemetry;
using Polly.Timeout;

namespace Calls.Infrastructure.Twilio;

/// <summary>The resilience pipelines, one for each kind of request. From the outside in: limiter, total time-out, retry, breaker,
/// attempt time-out.</summary>
/// <remarks>The standard resilience handler does not serve: it repeats a POST after a 5xx or a time-out, and so rings a phone
/// twice.</remarks>
internal sealed class GatewayPipelines
{
    private readonly GatewaySettings settings;
    private readonly TimeProvider clock;
    private readonly List<(RequestKind Kind, CircuitBreakerStateProvider State)> circuits = [];
    private readonly Dictionary<RequestKind, ResiliencePipeline<TwilioAnswer>> pipelines;

    public GatewayPipelines(GatewaySettings settings, TimeProvider clock, ILoggerFactory loggers)
    {
        this.settings = settings;
        this.clock = clock;
        pipelines = Enum.GetValues<RequestKind>().ToDictionary(kind => kind, kind => Build(kind, loggers));
    }

    /// <summary>The circuit breakers. Idempotent writes have none.</summary>
    public IReadOnlyList<(RequestKind Kind, CircuitBreakerStateProvider State)> Circuits => circuits;

    public ResiliencePipeline<TwilioAnswer> For(RequestKind kind) => pipelines[kind];

    private ResiliencePipeline<TwilioAnswer> Build(RequestKind kind, ILoggerFactory loggers)
    {
        var its = settings.For(kind);
        var builder = new ResiliencePipelineBuilder<TwilioAnswer> { Name = "twilio-" + kind, TimeProvider = clock }
            .AddConcurrencyLimiter(its.Permits, its.Queue)
            .AddTimeout(new TimeoutStrategyOptions { Name = "total", Timeout = its.Total })
            .AddRetry(new RetryStrategyOptions<TwilioAnswer>
            {
                MaxRetryAttempts = its.Retries,
                Delay = its.Backoff,
                BackoffType = DelayBackoffType.Exponential,
                UseJitter = true,
                Randomizer = Chance.Jitter,
                ShouldHandle = args => ValueTask.FromResult(
                    IsTransient(kind, args.Outcome) && HasTimeLeft(kind, its, args.Outcome.Result, args.Context)),
                DelayGenerator = args => ValueTask.FromResult(args.Outcome.Result?.RetryAfter),
                OnRetry = args =>
                {
                    var (result, exception) = (args.Outcome.Result, args.Outcome.Exception);
                    GatewayTelemetry.Retrying(args.AttemptNumber + 1, (int?)result?.Status, exception?.GetType().FullName);
                    return default;
                },
            });
        if (its.Breaker is { } breaker)
        {
            var state = new CircuitBreakerStateProvider();
            circuits.Add((kind, state));
            builder.AddCircuitBreaker(new CircuitBreakerStrategyOptions<TwilioAnswer>
            {
                StateProvider = state,
                FailureRatio = breaker.FailureRatio,
                MinimumThroughput = breaker.MinimumThroughput,
                SamplingDuration = breaker.Sampling,
                BreakDuration = breaker.Break,
                ShouldHandle = args => ValueTask.FromResult(
                    args.Outcome is { Result.Status: >= HttpStatusCode.InternalServerError } || IsFailure(args.Outcome.Exception)),
            });
        }

        return builder
            .AddTimeout(new TimeoutStrategyOptions { Name = "attempt", Timeout = its.Attempt })
            .ConfigureTelemetry(Telemetry(loggers))
            .Build();
    }

    /// <summary>Polly's own metrics and logs. They get only the status, and most are of level Debug, because the outcome of a request is
    /// logged elsewhere.</summary>
    private static TelemetryOptions Telemetry(ILoggerFactory loggers) => new()
    {
        LoggerFactory = loggers,
        ResultFormatter = (_, result) => result is TwilioAnswer answer ? (int)answer.Status : null,
        SeverityProvider = args => args.Event.EventName is "OnCircuitOpened" or "OnCircuitClosed" or "OnCircuitHalfOpened"
            ? ResilienceEventSeverity.Warning
            : ResilienceEventSeverity.Debug,
    };

    private static bool IsTransient(RequestKind kind, Outcome<TwilioAnswer> outcome) => kind switch
    {
        RequestKind.Create => ProvesNothingDone(outcome),
        _ => IsFailure(outcome.Exception) || outcome is
        {
            Result.Status: HttpStatusCode.TooManyRequests or HttpStatusCode.RequestTimeout or >= HttpStatusCode.InternalServerError,
        },
    };

    /// <summary>Twilio cannot have acted: its answer says so (twilio.com/docs/api/errors/20429), or no connection was made.</summary>
    internal static bool ProvesNothingDone(Outcome<TwilioAnswer> outcome) =>
        outcome is { Result.Status: HttpStatusCode.TooManyRequests }
        || outcome.Exception is HttpRequestException
        {
            HttpRequestError: HttpRequestError.NameResolutionError or HttpRequestError.ConnectionError
                or HttpRequestError.SecureConnectionError or HttpRequestError.ProxyTunnelError,
        };

    private static bool IsFailure(Exception? exception) => exception is HttpRequestException or IOException or TimeoutRejectedException;

    /// <summary>Whether another attempt fits into the total time-out.</summary>
    /// <remarks>If Twilio asks for a wait, the attempt must fit after that wait. If it does not fit, the request ends at once, and its
    /// effect waits instead. A create needs the whole time of an attempt, because the outcome of a create that the total time-out cuts
    /// short is unknown.</remarks>
    private bool HasTimeLeft(RequestKind kind, PipelineSettings its, TwilioAnswer? answer, ResilienceContext context)
    {
        var left = its.Total - clock.GetElapsedTime(RequestProgress.Of(context).StartedAt);
        return answer?.RetryAfter is { } wait ? wait + its.Attempt <= left : kind != RequestKind.Create || its.Attempt <= left;
    }
}
