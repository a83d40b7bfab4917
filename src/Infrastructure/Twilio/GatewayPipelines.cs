using System.Diagnostics.Metrics;
using System.Net;
using Calls.Application.Randomness;
using Polly;
using Polly.CircuitBreaker;
using Polly.Retry;
using Polly.Telemetry;
using Polly.Timeout;

namespace Calls.Infrastructure.Twilio;

/// <summary>A pipeline for each kind of request. From the outside in: limiter, total time-out, retry, pace, breaker, attempt
/// time-out.</summary>
/// <remarks>The standard resilience handler repeats a POST after a 5xx or a time-out, and so would ring a phone twice.</remarks>
internal sealed class GatewayPipelines
{
    private readonly TimeProvider clock;
    private readonly Dictionary<RequestKind, ResiliencePipeline<TwilioAnswer>> pipelines;

    public GatewayPipelines(GatewaySettings settings, TimeProvider clock, ILoggerFactory loggers)
    {
        this.clock = clock;
        pipelines = Enum.GetValues<RequestKind>().ToDictionary(kind => kind, kind => Build(kind, settings.For(kind), loggers));
    }

    /// <summary>The circuit breakers. Endings and updates have none.</summary>
    public List<(RequestKind Kind, CircuitBreakerStateProvider State)> Circuits { get; } = [];

    public ResiliencePipeline<TwilioAnswer> For(RequestKind kind) => pipelines[kind];

    private ResiliencePipeline<TwilioAnswer> Build(RequestKind kind, PipelineSettings its, ILoggerFactory loggers)
    {
        var pace = new Pace(its, clock);
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
                    IsTransient(kind, args.Outcome) && HasTimeLeft(kind, its, pace, args.Outcome.Result, args.Context)),
                DelayGenerator = args => ValueTask.FromResult(args.Outcome.Result?.RetryAfter),
                OnRetry = args =>
                {
                    TwilioExchange.Of(args.Context).Retrying(args.AttemptNumber + 1, args.Outcome);
                    return default;
                },
            })
            .AddStrategy(_ => pace, new Pace.Options());
        if (its.Breaker is { } breaker)
        {
            var state = new CircuitBreakerStateProvider();
            Circuits.Add((kind, state));
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

        // Polly's own metrics and logs get only the status. All are of level Debug, because the gateway logs each outage once.
        return builder.AddTimeout(new TimeoutStrategyOptions { Name = "attempt", Timeout = its.Attempt })
            .ConfigureTelemetry(new TelemetryOptions
            {
                LoggerFactory = loggers,
                ResultFormatter = (_, result) => result is TwilioAnswer answer ? (int)answer.Status : null,
                SeverityProvider = _ => ResilienceEventSeverity.Debug,
            })
            .Build();
    }

    private static bool IsTransient(RequestKind kind, Outcome<TwilioAnswer> outcome) => kind == RequestKind.Create
        ? ProvesNothingDone(outcome)
        : IsFailure(outcome.Exception) || outcome.Result?.Status is HttpStatusCode.TooManyRequests or HttpStatusCode.RequestTimeout
            or >= HttpStatusCode.InternalServerError;

    /// <summary>Twilio cannot have acted: its answer says so (twilio.com/docs/api/errors/20429), or no connection was made.</summary>
    internal static bool ProvesNothingDone(Outcome<TwilioAnswer> outcome) =>
        outcome is { Result.Status: HttpStatusCode.TooManyRequests }
        || outcome.Exception is HttpRequestException
        {
            HttpRequestError: HttpRequestError.NameResolutionError or HttpRequestError.ConnectionError
                or HttpRequestError.SecureConnectionError or HttpRequestError.ProxyTunnelError,
        };

    private static bool IsFailure(Exception? exception) => exception is HttpRequestException or IOException or TimeoutRejectedException;

    /// <summary>Whether another attempt fits into the total time-out, after the wait that Twilio asks for.</summary>
    /// <remarks>If it does not fit, the request ends at once, and its effect waits instead. A create needs the whole time of an attempt,
    /// because the outcome of a create that the total time-out cuts short is unknown.</remarks>
    private bool HasTimeLeft(RequestKind kind, PipelineSettings its, Pace pace, TwilioAnswer? answer, ResilienceContext context)
    {
        var left = its.Total - (TwilioExchange.Of(context).StartedAt is { } from ? clock.GetElapsedTime(from) : TimeSpan.Zero);
        if (answer?.Status == HttpStatusCode.TooManyRequests && pace.Wait + its.Attempt > left)
            return false;
        return answer?.RetryAfter is { } wait ? wait + its.Attempt <= left : kind != RequestKind.Create || its.Attempt <= left;
    }
}

/// <summary>Reports the state of each circuit breaker while the host runs.</summary>
internal sealed class CircuitGauge(GatewayPipelines pipelines, GatewayTelemetry telemetry, IMeterFactory meters) : IHostedService
{
    public Task StartAsync(CancellationToken cancellationToken)
    {
        telemetry.StartAtZero();
        meters.Create(GatewayTelemetry.Name).CreateObservableGauge(
            "calls.twilio.circuit", () => pipelines.Circuits.Select(circuit => new Measurement<int>(
                circuit.State.CircuitState switch { CircuitState.Closed => 0, CircuitState.HalfOpen => 1, _ => 2 },
                new KeyValuePair<string, object?>("pipeline", circuit.Kind.ToString()))),
            "{state}", "State of the circuit to Twilio by pipeline: 0 closed, 1 half-open, 2 open.");
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
