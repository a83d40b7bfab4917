namespace Calls.Application.Transactions;

/// <summary>The sessions that this replica wrote last. A direct-mapped cache of 1,024 slots; a collision overwrites. Ended sessions are
/// kept.</summary>
/// <remarks>No guarantee depends on it: a save compares, and a decision without a save is made again on the stored state
/// (ADR 10).</remarks>
internal sealed class RecentSessions
{
    public const int Slots = 1024;

    private readonly StoredSession?[] slots = new StoredSession?[Slots];

    /// <summary>The session as this replica wrote it last; null where the slot has another session or none.</summary>
    public StoredSession? Find(SessionId id) => Volatile.Read(ref slots[SlotOf(id)]) is { } written && written.Id == id ? written : null;

    /// <summary>Keeps a session that was just written.</summary>
    public void Set(StoredSession written) => Volatile.Write(ref slots[SlotOf(written.Id)], written);

    public static int SlotOf(SessionId id) => (int)(id.StableHash() % Slots);
}
