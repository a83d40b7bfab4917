namespace Calls.Application.Ports;

/// <summary>The stored sessions, each under an optimistic lock.</summary>
public interface ISessionStore
{
    /// <summary>Reads a session in one round trip, from the primary. For an id without a session, the answer has no session; a save then
    /// creates it.</summary>
    /// <exception cref="SessionStoreUnavailableException">Redis did not answer.</exception>
    /// <exception cref="UnreadableSessionException">This version cannot read the stored form.</exception>
    Task<StoredSession> LoadAsync(SessionId id, CancellationToken cancellationToken);

    /// <summary>Stores a changed session, its expiry and its next deadline in one compare-and-set. A write with an unknown outcome is sent
    /// again under the same write id, and the store recognises it.</summary>
    /// <remarks>A write that was sent is finished: <paramref name="cancellationToken"/> counts only before.</remarks>
    /// <exception cref="SessionConflictException">Another writer has saved the session since it was loaded.</exception>
    /// <exception cref="LegHasPlacedCallException">The save creates a call, and the caller's leg has placed another one.</exception>
    /// <exception cref="SessionStoreUnavailableException">Redis did not answer; whether the write happened is unknown.</exception>
    Task<StoredSession> SaveAsync(StoredSession loaded, Decision decision, CancellationToken cancellationToken);
}

/// <summary>A session as it was read or written, and the value that a save compares.</summary>
/// <param name="Id">The id of the session, also where none is stored.</param>
/// <param name="Session">The session; null where none is stored.</param>
/// <param name="Version">Counts the writes, for people, HTTP ETags and events; 0 where none is stored.</param>
/// <param name="ETag">Opaque and never repeated: the compare-and-set compares it. Empty where none is stored.</param>
public sealed record StoredSession(SessionId Id, CallSession? Session, long Version, string ETag);

/// <summary>Another writer has saved the session since it was loaded.</summary>
/// <param name="found">The session as that writer stored it: no round trip is needed to decide again.</param>
public sealed class SessionConflictException(StoredSession found)
    : Exception($"The session changed while it was being decided upon ({found.Id.Value.Length} characters of id)")
{
    public StoredSession Found => found;
}

/// <summary>The caller's leg has placed a call before, at least within the last 24 hours. That call may be over and forgotten.</summary>
public sealed class LegHasPlacedCallException() : Exception("The caller's leg has placed a call before");

/// <summary>Redis did not answer in time, could not be reached, or refused to write.</summary>
public class SessionStoreUnavailableException(string what, Exception inner) : Exception(what, inner);

/// <summary>The session is not stored, and Twilio did not say enough to build it again. Later it may.</summary>
public sealed class SessionNotRebuiltException(string what) : SessionStoreUnavailableException(what, new InvalidOperationException(what));

/// <summary>This version cannot read the stored form of a session. No decision about it is possible, so it counts as unavailable.</summary>
public sealed class UnreadableSessionException(Exception cause)
    : SessionStoreUnavailableException($"The stored session cannot be read: {cause.Message}", cause);
