using Calls.Application.Ports;
using Calls.Domain;
using MediatR;

namespace Calls.Application.UseCases;

/// <summary>Twilio reports that the conference is over (<c>conference-end</c>).</summary>
/// <remarks>Not the end of its legs, and their own words may be lost: if anyone is still thought to be on the line, Twilio is asked at once.</remarks>
public sealed record ConferenceEnded(SessionId SessionId, ConferenceSid Conference, string? Room) : IRequest<CallReply>, ISessionReport;

internal sealed class ConferenceEndedHandler(ISessionStore sessions, CallPolicy policy, TimeProvider clock) : IRequestHandler<ConferenceEnded, CallReply>
{
    public async Task<CallReply> Handle(ConferenceEnded command, CancellationToken cancellationToken)
    {
        var loaded = await sessions.LoadAsync(command.SessionId, cancellationToken);
        var closed = new SessionEvent.ConferenceEnded(command.Conference, command.Room);
        var decision = SessionDecider.Decide(loaded.Session, closed, policy, clock.GetUtcNow());
        await sessions.SaveAsync(loaded, decision, cancellationToken);
        return decision.Reply;
    }
}
