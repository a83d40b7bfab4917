namespace Calls.Application.UseCases;

/// <summary>A session that was due could not be compared with Twilio, because Twilio did not answer.</summary>
/// <remarks>Nothing ends. The next review waits longer with each failure, at most the review interval, with jitter.</remarks>
public sealed record ReviewFailed(SessionId SessionId, string Room, double Jitter) : ISessionReport
{
    public SessionEvent ToEvent() => new SessionEvent.ReviewFailed(Room, Jitter);
}
