using Calls.Application.Ports;
using Calls.Domain;
using MediatR;

namespace Calls.Application.UseCases;

/// <summary>Twilio has answered a dial, or has not, or was asked what became of one.</summary>
/// <remarks>Refused for good: the participant is unreachable, and the rules apply. Unknown: it is looked for, and never sent again.</remarks>
public sealed record DialSettled(SessionId SessionId, string Nonce, ParticipantId Participant, int Attempt, DialOutcome Outcome) : IRequest<CallReply>, ISessionReport;

internal sealed class DialSettledHandler(ISessionStore sessions, CallPolicy policy, TimeProvider clock) : IRequestHandler<DialSettled, CallReply>
{
    public async Task<CallReply> Handle(DialSettled command, CancellationToken cancellationToken)
    {
        var loaded = await sessions.LoadAsync(command.SessionId, cancellationToken);
        var settled = new SessionEvent.DialSettled(command.Participant, command.Nonce, command.Attempt, command.Outcome);
        var decision = SessionDecider.Decide(loaded.Session, settled, policy, clock.GetUtcNow());
        await sessions.SaveAsync(loaded, decision, cancellationToken);
        return decision.Reply;
    }
}
