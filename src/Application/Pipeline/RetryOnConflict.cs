using Calls.Application.Ports;
using MediatR;

namespace Calls.Application.Pipeline;

/// <summary>Somebody else wrote the session first: decide again on what they wrote. Outermost, bounded, jittered, and for that one cause alone.</summary>
/// <remarks>A write that was not acknowledged is not a conflict; the store repeats it under its own id.</remarks>
internal sealed class RetryOnConflict<TRequest, TResponse>(CallsTelemetry telemetry, TimeProvider clock) : IPipelineBehavior<TRequest, TResponse>
    where TRequest : ISessionCommand
{
    private const int MaxAttempts = 12;

    private static readonly TimeSpan MaxWait = TimeSpan.FromMilliseconds(40);

    public async Task<TResponse> Handle(TRequest request, RequestHandlerDelegate<TResponse> next, CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return await next();
            }
            catch (SessionConflictException) when (attempt < MaxAttempts)
            {
                telemetry.Conflict(typeof(TRequest).Name);
            }

            await Task.Delay(Jittered(attempt), clock, cancellationToken);
        }
    }

    /// <summary>Full jitter over a range that grows with the attempts: 0-5 ms at first, 0-40 ms at most.</summary>
    private static TimeSpan Jittered(int attempt)
    {
        var range = Math.Min(MaxWait.TotalMilliseconds, 5 * attempt);
        return TimeSpan.FromMilliseconds(Random.Shared.NextDouble() * range);
    }
}
