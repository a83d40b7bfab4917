using Calls.Application.Ports;
using Calls.Domain;
using MediatR;

namespace Calls.Application.UseCases;

/// <summary>Somebody on the call, or an operator, takes one participant off the line, or stops their phone.</summary>
/// <remarks>Taking off who has left already changes nothing. When one person is left and nobody is being rung, that one's line ends too.</remarks>
public sealed record RemoveParticipant(SessionId SessionId, Asker Asker, ParticipantId Participant) : IRequest<CallReply>, ISessionCommand
{
    /// <summary>Which version the asker means; null: whichever it is.</summary>
    public Precondition? If { get; init; }
}

internal sealed class RemoveParticipantHandler(ISessionStore sessions, CallPolicy policy, TimeProvider clock) : IRequestHandler<RemoveParticipant, CallReply>
{
    public async Task<CallReply> Handle(RemoveParticipant command, CancellationToken cancellationToken)
    {
        var loaded = await sessions.LoadAsync(command.SessionId, cancellationToken);
        if (loaded.Session is null || !command.Asker.MaySee(loaded.Session))
            return new CallReply.Refused(RefusalReason.NoSuchSession);
        if (command.If?.Holds(loaded) == false)
            return new CallReply.Refused(RefusalReason.OtherVersion);
        var requested = new SessionEvent.RemoveParticipant(command.Participant);
        var decision = SessionDecider.Decide(loaded.Session, requested, policy, clock.GetUtcNow());
        await sessions.SaveAsync(loaded, decision, cancellationToken);
        return decision.Reply;
    }
}
