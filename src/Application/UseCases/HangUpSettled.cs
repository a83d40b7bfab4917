namespace Calls.Application.UseCases;

/// <summary>Twilio has answered a hang-up.</summary>
/// <remarks>To end a leg that has ended is a success. Any other failure is tried again without limit, at most every 15 s.</remarks>
public sealed record HangUpSettled(SessionId SessionId, CallSid Leg, EffectOutcome Outcome) : ISessionReport
{
    public SessionEvent ToEvent() => new SessionEvent.HangUpSettled(Leg, Outcome);
}
