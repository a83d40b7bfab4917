using Calls.Domain;

namespace Calls.Application.Ports;

/// <summary>Word of every committed change, whichever replica made it. A hint that can be lost: whoever must not miss the newest state reads it again now and then.</summary>
public interface ISessionChanges
{
    /// <summary>Sees to it that <paramref name="told"/> is called, with the session's id and its new version, for every change that is committed from now on to
    /// this session, and perhaps to others. Asking again costs nothing. It must not block.</summary>
    /// <exception cref="SessionStoreUnavailableException">Nothing is listened to yet: ask again.</exception>
    Task ListenAsync(SessionId session, Action<SessionId, long> told);
}
