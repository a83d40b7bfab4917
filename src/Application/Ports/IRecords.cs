namespace Calls.Application.Ports;

/// <summary>What is stored about ended calls.</summary>
public interface IRecords
{
    /// <summary>Deletes a session and what the store keeps beside it: the entries in the lists of its people, and the events that were
    /// not delivered yet. What refuses a replay of its webhooks stays until it expires.</summary>
    /// <returns>False where the session has changed since it was loaded.</returns>
    /// <exception cref="SessionStoreUnavailableException">Redis did not answer.</exception>
    Task<bool> ForgetAsync(StoredSession loaded, CancellationToken cancellationToken);
}
