using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Calls.Chaos.Tests.Harness;

/// <summary>
/// Ports for processes that are killed and started again. They are below the kernel's ephemeral ports, so that no outgoing connection takes
/// the port of a killed process.
/// </summary>
internal static class Ports
{
    private const int First = 16_000;
    private const int Last = 22_000;

    private static int next = First + Random.Shared.Next(Last - First);

    /// <summary>A free port whose cluster bus port (the port plus 10,000) is free too.</summary>
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
