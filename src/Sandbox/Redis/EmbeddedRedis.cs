using System.Net;
using System.Net.Sockets;
using Garnet;

namespace Calls.Sandbox.Redis;

/// <summary>
/// A Redis-compatible server (Microsoft Garnet) inside this process, on a free port of 127.0.0.1. It keeps data in memory only.
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

    /// <summary>Starts a server. It accepts connections when this method returns.</summary>
    public static EmbeddedRedis Start()
    {
        var port = FreePort();
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

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
