using Calls.Application.Ports;
using Calls.Domain;
using MediatR;

namespace Calls.Application.UseCases;

/// <summary>Twilio names the conference that is open under the room's name (<c>conference-start</c>).</summary>
/// <remarks>Guests who were waiting for the room are dialled after the commit.</remarks>
public sealed record ConferenceStarted(SessionId SessionId, ConferenceSid Conference, string? Room) : IRequest<CallReply>, ISessionReport;

internal sealed class ConferenceStartedHandler(ISessionStore sessions, CallPolicy policy, TimeProvider clock) : IRequestHandler<ConferenceStarted, CallReply>
{
    public async Task<CallReply> Handle(ConferenceStarted command, CancellationToken cancellationToken)
    {
        var loaded = await sessions.LoadAsync(command.SessionId, cancellationToken);
        var opened = new SessionEvent.ConferenceStarted(command.Conference, command.Room);
        var decision = SessionDecider.Decide(loaded.Session, opened, policy, clock.GetUtcNow());
        await sessions.SaveAsync(loaded, decision, cancellationToken);
        return decision.Reply;
    }
}
