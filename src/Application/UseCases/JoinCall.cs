namespace Calls.Application.UseCases;

/// <summary>A person who was rung has answered, or has answered a question. Twilio requests TwiML for the leg.</summary>
/// <remarks>Delivered again on a retry, and late. Only the participant's own leg enters, and only while the call goes on. Any other leg is
/// hung up. A screened phone enters only when it is accepted.</remarks>
public sealed record JoinCall(SessionId SessionId, ParticipantId Participant, CallSid Leg, string? Nonce) : ISessionReport
{
    /// <summary>Who has answered, if Twilio detects machines on this leg.</summary>
    public AnsweredBy AnsweredBy { get; init; }
    /// <summary>The answer to a question of the service. Null on the first request.</summary>
    public KeyPress? Key { get; init; }

    public SessionEvent ToEvent() => new SessionEvent.JoinCall(Participant, Leg, Nonce) { AnsweredBy = AnsweredBy, Key = Key };
}
