namespace Calls.Application.UseCases;

/// <summary>Twilio names the conference that is open under the name of the room (<c>conference-start</c>).</summary>
/// <remarks>Guests who wait for the room are dialled after the commit.</remarks>
public sealed record ConferenceStarted(SessionId SessionId, ConferenceSid Conference, string? Room) : ISessionReport
{
    public SessionEvent ToEvent() => new SessionEvent.ConferenceStarted(Conference, Room);
}
