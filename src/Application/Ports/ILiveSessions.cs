using Calls.Domain;

namespace Calls.Application.Ports;

/// <summary>What is live now, page by page. Read from the index of deadlines, which holds every session that goes on, and some that have just ended.</summary>
public interface ILiveSessions
{
    /// <summary>Up to <paramref name="most"/> sessions that go on, in an order that does not change, from <paramref name="after"/> on.</summary>
    /// <remarks>What starts or ends while pages are turned may be missed or not; what goes on throughout is on exactly one page. A page can have fewer than
    /// <paramref name="most"/>, even none, and have a next one.</remarks>
    /// <exception cref="SessionStoreUnavailableException">The store did not answer.</exception>
    Task<LivePage> ReadAsync(LiveCursor after, int most, CancellationToken cancellationToken);
}

/// <summary>Where a page begins: after this id, in this partition.</summary>
public sealed record LiveCursor(int Partition, SessionId? After)
{
    public static LiveCursor Beginning { get; } = new(0, null);
}

/// <summary>One page, and where the next one begins; null after the last.</summary>
public sealed record LivePage(IReadOnlyList<StoredSession> Sessions, LiveCursor? Next);
