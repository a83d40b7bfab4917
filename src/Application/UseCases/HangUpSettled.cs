using Calls.Application.Ports;
using Calls.Domain;
using MediatR;

namespace Calls.Application.UseCases;

/// <summary>Twilio has answered a hang-up.</summary>
/// <remarks>Ending what has ended is success; anything else is tried again, for ever, at most every 15 s.</remarks>
public sealed record HangUpSettled(SessionId SessionId, CallSid Leg, EffectOutcome Outcome) : IRequest<CallReply>, ISessionReport;

internal sealed class HangUpSettledHandler(ISessionStore sessions, CallPolicy policy, TimeProvider clock) : IRequestHandler<HangUpSettled, CallReply>
{
    public async Task<CallReply> Handle(HangUpSettled command, CancellationToken cancellationToken)
    {
        var loaded = await sessions.LoadAsync(command.SessionId, cancellationToken);
        var settled = new SessionEvent.HangUpSettled(command.Leg, command.Outcome);
        var decision = SessionDecider.Decide(loaded.Session, settled, policy, clock.GetUtcNow());
        await sessions.SaveAsync(loaded, decision, cancellationToken);
        return decision.Reply;
    }
}
