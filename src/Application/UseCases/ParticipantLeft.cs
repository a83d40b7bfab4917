namespace Calls.Application.UseCases;

/// <summary>Twilio reports that a leg left the conference or could not be added to it (<c>participant-leave</c>, or the end of its
/// <c>&lt;Dial&gt;</c>).</summary>
/// <remarks>Delivered at least once and in any order. A leg that has already left changes nothing.</remarks>
public sealed record ParticipantLeft(
    SessionId SessionId, CallSid Leg, ParticipantId? Label, string? Room, LeaveReason Reason) : ISessionReport
{
    /// <summary>The callee of the call, if the URL names it.</summary>
    public Party? Callee { get; init; }

    public SessionEvent ToEvent() => new SessionEvent.ParticipantLeft(Room, Leg, Label, Reason) { Callee = Callee };
}
