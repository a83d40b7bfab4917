namespace Calls.Application.Ports;

/// <summary>Whether the session store can be taken at its word: docs/adr/0007-what-a-failover-can-lose.md.</summary>
public interface IStoreMemory
{
    /// <summary>The store may have lost acknowledged writes a moment ago: what it says was not sent may have been. Look before sending what cannot be repeated.</summary>
    bool IsSuspect { get; }
}
