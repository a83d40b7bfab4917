using System.Diagnostics;
using Calls.Application.Ports;
using Calls.Application.UseCases;
using Calls.Domain;
using MediatR;

namespace Calls.Application.Pipeline;

/// <summary>Around each use case of a session: requests of this process are served one after another, each attempt is a span in its call's trace, and where somebody else has written first,
/// it is decided again on what they wrote. Bounded, jittered, and for that one cause alone.</summary>
/// <remarks>A report is decided on what this replica remembers of the session, where it does: a save says whether that was the truth, and the first attempt is then spent instead of a load.
/// A write that was not acknowledged is not a conflict; the store repeats it under its own id.</remarks>
internal sealed class SessionPipeline<TRequest, TResponse>(
    CallTrace trace, ISessionStore sessions, SessionLines lines, RecentSessions recent, CallsTelemetry telemetry, TimeProvider clock) : IPipelineBehavior<TRequest, TResponse>
    where TRequest : ISessionCommand
{
    private const int MaxAttempts = 12;

    private static readonly TimeSpan MaxWait = TimeSpan.FromMilliseconds(40);
    private static readonly string UseCase = typeof(TRequest).Name;

    public async Task<TResponse> Handle(TRequest request, RequestHandlerDelegate<TResponse> next, CancellationToken cancellationToken)
    {
        var turn = lines.StandIn(request.SessionId);
        try
        {
            if (!turn.HasCome)
                await turn.ComesAsync(cancellationToken);
            var remembered = request is ISessionReport ? recent.Find(request.SessionId) : null;
            if (remembered is not null)
                trace.Remember(remembered);
            if (!trace.IsAwaited || remembered is not null)
                trace.Begin(remembered?.Session?.TraceParent);
            else
                await FindTraceAsync(request, cancellationToken);
            // What was begun in a method that waited ends with it.
            Activity.Current ??= trace.Span;
            for (var attempt = 1; ; attempt++)
            {
                using var span = CallsTelemetry.UseCase(UseCase, request.SessionId);
                try
                {
                    var response = Proven(await next());
                    turn.Hear();
                    return response;
                }
                catch (SessionConflictException conflict) when (attempt < MaxAttempts)
                {
                    span?.AddTag("calls.outcome", "conflict");
                    telemetry.Conflict(UseCase);
                    turn.Hear();
                    if (attempt == 1 && remembered is not null)
                        recent.IsShared(request.SessionId);
                    trace.Keep(conflict.Found);
                }

                span?.Dispose();
                if (!turn.HasCome)
                    await turn.ComesAsync(cancellationToken);
                else if (attempt > 1)
                    await Task.Delay(Jittered(attempt), clock, cancellationToken);
            }
        }
        finally
        {
            turn.End();
        }
    }

    /// <summary>A call that is only just placed has no trace yet: this request's span becomes the first of it. Any other call's is stored with its session.</summary>
    private async Task FindTraceAsync(TRequest request, CancellationToken cancellationToken)
    {
        var deferred = DeferredSpans.Collect();
        Activity.Current = null;
        trace.Begin(request is StartCall ? null : await trace.LookAheadAsync(sessions, request.SessionId, cancellationToken));
        deferred.Make();
    }

    private TResponse Proven(TResponse response)
    {
        if (trace.RestsOnMemory)
            throw new UnreachableException($"{UseCase} was answered from memory alone");
        if (response is CallReply.Refused { Because: var because })
            telemetry.Refused(because);
        return response;
    }

    /// <summary>Full jitter over a range that grows with the attempts: 0-10 ms at first, 0-40 ms at most.</summary>
    private static TimeSpan Jittered(int attempt)
    {
        var range = Math.Min(MaxWait.TotalMilliseconds, 5 * attempt);
        return TimeSpan.FromMilliseconds(Chance.Jitter() * range);
    }
}
