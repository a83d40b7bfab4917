namespace Calls.Application.UseCases;

/// <summary>The sweeper has found a call that has lasted for the maximum duration. The call ends for all participants.</summary>
/// <remarks>This is the service's own limit, so Twilio is not asked. Every leg is hung up and every ringing phone stops.</remarks>
public sealed record MaxDurationPassed(SessionId SessionId) : ISessionReport
{
    public SessionEvent ToEvent() => new SessionEvent.MaxDurationPassed();
}
