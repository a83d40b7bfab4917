namespace Calls.Application.Ports;

/// <summary>How many calls the service starts per second, over all replicas (<c>Calls:Dialing:CallsPerSecond</c>).</summary>
public interface IDialPace
{
    /// <summary>Whether there is a limit. Without a limit every dial is sent at once.</summary>
    bool IsLimited { get; }

    /// <summary>Takes the next turn. Callees come before guests.</summary>
    /// <returns>Zero where the dial may be sent now; otherwise the time until it is worth asking again.</returns>
    /// <exception cref="SessionStoreUnavailableException">Redis did not answer.</exception>
    Task<TimeSpan> TakeTurnAsync(Role role, CancellationToken cancellationToken);
}

/// <summary>The limit of calls that the service starts per second. Null: no limit.</summary>
public sealed record StartRate(double? CallsPerSecond);
