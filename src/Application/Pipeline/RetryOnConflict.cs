using System.Diagnostics;
using Calls.Application.Ports;
using MediatR;

namespace Calls.Application.Pipeline;

/// <summary>Somebody else wrote the session first: decide again on what they wrote. Outermost, bounded, jittered, and for that one cause alone.</summary>
/// <remarks>Requests of this process for one session are served one after another, so that conflicts are left to those of other replicas. A report is decided on what this replica
/// remembers of the session, where it does: a save says whether that was the truth, and the first attempt is then spent instead of a load.
/// A write that was not acknowledged is not a conflict; the store repeats it under its own id.</remarks>
internal sealed class RetryOnConflict<TRequest, TResponse>(CallTrace trace, CallsTelemetry telemetry, SessionLines lines, RecentSessions recent, TimeProvider clock) : IPipelineBehavior<TRequest, TResponse>
    where TRequest : ISessionCommand
{
    private const int MaxAttempts = 12;

    private static readonly TimeSpan MaxWait = TimeSpan.FromMilliseconds(40);

    public async Task<TResponse> Handle(TRequest request, RequestHandlerDelegate<TResponse> next, CancellationToken cancellationToken)
    {
        var turn = lines.StandIn(request.SessionId);
        try
        {
            if (!turn.HasCome)
                await turn.ComesAsync(clock, cancellationToken);
            var remembered = request is ISessionReport ? recent.Find(request.SessionId) : null;
            if (remembered is not null)
                trace.Remember(remembered);
            for (var attempt = 1; ; attempt++)
            {
                try
                {
                    var response = await next();
                    return trace.RestsOnMemory ? throw new UnreachableException($"{typeof(TRequest).Name} was answered from memory alone") : response;
                }
                catch (SessionConflictException conflict) when (attempt < MaxAttempts)
                {
                    telemetry.Conflict(typeof(TRequest).Name);
                    if (attempt == 1 && remembered is not null)
                        recent.IsShared(request.SessionId);
                    trace.Keep(conflict.Found);
                }

                if (attempt > 1)
                    await Task.Delay(Jittered(attempt), clock, cancellationToken);
            }
        }
        finally
        {
            turn.End();
        }
    }

    /// <summary>Full jitter over a range that grows with the attempts: 0-10 ms at first, 0-40 ms at most.</summary>
    private static TimeSpan Jittered(int attempt)
    {
        var range = Math.Min(MaxWait.TotalMilliseconds, 5 * attempt);
        return TimeSpan.FromMilliseconds(Chance.Jitter() * range);
    }
}
