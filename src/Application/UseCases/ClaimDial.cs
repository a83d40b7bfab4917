using Calls.Application.Ports;
using Calls.Domain;
using MediatR;

namespace Calls.Application.UseCases;

/// <summary>A replica is about to send a dial: the intent is stored first, so that no two send it and a crash leaves a mark.</summary>
/// <remarks>Answered with <see cref="CallReply.DialGranted"/> to the one who may send it.</remarks>
public sealed record ClaimDial(SessionId SessionId, string Nonce, ParticipantId Participant) : IRequest<CallReply>, ISessionReport;

internal sealed class ClaimDialHandler(ISessionStore sessions, CallPolicy policy, TimeProvider clock) : IRequestHandler<ClaimDial, CallReply>
{
    public async Task<CallReply> Handle(ClaimDial command, CancellationToken cancellationToken)
    {
        var loaded = await sessions.LoadAsync(command.SessionId, cancellationToken);
        var claimed = new SessionEvent.ClaimDial(command.Participant, command.Nonce);
        var decision = SessionDecider.Decide(loaded.Session, claimed, policy, clock.GetUtcNow());
        await sessions.SaveAsync(loaded, decision, cancellationToken);
        return decision.Reply;
    }
}
