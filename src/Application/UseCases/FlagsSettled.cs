using Calls.Application.Ports;
using Calls.Domain;
using MediatR;

namespace Calls.Application.UseCases;

/// <summary>Twilio has answered a change of mute or hold.</summary>
/// <remarks>What the participant is, is taken from the conference's own events.</remarks>
public sealed record FlagsSettled(SessionId SessionId, ParticipantId Participant, bool? Muted, bool? Hold, EffectOutcome Outcome) : IRequest<CallReply>, ISessionReport;

internal sealed class FlagsSettledHandler(ISessionStore sessions, CallPolicy policy, TimeProvider clock) : IRequestHandler<FlagsSettled, CallReply>
{
    public async Task<CallReply> Handle(FlagsSettled command, CancellationToken cancellationToken)
    {
        var loaded = await sessions.LoadAsync(command.SessionId, cancellationToken);
        var settled = new SessionEvent.FlagsSettled(command.Participant, command.Muted, command.Hold, command.Outcome);
        var decision = SessionDecider.Decide(loaded.Session, settled, policy, clock.GetUtcNow());
        await sessions.SaveAsync(loaded, decision, cancellationToken);
        return decision.Reply;
    }
}
