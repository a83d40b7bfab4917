namespace Calls.Application.Ports;

/// <summary>Asks whether the session store takes writes, for <c>/healthz/dependencies</c>.</summary>
public interface IStorePing
{
    /// <summary>The time that the store took to answer. Null if it did not answer or refused to write.</summary>
    Task<TimeSpan?> PingAsync(CancellationToken cancellationToken);
}
