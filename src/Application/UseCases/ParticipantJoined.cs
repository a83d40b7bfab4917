using Calls.Application.Ports;
using Calls.Domain;
using MediatR;

namespace Calls.Application.UseCases;

/// <summary>Twilio reports that a leg has entered the conference.</summary>
/// <remarks>Delivered at least once and in any order. A leg that has gone stays gone.</remarks>
public sealed record ParticipantJoined(SessionId SessionId, ConferenceSid Conference, string? Room, CallSid Leg, ParticipantId? Label, Flags? Flags) : IRequest<CallReply>, ISessionReport;

internal sealed class ParticipantJoinedHandler(ISessionStore sessions, CallPolicy policy, TimeProvider clock) : IRequestHandler<ParticipantJoined, CallReply>
{
    public async Task<CallReply> Handle(ParticipantJoined command, CancellationToken cancellationToken)
    {
        var loaded = await sessions.LoadAsync(command.SessionId, cancellationToken);
        var joined = new SessionEvent.ParticipantJoined(command.Conference, command.Room, command.Leg, command.Label, command.Flags);
        var decision = SessionDecider.Decide(loaded.Session, joined, policy, clock.GetUtcNow());
        await sessions.SaveAsync(loaded, decision, cancellationToken);
        return decision.Reply;
    }
}
