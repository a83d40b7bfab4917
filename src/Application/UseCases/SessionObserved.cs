namespace Calls.Application.UseCases;

/// <summary>A session that was due has been compared with Twilio.</summary>
/// <remarks>Missed changes go through the same decisions as the webhooks that were lost.</remarks>
public sealed record SessionObserved(SessionId SessionId, Observation Observation) : ISessionReport
{
    public SessionEvent ToEvent() => new SessionEvent.SessionObserved(Observation);
}
