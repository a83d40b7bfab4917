using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Calls.Chaos.Tests.Harness;

/// <summary>Ports for processes that are killed and started again: below those that the kernel lends to outgoing connections, one of which could otherwise sit on a dead process' port.</summary>
internal static class Ports
{
    private const int First = 16_000;
    private const int Last = 22_000;

    private static int next = First + Random.Shared.Next(Last - First);

    /// <summary>A port that is free, and whose cluster bus (the port and 10,000) is free too.</summary>
    public static int Free()
    {
        while (true)
        {
            var port = First + (Interlocked.Increment(ref next) % (Last - First));
            if (IsFree(port) && IsFree(port + 10_000))
                return port;
        }
    }

    public static string Text(int port) => port.ToString(CultureInfo.InvariantCulture);

    private static bool IsFree(int port)
    {
        try
        {
            using var listener = new TcpListener(IPAddress.Loopback, port);
            listener.Start();
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
