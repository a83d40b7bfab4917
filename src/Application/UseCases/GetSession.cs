using Calls.Application.Ports;
using Calls.Domain;
using MediatR;

namespace Calls.Application.UseCases;

/// <summary>Somebody asks how a call stands. Null where there is no such call, or it is not theirs to see.</summary>
public sealed record GetSession(SessionId SessionId, Asker Asker) : IRequest<StoredSession?>;

internal sealed class GetSessionHandler(ISessionStore sessions) : IRequestHandler<GetSession, StoredSession?>
{
    public async Task<StoredSession?> Handle(GetSession query, CancellationToken cancellationToken)
    {
        var stored = await sessions.LoadAsync(query.SessionId, cancellationToken);
        return stored.Session is not null && query.Asker.MaySee(stored.Session) ? stored : null;
    }
}
