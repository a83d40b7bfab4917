using Calls.Application.Ports;
using Calls.Domain;
using MediatR;

namespace Calls.Application.UseCases;

/// <summary>A leg that was answered has ended (call status callback <c>completed</c>).</summary>
/// <remarks>A second word of a leave: whichever arrives first is acted upon, the other changes nothing.</remarks>
public sealed record LegCompleted(SessionId SessionId, ParticipantId Participant, CallSid Leg, string? Nonce) : IRequest<CallReply>, ISessionReport;

internal sealed class LegCompletedHandler(ISessionStore sessions, CallPolicy policy, TimeProvider clock) : IRequestHandler<LegCompleted, CallReply>
{
    public async Task<CallReply> Handle(LegCompleted command, CancellationToken cancellationToken)
    {
        var loaded = await sessions.LoadAsync(command.SessionId, cancellationToken);
        var completed = new SessionEvent.LegProgressed(command.Participant, command.Leg, Progress.Gone, LeaveReason.HungUp, command.Nonce);
        var decision = SessionDecider.Decide(loaded.Session, completed, policy, clock.GetUtcNow());
        await sessions.SaveAsync(loaded, decision, cancellationToken);
        return decision.Reply;
    }
}
