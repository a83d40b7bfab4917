using Calls.Domain;

namespace Calls.Application.Ports;

/// <summary>The index of sessions by their next deadline: which of them must be looked at although nothing has happened. Never the truth; it can be rebuilt.</summary>
public interface IDueSessions
{
    /// <summary>How many partitions there are to sweep.</summary>
    int Partitions { get; }

    /// <summary>Takes up to <paramref name="max"/> sessions of a partition that are due, by moving their deadline forward by <paramref name="lease"/>:
    /// if this replica dies now, another one takes them when the lease is out. Lease arithmetic is by the store's clock.</summary>
    Task<IReadOnlyList<SessionId>> ClaimAsync(int partition, int max, TimeSpan lease, CancellationToken cancellationToken);

    /// <summary>Corrects the index where a look at the session changed nothing: sets the deadline that the state calls for, or removes an entry whose session is gone or settled.</summary>
    Task RescheduleAsync(StoredSession session, CancellationToken cancellationToken);
}
