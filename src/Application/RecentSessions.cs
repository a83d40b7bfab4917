using Calls.Application.Ports;
using Calls.Domain;

namespace Calls.Application;

/// <summary>What this replica has last written of the calls that it is busy with. The next report of a call is decided on that at once, and the save compares as ever: what was read
/// before a write proves nothing more than what was remembered.</summary>
/// <remarks>Nothing depends on it, and it is small: a call finds its place by its id, and who comes later to the same place has it. A call whose reports come to other replicas too
/// is not remembered once that has shown. One that is over is: its last reports come when it has long been settled.</remarks>
internal sealed class RecentSessions
{
    public const int Places = 1024;

    private readonly StoredSession?[] places = new StoredSession?[Places];

    /// <summary>The session as it was last written here; null where that is not known, or others write it as well.</summary>
    public StoredSession? Find(SessionId id) => In(PlaceOf(id), id) is { Session: not null } seen ? seen : null;

    /// <summary>The session was written, and is stored like this now.</summary>
    public void Set(StoredSession written)
    {
        var place = PlaceOf(written.Id);
        if (In(place, written.Id) is not { Session: null })
            Volatile.Write(ref places[place], written);
    }

    /// <summary>Others write that session as well: it is read from now on.</summary>
    public void IsShared(SessionId id) => Volatile.Write(ref places[PlaceOf(id)], new StoredSession(id, null, 0, ""));

    private StoredSession? In(int place, SessionId id) => Volatile.Read(ref places[place]) is { } seen && seen.Id == id ? seen : null;

    public static int PlaceOf(SessionId id) => (int)(id.StableHash() % Places);
}
