using Calls.Application.Ports;
using Calls.Domain;
using MediatR;

namespace Calls.Application.UseCases;

/// <summary>Somebody on the call, or an operator, ends it for everyone.</summary>
/// <remarks>Every leg is hung up, and whatever rings stops. Ending what has ended changes nothing.</remarks>
public sealed record EndCall(SessionId SessionId, Asker Asker) : IRequest<CallReply>, ISessionCommand
{
    /// <summary>Which version the asker means; null: whichever it is.</summary>
    public Precondition? If { get; init; }
}

internal sealed class EndCallHandler(ISessionStore sessions, CallPolicy policy, TimeProvider clock) : IRequestHandler<EndCall, CallReply>
{
    public async Task<CallReply> Handle(EndCall command, CancellationToken cancellationToken)
    {
        var loaded = await sessions.LoadAsync(command.SessionId, cancellationToken);
        if (loaded.Session is null || !command.Asker.MaySee(loaded.Session))
            return new CallReply.Refused(RefusalReason.NoSuchSession);
        if (command.If?.Holds(loaded) == false)
            return new CallReply.Refused(RefusalReason.OtherVersion);
        var requested = new SessionEvent.EndCall();
        var decision = SessionDecider.Decide(loaded.Session, requested, policy, clock.GetUtcNow());
        await sessions.SaveAsync(loaded, decision, cancellationToken);
        return decision.Reply;
    }
}
