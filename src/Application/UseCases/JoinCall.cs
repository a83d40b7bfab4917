namespace Calls.Application.UseCases;

/// <summary>A person who was rung has answered: Twilio requests the answer URL of the call to learn what to do with the leg.</summary>
/// <remarks>Delivered again on a retry, and late. Only the participant's own leg enters, and only while the call goes on. Any other leg is
/// hung up.</remarks>
public sealed record JoinCall(SessionId SessionId, ParticipantId Participant, CallSid Leg, string? Nonce) : ISessionReport
{
    public SessionEvent ToEvent() => new SessionEvent.JoinCall(Participant, Leg, Nonce);
}
