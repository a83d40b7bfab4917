namespace Calls.Application.UseCases;

/// <summary>A leg that the service created is dialled, rings, was answered, or is completed (call status callback).</summary>
/// <remarks>Delivered at least once and in any order. The first report about a leg whose creation was not acknowledged makes it the
/// participant's leg.</remarks>
public sealed record LegProgressed(SessionId SessionId, ParticipantId Participant, CallSid Leg, Progress To, string? Nonce) : ISessionReport
{
    public SessionEvent ToEvent() => new SessionEvent.LegProgressed(Participant, Leg, To, null, Nonce);
}
