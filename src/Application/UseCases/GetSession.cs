namespace Calls.Application.UseCases;

/// <summary>A bearer asks for the state of a call. The answer is null where there is no such call, or the bearer may not see it.</summary>
public sealed record GetSession(Domain.SessionId SessionId, Asker Asker) : IRequest<StoredSession?>;

internal sealed class GetSessionHandler(ISessionStore sessions, AuditLog audit) : IRequestHandler<GetSession, StoredSession?>
{
    public async Task<StoredSession?> Handle(GetSession request, CancellationToken cancellationToken)
    {
        var stored = await sessions.LoadAsync(request.SessionId, cancellationToken);
        if (stored.Session is not { } session || !request.Asker.MaySee(session))
            return null;
        audit.Read(session, request.Asker);
        return stored;
    }
}
