namespace Calls.Application.UseCases;

/// <summary>A person on the call, or an operator, takes one participant off the line or stops the phone of the participant.</summary>
/// <remarks>To remove a participant who has left changes nothing. When one person is left and no other person is rung, that line ends
/// too.</remarks>
public sealed record RemoveParticipant(SessionId SessionId, Asker Asker, ParticipantId Participant) : IBearerCommand
{
    public Precondition? If { get; init; }

    public SessionEvent ToEvent() => new SessionEvent.RemoveParticipant(Participant, Asker.Identity);
}
