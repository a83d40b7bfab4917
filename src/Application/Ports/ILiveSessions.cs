namespace Calls.Application.Ports;

/// <summary>The live sessions, in pages. They come from the index of deadlines, which holds every live session and some that have just
/// ended.</summary>
public interface ILiveSessions
{
    /// <summary>Up to <paramref name="most"/> live sessions after <paramref name="after"/>, in a fixed order.</summary>
    /// <remarks>A session that is live during all requests is on exactly one page. A session that starts or ends meanwhile may be missing.
    /// A page can have fewer than <paramref name="most"/> sessions, or none, and still have a next page.</remarks>
    /// <exception cref="SessionStoreUnavailableException">Redis did not answer.</exception>
    Task<LivePage> ReadAsync(LiveCursor after, int most, CancellationToken cancellationToken);
}

/// <summary>The start of a page: after this id, in this partition.</summary>
public sealed record LiveCursor(int Partition, SessionId? After)
{
    public static LiveCursor Beginning { get; } = new(0, null);
}

/// <summary>One page, and the start of the next one; null after the last page.</summary>
public sealed record LivePage(IReadOnlyList<StoredSession> Sessions, LiveCursor? Next);
