using Calls.Domain;

namespace Calls.Application.Ports;

/// <summary>Where sessions are kept, each under an optimistic lock.</summary>
public interface ISessionStore
{
    /// <summary>Reads a session in one round trip, from the primary. A session that does not exist is loaded too: as none, which a save then creates.</summary>
    /// <exception cref="SessionStoreUnavailableException">The store did not answer.</exception>
    /// <exception cref="UnreadableSessionException">The stored form cannot be read by this version.</exception>
    Task<StoredSession> LoadAsync(SessionId id, CancellationToken cancellationToken);

    /// <summary>Whether a session is stored still as it was: one round trip, and less than a load.</summary>
    /// <exception cref="SessionStoreUnavailableException">The store did not answer.</exception>
    Task<bool> IsCurrentAsync(StoredSession seen, CancellationToken cancellationToken);

    /// <summary>Stores what was decided, if anything changed: the session, its expiry and its next deadline, in one compare-and-set.
    /// A write whose outcome is unknown is repeated under the same write id, and recognised.</summary>
    /// <remarks>Once sent, a write is finished: <paramref name="cancellationToken"/> counts only before.</remarks>
    /// <exception cref="SessionConflictException">Somebody else has written since the load: load and decide again.</exception>
    /// <exception cref="SessionStoreUnavailableException">The store did not answer; whether it has written is unknown.</exception>
    Task<StoredSession> SaveAsync(StoredSession loaded, Decision decision, CancellationToken cancellationToken);
}

/// <summary>A session as it was read or written, and what a save compares.</summary>
/// <param name="Id">The session's id, also where there is none yet.</param>
/// <param name="Session">The session; null where none is stored.</param>
/// <param name="Version">Counts the writes, for people, ETags and events; 0 where none is stored.</param>
/// <param name="ETag">Opaque and never repeated: what the lock compares. Empty where none is stored.</param>
public sealed record StoredSession(SessionId Id, CallSession? Session, long Version, string ETag);

/// <summary>Somebody else has written the session since it was loaded.</summary>
/// <param name="found">What they wrote: no round trip is needed to decide again.</param>
public sealed class SessionConflictException(StoredSession found) : Exception($"The session changed while it was being decided upon ({found.Id.Value.Length} characters of id)")
{
    public StoredSession Found => found;
}

/// <summary>The session store did not answer in time, or could not be reached.</summary>
public class SessionStoreUnavailableException(string what, Exception inner) : Exception(what, inner);

/// <summary>This version cannot read the stored form of a session. No decision about it is possible, so it counts as unavailable.</summary>
public sealed class UnreadableSessionException(Exception cause)
    : SessionStoreUnavailableException($"The stored session cannot be read: {cause.Message}", cause);
