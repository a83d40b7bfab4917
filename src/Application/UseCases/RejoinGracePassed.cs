namespace Calls.Application.UseCases;

/// <summary>The sweeper has found a call that has waited long enough for a participant whose line has dropped. If one person is left, the
/// call ends.</summary>
/// <remarks>This is the service's own limit, so Twilio is not asked. A repetition changes nothing.</remarks>
public sealed record RejoinGracePassed(SessionId SessionId) : ISessionReport
{
    public SessionEvent ToEvent() => new SessionEvent.RejoinGracePassed();
}
