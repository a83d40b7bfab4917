namespace Calls.Application.Ports;

/// <summary>Which replica sweeps Twilio's open conferences: one in each interval.</summary>
public interface IReconcileTurns
{
    /// <summary>Takes the turn for this long. False if another replica has it.</summary>
    /// <exception cref="SessionStoreUnavailableException">Redis did not answer.</exception>
    Task<bool> TryTakeAsync(TimeSpan interval, CancellationToken cancellationToken);

    /// <summary>Gives a turn back that could not be used. Any replica may take it then.</summary>
    /// <exception cref="SessionStoreUnavailableException">Redis did not answer.</exception>
    Task GiveBackAsync();
}
