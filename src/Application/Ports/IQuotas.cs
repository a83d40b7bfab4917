namespace Calls.Application.Ports;

/// <summary>Limits for one person, counted over all replicas.</summary>
public interface IQuotas
{
    /// <summary>Counts one added phone of a bearer. Give it back if the phone was not added.</summary>
    /// <returns>Null where the phone may be added; otherwise the time until the next one may be.</returns>
    Task<TimeSpan?> TakeAddAsync(Asker asker, CancellationToken cancellationToken);

    Task GiveAddBackAsync(Asker asker);

    /// <summary>Takes one of the caller's places for live sessions. A session that has a place keeps it.</summary>
    /// <returns>Whether the session has a place now.</returns>
    Task<bool> TakePlaceAsync(ClientIdentity caller, SessionId session, CancellationToken cancellationToken);

    /// <summary>The session is over or was never stored. The request is not awaited and can be lost: when the places run short, the places
    /// of ended sessions are found.</summary>
    void GivePlaceBack(ClientIdentity caller, SessionId session);
}

/// <summary>The limits for one person.</summary>
/// <param name="AddsPerHour">Phones added within an hour. The hour begins with the first of them.</param>
/// <param name="LiveSessions">Placed sessions that are not over.</param>
public sealed record Allowances(int AddsPerHour, int LiveSessions);
