namespace Calls.Application.UseCases;

/// <summary>Twilio has answered a change of mute or hold.</summary>
/// <remarks>An answer that says yes is also the new state, because the event of the conference can be lost. The event of the conference
/// has a number, so it wins over an answer that was asked for before it.</remarks>
public sealed record FlagsSettled(
    SessionId SessionId, string Room, ParticipantId Participant, FlagsMark Asked, EffectOutcome Outcome, SeenFlags? Seen) : ISessionReport
{
    public SessionEvent ToEvent() => new SessionEvent.FlagsSettled(Room, Participant, Asked, Outcome, Seen);
}
