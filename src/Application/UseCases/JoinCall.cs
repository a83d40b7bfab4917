using Calls.Application.Ports;
using Calls.Domain;
using MediatR;

namespace Calls.Application.UseCases;

/// <summary>A person who was rung has picked up: Twilio asks the call's answer URL what to do with the leg.</summary>
/// <remarks>Delivered again on a retry, and late: only the participant's own leg enters, and only a call that goes on; anything else is hung up.</remarks>
public sealed record JoinCall(SessionId SessionId, ParticipantId Participant, CallSid Leg, string? Nonce) : IRequest<CallReply>, ISessionReport;

internal sealed class JoinCallHandler(ISessionStore sessions, CallPolicy policy, TimeProvider clock) : IRequestHandler<JoinCall, CallReply>
{
    public async Task<CallReply> Handle(JoinCall command, CancellationToken cancellationToken)
    {
        var loaded = await sessions.LoadAsync(command.SessionId, cancellationToken);
        var answered = new SessionEvent.JoinCall(command.Participant, command.Leg, command.Nonce);
        var decision = SessionDecider.Decide(loaded.Session, answered, policy, clock.GetUtcNow());
        await sessions.SaveAsync(loaded, decision, cancellationToken);
        return decision.Reply;
    }
}
