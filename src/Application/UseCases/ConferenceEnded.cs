namespace Calls.Application.UseCases;

/// <summary>Twilio reports that the conference is over (<c>conference-end</c>).</summary>
/// <remarks>The legs of the conference need not be over, and their own webhooks may be lost. If a participant still counts as on the line,
/// Twilio is asked at once.</remarks>
public sealed record ConferenceEnded(SessionId SessionId, ConferenceSid Conference, string? Room) : ISessionReport
{
    public SessionEvent ToEvent() => new SessionEvent.ConferenceEnded(Conference, Room);
}
