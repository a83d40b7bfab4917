using System.Net;
using System.Net.Sockets;
using Garnet;
using Microsoft.AspNetCore.Connections;

namespace Calls.Sandbox.Redis;

/// <summary>
/// A Redis-compatible server (Microsoft Garnet) inside this process, on a port of 127.0.0.1. It keeps data in memory only.
/// </summary>
/// <remarks>The sandbox uses it, and so do tests on a machine without Redis.</remarks>
public sealed class EmbeddedRedis : IAsyncDisposable
{
    private static readonly TimeSpan StopTimeout = TimeSpan.FromSeconds(5);

    private readonly GarnetServer server;

    private EmbeddedRedis(GarnetServer server, int port)
    {
        this.server = server;
        ConnectionString = string.Create(System.Globalization.CultureInfo.InvariantCulture, $"127.0.0.1:{port}");
    }

    /// <summary>The address as StackExchange.Redis and <c>ConnectionStrings:Redis</c> take it.</summary>
    public string ConnectionString { get; }

    /// <summary>Starts a server on a free port. It accepts connections when this method returns.</summary>
    public static EmbeddedRedis Start() => Start(0);

    /// <summary>Starts a server on this port. 0 takes a free port.</summary>
    public static EmbeddedRedis Start(int port)
    {
        port = PortFor(port);
        var server = new GarnetServer(
        [
            "--port", port.ToString(System.Globalization.CultureInfo.InvariantCulture), "--bind", "127.0.0.1",
            "--lua", "true", "--lua-transaction-mode", "true", "--logger-level", "Error", "-q",
            // Each database allocates its hash index and its first page at the first command. The defaults (128 MB and 32 MB) make the
            // garbage collector stop the process for up to two seconds.
            "--index", "8m", "--page", "4m",
        ]);
        server.Start();
        return new EmbeddedRedis(server, port);
    }

    /// <summary>Stops the server. On a busy machine the stop sometimes never completes, so it is abandoned after five seconds.</summary>
    public async ValueTask DisposeAsync()
    {
        try
        {
            await Task.Run(server.Dispose).WaitAsync(StopTimeout);
        }
        catch (TimeoutException)
        {
            // The server ends with the process.
        }
    }

    /// <summary>A free port, or the port itself if it is free. The server would end with a stack trace.</summary>
    private static int PortFor(int port)
    {
        using var listener = new TcpListener(IPAddress.Loopback, port);
        try
        {
            listener.Start();
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.AddressAlreadyInUse)
        {
            throw new IOException($"Failed to bind to address http://127.0.0.1:{port}.", new AddressInUseException(e.Message, e));
        }

        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
