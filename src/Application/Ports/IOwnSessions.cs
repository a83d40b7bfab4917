namespace Calls.Application.Ports;

/// <summary>The calls of one app user, in pages. They come from an index by person, which the store keeps beside the sessions.</summary>
/// <remarks>The index is never the truth. Its entry of a call can be lost; the next review or the end of the call writes it again.
/// </remarks>
public interface IOwnSessions
{
    /// <summary>Up to <paramref name="most"/> calls of a person that are live, or that have ended, after <paramref name="after"/>: the
    /// newest first, by their start.</summary>
    /// <remarks>A page can have fewer than <paramref name="most"/> calls, or none, and still have a next page.</remarks>
    /// <exception cref="SessionStoreUnavailableException">Redis did not answer.</exception>
    Task<OwnPage> ReadAsync(ClientIdentity person, bool ended, OwnCursor? after, int most, CancellationToken cancellationToken);
}

/// <summary>The start of a page: after the call with this start (Unix milliseconds) and this id.</summary>
public sealed record OwnCursor(long StartedAt, SessionId Id);

/// <summary>One page, and the start of the next one; null after the last page.</summary>
public sealed record OwnPage(IReadOnlyList<StoredSession> Sessions, OwnCursor? Next);
