using MediatR;

namespace Calls.Application.Pipeline;

/// <summary>Each attempt of a use case is one span, named after the message.</summary>
internal sealed class TraceUseCase<TRequest, TResponse> : IPipelineBehavior<TRequest, TResponse>
    where TRequest : ISessionCommand
{
    public async Task<TResponse> Handle(TRequest request, RequestHandlerDelegate<TResponse> next, CancellationToken cancellationToken)
    {
        using var span = CallsTelemetry.UseCase(typeof(TRequest).Name, request.SessionId);
        return await next();
    }
}
