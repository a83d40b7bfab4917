namespace Calls.Application.Ports;

/// <summary>The index of sessions by their next deadline. It is never the truth and can be rebuilt.</summary>
public interface IDueSessions
{
    /// <summary>The number of partitions.</summary>
    int Partitions { get; }

    /// <summary>Claims up to <paramref name="max"/> due sessions of a partition: it moves their deadline forward by <paramref
    /// name="lease"/>. If this replica dies,
    /// another replica claims them after the lease. The clock is that of Redis.</summary>
    Task<IReadOnlyList<SessionId>> ClaimAsync(int partition, int max, TimeSpan lease, CancellationToken cancellationToken);

    /// <summary>Corrects the index after a look that changed nothing: it sets the deadline of the state, or removes the entry of a session
    /// that is settled or is not stored any more.</summary>
    Task RescheduleAsync(StoredSession session, CancellationToken cancellationToken);
}
