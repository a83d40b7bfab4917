using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using IPNetwork = System.Net.IPNetwork;

namespace Calls.Api.Limits;

/// <summary>Closes connections above the limits, so that a flood costs sockets but no memory, and one address cannot take the place of
/// all others. The management port has no limit, because Kubernetes would kill a busy pod whose probe finds no connection.</summary>
/// <remarks>Many clients share the address of a known proxy, so it has only the limit of all connections.</remarks>
internal sealed class ConnectionLimits(CallsOptions options, int? managementPort, CallsTelemetry telemetry)
{
    private readonly HashSet<IPAddress> proxies = [.. options.ForwardedHeaders.ParseAddresses()];
    private readonly List<IPNetwork> networks = [.. options.ForwardedHeaders.ParseNetworks()];
    private readonly ConcurrentDictionary<IPAddress, int> byAddress = new();
    private int open;

    public ConnectionDelegate Limit(ConnectionDelegate next) => connection =>
        connection.LocalEndPoint is IPEndPoint local && local.Port == managementPort ? next(connection) : ServeAsync(connection, next);

    private async Task ServeAsync(ConnectionContext connection, ConnectionDelegate next)
    {
        var address = (connection.RemoteEndPoint as IPEndPoint)?.Address is { } remote ? ClientOf(remote) : null;
        var all = Interlocked.Increment(ref open);
        var ofAddress = address is null ? 0 : byAddress.AddOrUpdate(address, 1, (_, count) => count + 1);
        try
        {
            if (all > options.Limits.Connections)
                Close(connection, "connections", "Calls:Limits:Connections");
            else if (ofAddress > options.Limits.ConnectionsOfAddress)
                Close(connection, "connections-per-address", "Calls:Limits:ConnectionsPerAddress");
            else
                await next(connection);
        }
        finally
        {
            Interlocked.Decrement(ref open);
            if (address is not null)
                Leave(address);
        }
    }

    private void Close(ConnectionContext connection, string rule, string key)
    {
        telemetry.Refused(rule);
        connection.Abort(new ConnectionAbortedException($"The limit {key} is reached."));
    }

    private void Leave(IPAddress address)
    {
        byAddress.AddOrUpdate(address, 0, (_, count) => count - 1);
        byAddress.TryRemove(KeyValuePair.Create(address, 0));
    }

    /// <summary>The address that is counted: for IPv6 the network of 64 bits, which one client has for itself. Null for a known
    /// proxy.</summary>
    private IPAddress? ClientOf(IPAddress remote)
    {
        var address = remote.IsIPv4MappedToIPv6 ? remote.MapToIPv4() : remote;
        if (proxies.Contains(address) || networks.Exists(network => network.Contains(address)))
            return null;
        if (address.AddressFamily != AddressFamily.InterNetworkV6)
            return address;
        var bytes = address.GetAddressBytes();
        bytes.AsSpan(8).Clear();
        return new IPAddress(bytes);
    }
}
