namespace Calls.Application.UseCases;

/// <summary>A person on the call, or an operator, ends the call for all participants.</summary>
/// <remarks>Every leg is hung up and every ringing phone stops. To end a call that has ended changes nothing.</remarks>
public sealed record EndCall(SessionId SessionId, Asker Asker) : IBearerCommand
{
    public Precondition? If { get; init; }

    public SessionEvent ToEvent() => new SessionEvent.EndCall(Asker.Identity);
}
