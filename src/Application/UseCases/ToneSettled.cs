namespace Calls.Application.UseCases;

/// <summary>Twilio has answered the request that plays a tone or words to the caller's leg before its end.</summary>
/// <remarks>Unless the leg hears them, it is hung up at once.</remarks>
public sealed record ToneSettled(SessionId SessionId, CallSid Leg, EffectOutcome Outcome) : ISessionReport
{
    public SessionEvent ToEvent() => new SessionEvent.ToneSettled(Leg, Outcome);
}
