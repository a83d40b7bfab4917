namespace Calls.Application.UseCases;

/// <summary>An operator has an ended call forgotten now, before the end of the retention.</summary>
/// <remarks>The call must be at rest: no leg of it is left to hang up. Otherwise the service would lose the legs.</remarks>
public sealed record ForgetRecord(SessionId SessionId, Asker Asker) : IRequest<Forgetting>;

/// <summary>The answer to <see cref="ForgetRecord"/>.</summary>
public enum Forgetting
{
    Forgotten,
    /// <summary>The bearer is not an operator.</summary>
    OperatorsOnly,
    NoSuchSession,
    /// <summary>The call goes on, or one of its legs is still being ended.</summary>
    NotOverYet,
}

internal sealed class ForgetRecordHandler(ISessionStore sessions, IRecords records, CallPolicy policy, AuditLog audit)
    : IRequestHandler<ForgetRecord, Forgetting>
{
    public async Task<Forgetting> Handle(ForgetRecord request, CancellationToken cancellationToken)
    {
        if (!request.Asker.IsOperator)
            return Forgetting.OperatorsOnly;
        while (true)
        {
            var stored = await sessions.LoadAsync(request.SessionId, cancellationToken);
            if (stored.Session is not { } session)
                return Forgetting.NoSuchSession;
            if (!session.IsEnded || Deadlines.Next(session, policy) is not null)
                return Forgetting.NotOverYet;
            if (!await records.ForgetAsync(stored, cancellationToken))
                continue;
            audit.Forgot(request.SessionId, request.Asker);
            return Forgetting.Forgotten;
        }
    }
}
