namespace Calls.Application.UseCases;

/// <summary>Twilio has answered a dial, or has not answered in time, or a look-up has found out what became of a dial.</summary>
/// <remarks>A refused participant is gone. A dial with an unknown outcome is looked up and never sent again.</remarks>
public sealed record DialSettled(
    SessionId SessionId, string Nonce, ParticipantId Participant, int Attempt, DialOutcome Outcome) : ISessionReport
{
    public SessionEvent ToEvent() => new SessionEvent.DialSettled(Participant, Nonce, Attempt, Outcome);
}
