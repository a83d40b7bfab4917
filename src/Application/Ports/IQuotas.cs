using Calls.Domain;

namespace Calls.Application.Ports;

/// <summary>What one person may use up, counted over all replicas.</summary>
public interface IQuotas
{
    /// <summary>Counts one added phone. What is taken for an add that then was not made is to be given back.</summary>
    /// <returns>Null where there was one left; else how long until there is one again.</returns>
    Task<TimeSpan?> TakeAddAsync(Asker asker, CancellationToken cancellationToken);

    Task GiveAddBackAsync(Asker asker);

    /// <summary>Takes a place for a live session of this caller; one that is held already is held on to. Sent beside a load, it costs a webhook no round trip of its own.</summary>
    Task<Place> TakePlaceAsync(ClientIdentity caller, SessionId session, CancellationToken cancellationToken);

    /// <summary>The session is over, or never came to be. Does not wait, and may be lost: a place whose session is over is found out when places run short.</summary>
    void GivePlaceBack(ClientIdentity caller, SessionId session);
}

/// <summary>Whether a caller may have one more live session.</summary>
public enum Place
{
    Taken,
    HeldAlready,
    NoneLeft,
}

/// <summary>How much one person may use up.</summary>
/// <param name="AddsPerHour">Phones added within an hour, which begins with the first of them.</param>
/// <param name="LiveSessions">Sessions placed and not over.</param>
public sealed record Allowances(int AddsPerHour, int LiveSessions);
