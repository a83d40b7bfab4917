using System.Diagnostics;
using Calls.Application.Ports;
using Calls.Application.UseCases;
using Calls.Domain;
using MediatR;

namespace Calls.Application.Pipeline;

/// <summary>Each attempt of a use case is one span, named after the message, in its call's trace.</summary>
internal sealed class TraceUseCase<TRequest, TResponse>(CallTrace trace, ISessionStore sessions, CallsTelemetry telemetry) : IPipelineBehavior<TRequest, TResponse>
    where TRequest : ISessionCommand
{
    public async Task<TResponse> Handle(TRequest request, RequestHandlerDelegate<TResponse> next, CancellationToken cancellationToken)
    {
        if (trace.IsAwaited)
        {
            var deferred = DeferredSpans.Collect();
            Activity.Current = null;
            // A call that is only just placed has no trace yet: this request's span becomes the first of it.
            trace.Begin(request is StartCall ? null : await trace.LookAheadAsync(sessions, request.SessionId, cancellationToken));
            deferred.Make();
        }

        // A second attempt comes from outside of the first one's flow.
        Activity.Current ??= trace.Span;
        using var span = CallsTelemetry.UseCase(typeof(TRequest).Name, request.SessionId);
        TResponse response;
        try
        {
            response = await next();
        }
        catch (SessionConflictException) when (Conflicted(span))
        {
            throw;
        }

        if (response is CallReply.Refused { Because: var because })
            telemetry.Refused(because);
        return response;
    }

    /// <summary>Looks on as it passes; to catch it and to throw it again would cost twice.</summary>
    private static bool Conflicted(Activity? span)
    {
        span?.AddTag("calls.outcome", "conflict");
        return false;
    }
}
