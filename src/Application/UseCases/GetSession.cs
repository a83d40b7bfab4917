namespace Calls.Application.UseCases;

/// <summary>A bearer asks for the state of a call. The answer is null where there is no such call, or the bearer may not see it.</summary>
public sealed record GetSession(Domain.SessionId SessionId, Asker Asker) : IRequest<StoredSession?>;

internal sealed class GetSessionHandler(ISessionStore sessions) : IRequestHandler<GetSession, StoredSession?>
{
    public async Task<StoredSession?> Handle(GetSession request, CancellationToken cancellationToken)
    {
        var stored = await sessions.LoadAsync(request.SessionId, cancellationToken);
        return stored.Session is not null && request.Asker.MaySee(stored.Session) ? stored : null;
    }
}
