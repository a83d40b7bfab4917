namespace Calls.Application.Ports;

/// <summary>Whether Redis may have lost acknowledged writes (docs/adr/0007-what-a-failover-can-lose.md).</summary>
public interface IStoreMemory
{
    /// <summary>Redis may have lost acknowledged writes within the last minute. A dial that counts as not sent may have been sent, so look
    /// before sending it.</summary>
    bool IsSuspect { get; }
}
