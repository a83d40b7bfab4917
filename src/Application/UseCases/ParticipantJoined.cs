namespace Calls.Application.UseCases;

/// <summary>Twilio reports that a leg has entered the conference (<c>participant-join</c>).</summary>
/// <remarks>Delivered at least once and in any order. A leg that is gone stays gone.</remarks>
public sealed record ParticipantJoined(
    SessionId SessionId, ConferenceSid Conference, string? Room, CallSid Leg, ParticipantId? Label, Flags? Flags) : ISessionReport
{
    public SessionEvent ToEvent() => new SessionEvent.ParticipantJoined(Conference, Room, Leg, Label, Flags);
}
