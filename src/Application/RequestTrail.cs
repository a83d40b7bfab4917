using Calls.Application.Ports;
using Calls.Domain;

namespace Calls.Application;

/// <summary>What one request leaves behind for whoever watches it: the session that was read ahead of its use case, and what came of it.</summary>
/// <remarks>A webhook's place in its call's trace is known only once the session is read. So it is read first, and the use case's own load takes it from here: one round trip, as before.</remarks>
public sealed class RequestTrail
{
    private (SessionId Id, Task<StoredSession> Loading)? ahead;
    private bool refused;
    private bool unavailable;

    /// <summary>The last decision that was stored, or that changed nothing.</summary>
    public Decision? Decided { get; internal set; }

    /// <summary>What came of the request, in one word of a fixed few.</summary>
    public string Outcome => (unavailable, refused, Decided) switch
    {
        (true, _, _) => "unavailable",
        (_, true, _) or (_, _, { Refused: not null }) => "refused",
        (_, _, { Changed: true }) => "accepted",
        (_, _, { Ignored: IgnoredBecause.NothingNew }) => "duplicate",
        (_, _, { Ignored: IgnoredBecause.LegAlreadyGone or IgnoredBecause.Overtaken or IgnoredBecause.CallIsOver or IgnoredBecause.OfAnEarlierCall }) => "late",
        _ => "ignored",
    };

    /// <summary>Reads a session for the use case that is about to load it, which is told too if it could not be read.</summary>
    public Task<StoredSession> ReadAheadAsync(ISessionStore sessions, SessionId id, CancellationToken cancellationToken)
    {
        var loading = sessions.LoadAsync(id, cancellationToken);
        ahead = (id, loading);
        return loading;
    }

    /// <summary>Turned down before there was anything to decide.</summary>
    public void WasRefused() => refused = true;

    /// <summary>Answered all the same, but nothing could be stored.</summary>
    public void StoreWasAway() => unavailable = true;

    /// <summary>What was read ahead, once.</summary>
    internal bool TryTake(SessionId id, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out Task<StoredSession>? loading)
    {
        loading = ahead is { } read && read.Id == id ? read.Loading : null;
        if (loading is not null)
            ahead = null;
        return loading is not null;
    }
}
