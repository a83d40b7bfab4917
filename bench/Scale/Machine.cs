using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Calls.Scale;

/// <summary>The machine of the measurements.</summary>
internal static class Machine
{
    /// <summary>In bytes: one stored session with a reserve, and all other processes.</summary>
    private const long OfSession = 2_048, OfTheRest = 1_500_000_000;

    public static string Description => string.Create(CultureInfo.InvariantCulture,
        $"{Environment.ProcessorCount} cores ({Value("/proc/cpuinfo", "model name") ?? "processor unknown"}), "
            + $"{RuntimeInformation.FrameworkDescription}");

    /// <returns>Null if that many sessions fit into memory.</returns>
    public static string? WhyTooSmall(int sessions)
    {
        var needed = (sessions * OfSession) + OfTheRest;
        var available = long.Parse(Value("/proc/meminfo", "MemAvailable")?.Split(' ')[0] ?? "0", CultureInfo.InvariantCulture) * 1024;
        return available >= needed ? null : string.Create(CultureInfo.InvariantCulture,
            $"{sessions:N0} sessions need about {needed / 1e9:0.0} GB of free memory, and there are {available / 1e9:0.0} GB: give fewer "
                + $"with --sessions.");
    }

    public static int FreePort()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return socket.LocalEndPoint is IPEndPoint { Port: var port } ? port : throw new InvalidOperationException("No port is free");
    }

    private static string? Value(string file, string key) =>
        File.ReadLines(file).FirstOrDefault(line => line.StartsWith(key, StringComparison.Ordinal))?[key.Length..].Trim('\t', ' ', ':');
}
