using Calls.Application.Ports;
using Calls.Domain;
using MediatR;

namespace Calls.Application.UseCases;

/// <summary>Twilio reports that a participant was muted, unmuted, put on hold or taken off it.</summary>
/// <remarks>Settled by Twilio's SequenceNumber: an older word never overwrites a newer one.</remarks>
public sealed record ParticipantFlagsChanged(SessionId SessionId, ConferenceSid Conference, string? Room, CallSid Leg, ParticipantId? Label, Flags Flags) : IRequest<CallReply>, ISessionReport;

internal sealed class ParticipantFlagsChangedHandler(ISessionStore sessions, CallPolicy policy, TimeProvider clock) : IRequestHandler<ParticipantFlagsChanged, CallReply>
{
    public async Task<CallReply> Handle(ParticipantFlagsChanged command, CancellationToken cancellationToken)
    {
        var loaded = await sessions.LoadAsync(command.SessionId, cancellationToken);
        var seen = new SessionEvent.ParticipantFlagsChanged(command.Conference, command.Room, command.Leg, command.Label, command.Flags);
        var decision = SessionDecider.Decide(loaded.Session, seen, policy, clock.GetUtcNow());
        await sessions.SaveAsync(loaded, decision, cancellationToken);
        return decision.Reply;
    }
}
