using Calls.Application.Ports;
using MediatR;

namespace Calls.Application.UseCases;

/// <summary>An operator asks what is live now. Null where the asker is none.</summary>
public sealed record ListLiveSessions(Asker Asker, LiveCursor After, int Most) : IRequest<LivePage?>;

internal sealed class ListLiveSessionsHandler(ILiveSessions live) : IRequestHandler<ListLiveSessions, LivePage?>
{
    public async Task<LivePage?> Handle(ListLiveSessions query, CancellationToken cancellationToken) =>
        query.Asker.IsOperator ? await live.ReadAsync(query.After, query.Most, cancellationToken) : null;
}
