using Calls.Application.Ports;
using Calls.Domain;
using MediatR;

namespace Calls.Application.UseCases;

/// <summary>A session that was due has been compared with Twilio.</summary>
/// <remarks>What was missed goes through the same decisions as the webhooks that were lost.</remarks>
public sealed record SessionObserved(SessionId SessionId, Observation Observation) : IRequest<CallReply>, ISessionCommand;

internal sealed class SessionObservedHandler(ISessionStore sessions, CallPolicy policy, TimeProvider clock) : IRequestHandler<SessionObserved, CallReply>
{
    public async Task<CallReply> Handle(SessionObserved command, CancellationToken cancellationToken)
    {
        var loaded = await sessions.LoadAsync(command.SessionId, cancellationToken);
        var observed = new SessionEvent.SessionObserved(command.Observation);
        var decision = SessionDecider.Decide(loaded.Session, observed, policy, clock.GetUtcNow());
        await sessions.SaveAsync(loaded, decision, cancellationToken);
        return decision.Reply;
    }
}
