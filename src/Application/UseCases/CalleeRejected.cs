using Calls.Application.Ports;
using Calls.Domain;
using MediatR;

namespace Calls.Application.UseCases;

/// <summary>A person who was rung will not come: busy, declined, no answer, unreachable, or canceled (call status callback).</summary>
/// <remarks>Delivered at least once. A caller who waited for them is told by the line ending, unless others are on the line or on the way.</remarks>
public sealed record CalleeRejected(SessionId SessionId, ParticipantId Participant, CallSid Leg, LeaveReason Because, string? Nonce) : IRequest<CallReply>, ISessionReport;

internal sealed class CalleeRejectedHandler(ISessionStore sessions, CallPolicy policy, TimeProvider clock) : IRequestHandler<CalleeRejected, CallReply>
{
    public async Task<CallReply> Handle(CalleeRejected command, CancellationToken cancellationToken)
    {
        var loaded = await sessions.LoadAsync(command.SessionId, cancellationToken);
        var rejected = new SessionEvent.LegProgressed(command.Participant, command.Leg, Progress.Gone, command.Because, command.Nonce);
        var decision = SessionDecider.Decide(loaded.Session, rejected, policy, clock.GetUtcNow());
        await sessions.SaveAsync(loaded, decision, cancellationToken);
        return decision.Reply;
    }
}
