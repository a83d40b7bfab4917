using System.Net;
using System.Net.Sockets;

namespace Calls.Infrastructure.Webhooks;

/// <summary>Which addresses belong to the public Internet. Private networks, this host, and the metadata services of clouds do not.
/// </summary>
/// <remarks>IANA's registries of special-purpose addresses (iana.org/assignments/iana-ipv4-special-registry and …-ipv6-…).</remarks>
internal static class PublicAddresses
{
    private static readonly IPNetwork[] NotPublic =
    [
        .. ((string[])
        [
            "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
            "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3",
            // Azure's host, which serves metadata at a public address.
            "168.63.129.16/32",
            // Inside of the public range of IPv6: protocols (with Teredo), documentation, and IPv4 addresses in IPv6 ones.
            "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20",
        ]).Select(network => IPNetwork.Parse(network)),
    ];

    private static readonly IPNetwork PublicIPv6 = IPNetwork.Parse("2000::/3");

    public static bool Contains(IPAddress address)
    {
        var plain = address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
        return (plain.AddressFamily == AddressFamily.InterNetwork || PublicIPv6.Contains(plain))
            && !NotPublic.Any(network => network.Contains(plain));
    }

    /// <summary>Opens a connection to a host that a request names. The addresses are checked after the name was resolved, so a name that
    /// resolves to another address later makes no difference.</summary>
    /// <exception cref="AddressRefusedException">The host has no public address.</exception>
    public static async ValueTask<Stream> ConnectAsync(DnsEndPoint host, bool allowPrivate, CancellationToken cancellationToken)
    {
        var addresses = await Dns.GetHostAddressesAsync(host.Host, cancellationToken);
        if (!allowPrivate)
            addresses = [.. addresses.Where(Contains)];
        if (addresses.Length == 0)
            throw new AddressRefusedException();
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(addresses, host.Port, cancellationToken);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}

/// <summary>The host of a URL has only addresses that the service does not send requests to.</summary>
internal sealed class AddressRefusedException() : IOException("The host has no public address.");
