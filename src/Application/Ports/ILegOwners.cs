namespace Calls.Application.Ports;

/// <summary>Who owns each leg that the service has dialled. Twilio's call list does not say it: the legs of two calls can have the same
/// addresses.</summary>
public interface ILegOwners
{
    /// <summary>Notes the owner of a leg. The request is not awaited and can be lost.</summary>
    void Note(CallSid leg, LegOwner owner);

    /// <summary>Whether the leg has another owner than this one. A leg without a noted owner has none.</summary>
    /// <exception cref="SessionStoreUnavailableException">Redis did not answer.</exception>
    Task<bool> IsOfAnotherAsync(CallSid leg, LegOwner owner, CancellationToken cancellationToken);
}

/// <summary>One participant of one call.</summary>
/// <param name="Session">The session id.</param>
/// <param name="Nonce">The nonce of the call, because a later call can have the same session id.</param>
/// <param name="Participant">The participant; null where the call has the leg hung up without giving it to a participant.</param>
public sealed record LegOwner(SessionId Session, string Nonce, ParticipantId? Participant);
