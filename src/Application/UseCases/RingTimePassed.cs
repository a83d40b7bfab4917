namespace Calls.Application.UseCases;

/// <summary>The sweeper has found a candidate that has rung for the ring time. The next candidate is rung.</summary>
/// <remarks>This is the service's own limit, so Twilio is not asked. A repetition changes nothing.</remarks>
public sealed record RingTimePassed(SessionId SessionId) : ISessionReport
{
    public SessionEvent ToEvent() => new SessionEvent.RingTimePassed();
}
