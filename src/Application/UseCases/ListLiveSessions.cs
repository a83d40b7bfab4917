namespace Calls.Application.UseCases;

/// <summary>An operator asks for the live sessions. The answer is null where the bearer is not an operator.</summary>
public sealed record ListLiveSessions(Asker Asker, LiveCursor After, int Most) : IRequest<LivePage?>;

internal sealed class ListLiveSessionsHandler(ILiveSessions live) : IRequestHandler<ListLiveSessions, LivePage?>
{
    public async Task<LivePage?> Handle(ListLiveSessions request, CancellationToken cancellationToken) =>
        request.Asker.IsOperator ? await live.ReadAsync(request.After, request.Most, cancellationToken) : null;
}
