namespace Calls.Application.Telemetry;

/// <summary>Around each use case: its span, named after the message.</summary>
internal sealed class UseCaseSpan<TRequest, TResponse> : IPipelineBehavior<TRequest, TResponse>
    where TRequest : ISessionCommand
{
    public async Task<TResponse> Handle(TRequest request, RequestHandlerDelegate<TResponse> next, CancellationToken cancellationToken)
    {
        using var span = CallsTelemetry.UseCase(typeof(TRequest).Name, request.SessionId);
        return await next();
    }
}
