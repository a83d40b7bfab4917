namespace Calls.Application.Ports;

/// <summary>Asks the session store for a sign of life, for <c>/healthz/dependencies</c>.</summary>
public interface IStorePing
{
    /// <summary>The time that the store took to answer. Null if it did not answer.</summary>
    Task<TimeSpan?> PingAsync(CancellationToken cancellationToken);
}
