namespace Calls.Application.UseCases;

/// <summary>Twilio has answered a change of mute or hold.</summary>
/// <remarks>The state of mute and hold comes from the events of the conference, not from this answer.</remarks>
public sealed record FlagsSettled(
    SessionId SessionId, ParticipantId Participant, bool? Muted, bool? Hold, EffectOutcome Outcome) : ISessionReport
{
    public SessionEvent ToEvent() => new SessionEvent.FlagsSettled(Participant, Muted, Hold, Outcome);
}
