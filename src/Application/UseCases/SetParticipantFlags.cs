using Calls.Application.Ports;
using Calls.Domain;
using MediatR;

namespace Calls.Application.UseCases;

/// <summary>Somebody on the call, or an operator, mutes, unmutes, holds or resumes a participant.</summary>
/// <remarks>Done by Twilio after the commit; what the participant is, is taken from the conference's own events.</remarks>
public sealed record SetParticipantFlags(SessionId SessionId, Asker Asker, ParticipantId Participant, bool? Muted, bool? Hold) : IRequest<CallReply>, ISessionCommand
{
    /// <summary>Which version the asker means; null: whichever it is.</summary>
    public Precondition? If { get; init; }
}

internal sealed class SetParticipantFlagsHandler(ISessionStore sessions, CallPolicy policy, TimeProvider clock) : IRequestHandler<SetParticipantFlags, CallReply>
{
    public async Task<CallReply> Handle(SetParticipantFlags command, CancellationToken cancellationToken)
    {
        var loaded = await sessions.LoadAsync(command.SessionId, cancellationToken);
        if (loaded.Session is null || !command.Asker.MaySee(loaded.Session))
            return new CallReply.Refused(RefusalReason.NoSuchSession);
        if (command.If?.Holds(loaded) == false)
            return new CallReply.Refused(RefusalReason.OtherVersion);
        var requested = new SessionEvent.SetParticipantFlags(command.Participant, command.Muted, command.Hold);
        var decision = SessionDecider.Decide(loaded.Session, requested, policy, clock.GetUtcNow());
        await sessions.SaveAsync(loaded, decision, cancellationToken);
        return decision.Reply;
    }
}
