namespace Calls.Application.Ports;

/// <summary>Whether Redis may have lost acknowledged writes (docs/adr/0007-what-a-failover-can-lose.md).</summary>
public interface IStoreMemory
{
    /// <summary>How long ago Redis may last have lost acknowledged writes; null if it was more than a minute ago. A dial that counts as not
    /// sent may have been sent, so look before sending it.</summary>
    TimeSpan? SuspectFor { get; }
}
