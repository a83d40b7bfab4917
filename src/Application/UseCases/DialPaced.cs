namespace Calls.Application.UseCases;

/// <summary>A dial has to wait for its turn (<see cref="IDialPace"/>).</summary>
/// <remarks>The document then shows the participant as queued.</remarks>
public sealed record DialPaced(SessionId SessionId, string Nonce, ParticipantId Participant) : ISessionReport
{
    public SessionEvent ToEvent() => new SessionEvent.DialPaced(Participant, Nonce);
}
