using Calls.Application.Ports;
using Calls.Domain;
using MediatR;

namespace Calls.Application.UseCases;

/// <summary>A leg that we created was queued, rings, or was answered (call status callback).</summary>
/// <remarks>Delivered at least once and in any order. The first word of a leg whose creation was never acknowledged adopts it.</remarks>
public sealed record LegProgressed(SessionId SessionId, ParticipantId Participant, CallSid Leg, Progress Progress, string? Nonce) : IRequest<CallReply>, ISessionReport;

internal sealed class LegProgressedHandler(ISessionStore sessions, CallPolicy policy, TimeProvider clock) : IRequestHandler<LegProgressed, CallReply>
{
    public async Task<CallReply> Handle(LegProgressed command, CancellationToken cancellationToken)
    {
        var loaded = await sessions.LoadAsync(command.SessionId, cancellationToken);
        var progressed = new SessionEvent.LegProgressed(command.Participant, command.Leg, command.Progress, null, command.Nonce);
        var decision = SessionDecider.Decide(loaded.Session, progressed, policy, clock.GetUtcNow());
        await sessions.SaveAsync(loaded, decision, cancellationToken);
        return decision.Reply;
    }
}
