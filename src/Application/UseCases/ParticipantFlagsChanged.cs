namespace Calls.Application.UseCases;

/// <summary>Twilio reports that a participant was muted, unmuted, put on hold or taken off hold (<c>participant-mute</c> and so
/// on).</summary>
/// <remarks>Twilio's SequenceNumber decides: an older report never overwrites a newer one.</remarks>
public sealed record ParticipantFlagsChanged(
    SessionId SessionId, ConferenceSid Conference, string? Room, CallSid Leg, ParticipantId? Label, Flags Flags) : ISessionReport
{
    public SessionEvent ToEvent() => new SessionEvent.ParticipantFlagsChanged(Conference, Room, Leg, Label, Flags);
}
