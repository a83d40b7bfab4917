using Calls.Application.Ports;
using Calls.Domain;
using MediatR;

namespace Calls.Application.UseCases;

/// <summary>Twilio reports that a leg left the conference: hung up, dropped, was removed, or could never be added.</summary>
/// <remarks>Delivered at least once and in any order; a leg already gone is a no-op. When one person is left and nobody is being rung, that one's line ends.</remarks>
public sealed record ParticipantLeft(SessionId SessionId, CallSid Leg, ParticipantId? Label, string? Room, LeaveReason Because) : IRequest<CallReply>, ISessionReport;

internal sealed class ParticipantLeftHandler(ISessionStore sessions, CallPolicy policy, TimeProvider clock) : IRequestHandler<ParticipantLeft, CallReply>
{
    public async Task<CallReply> Handle(ParticipantLeft command, CancellationToken cancellationToken)
    {
        var loaded = await sessions.LoadAsync(command.SessionId, cancellationToken);
        var left = new SessionEvent.ParticipantLeft(command.Room, command.Leg, command.Label, command.Because);
        var decision = SessionDecider.Decide(loaded.Session, left, policy, clock.GetUtcNow());
        await sessions.SaveAsync(loaded, decision, cancellationToken);
        return decision.Reply;
    }
}
