namespace Calls.Application.UseCases;

/// <summary>A replica is about to send a dial. The intent is stored first, so that only one replica sends it and a crash leaves a
/// mark.</summary>
/// <remarks>The reply is <see cref="CallReply.DialGranted"/> for the replica that may send it.</remarks>
public sealed record ClaimDial(SessionId SessionId, string Nonce, ParticipantId Participant) : ISessionReport
{
    public SessionEvent ToEvent() => new SessionEvent.ClaimDial(Participant, Nonce);
}
