namespace Calls.Application.UseCases;

/// <summary>A person who was rung does not come: busy, declined, no answer, unreachable, or canceled (call status callback).</summary>
/// <remarks>Delivered at least once. The line of a waiting caller ends, unless other participants are on the line or on the way.</remarks>
public sealed record CalleeRejected(
    SessionId SessionId, ParticipantId Participant, CallSid Leg, LeaveReason Reason, string? Nonce) : ISessionReport
{
    public SessionEvent ToEvent() => new SessionEvent.CalleeRejected(Participant, Leg, Reason, Nonce);
}
