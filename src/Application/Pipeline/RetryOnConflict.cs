using Calls.Application.Ports;
using Calls.Domain;
using MediatR;

namespace Calls.Application.Pipeline;

/// <summary>Somebody else wrote the session first: decide again on what they wrote. Outermost, bounded, jittered, and for that one cause alone.</summary>
/// <remarks>Who has lost once stands in line with the others of this process that want the same session, so that twenty at once are served one after another and
/// not all turned away. A write that was not acknowledged is not a conflict; the store repeats it under its own id.</remarks>
internal sealed class RetryOnConflict<TRequest, TResponse>(CallTrace trace, CallsTelemetry telemetry, ConflictLines lines, TimeProvider clock) : IPipelineBehavior<TRequest, TResponse>
    where TRequest : ISessionCommand
{
    private const int MaxAttempts = 12;

    private static readonly TimeSpan MaxWait = TimeSpan.FromMilliseconds(40);

    public async Task<TResponse> Handle(TRequest request, RequestHandlerDelegate<TResponse> next, CancellationToken cancellationToken)
    {
        try
        {
            return await next();
        }
        catch (SessionConflictException conflict)
        {
            Lost(conflict);
        }

        var line = lines.For(request.SessionId);
        await line.WaitAsync(cancellationToken);
        try
        {
            return await InLineAsync(next, cancellationToken);
        }
        finally
        {
            line.Release();
        }
    }

    private async Task<TResponse> InLineAsync(RequestHandlerDelegate<TResponse> next, CancellationToken cancellationToken)
    {
        for (var attempt = 2; ; attempt++)
        {
            try
            {
                return await next();
            }
            catch (SessionConflictException conflict) when (attempt < MaxAttempts)
            {
                Lost(conflict);
            }

            // The first conflict in line is with what happened while waiting for it, and calls for no more of that.
            if (attempt > 2)
                await Task.Delay(Jittered(attempt), clock, cancellationToken);
        }
    }

    private void Lost(SessionConflictException conflict)
    {
        telemetry.Conflict(typeof(TRequest).Name);
        trace.Keep(conflict.Found);
    }

    /// <summary>Full jitter over a range that grows with the attempts: 0-5 ms at first, 0-40 ms at most.</summary>
    private static TimeSpan Jittered(int attempt)
    {
        var range = Math.Min(MaxWait.TotalMilliseconds, 5 * attempt);
        return TimeSpan.FromMilliseconds(Chance.Jitter() * range);
    }
}

/// <summary>Lines to stand in, one for each of 256 groups of sessions: a stranger's session before one's own costs a moment, and nothing else.</summary>
internal sealed class ConflictLines : IDisposable
{
    private readonly SemaphoreSlim[] lines = [.. Enumerable.Range(0, 256).Select(_ => new SemaphoreSlim(1))];

    public SemaphoreSlim For(SessionId session) => lines[(uint)session.GetHashCode() % (uint)lines.Length];

    public void Dispose()
    {
        foreach (var line in lines)
            line.Dispose();
    }
}
