namespace Calls.Application.Ports;

/// <summary>Notices of committed changes of all replicas. A notice can be lost, so a reader that needs the newest state must also read at
/// an interval.</summary>
public interface ISessionChanges
{
    /// <summary>From now on, calls <paramref name="told"/> with the session id and the new version for every change of this session, and
    /// perhaps of others.
    /// A second call for the same session costs nothing. <paramref name="told"/> must not block.</summary>
    /// <exception cref="SessionStoreUnavailableException">There is no subscription yet. Call again.</exception>
    Task ListenAsync(SessionId session, Action<SessionId, long> told);
}
