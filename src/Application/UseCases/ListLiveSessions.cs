namespace Calls.Application.UseCases;

/// <summary>An operator asks for the live sessions. The answer is null where the bearer is not an operator.</summary>
public sealed record ListLiveSessions(Asker Asker, LiveCursor After, int Most) : IRequest<LivePage?>;

internal sealed class ListLiveSessionsHandler(ILiveSessions live, AuditLog audit) : IRequestHandler<ListLiveSessions, LivePage?>
{
    public async Task<LivePage?> Handle(ListLiveSessions request, CancellationToken cancellationToken)
    {
        if (!request.Asker.IsOperator)
            return null;
        var page = await live.ReadAsync(request.After, request.Most, cancellationToken);
        audit.Listed(page.Sessions.Count, request.Asker);
        return page;
    }
}
