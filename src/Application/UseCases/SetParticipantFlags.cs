namespace Calls.Application.UseCases;

/// <summary>A person on the call, or an operator, mutes, unmutes, holds or resumes a participant.</summary>
/// <remarks>Twilio does it after the commit, or when the person enters the room. A hold ends when the person who requested it leaves. A
/// hold by an operator ends when the operator ends it, or with the call.</remarks>
public sealed record SetParticipantFlags(
    SessionId SessionId, Asker Asker, ParticipantId Participant, bool? Muted, bool? Hold) : IBearerCommand
{
    public Precondition? If { get; init; }

    public SessionEvent ToEvent() => new SessionEvent.SetParticipantFlags(Participant, Muted, Hold, Asker.Identity);
}
