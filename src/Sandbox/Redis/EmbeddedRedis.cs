using System.Net;
using System.Net.Sockets;
using Garnet;

namespace Calls.Sandbox.Redis;

/// <summary>A Redis-compatible server inside this process (Microsoft Garnet), on loopback: for the sandbox, and for tests on a machine without Redis. Forgets everything when it ends.</summary>
public sealed class EmbeddedRedis : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    private readonly GarnetServer server;

    private EmbeddedRedis(GarnetServer server, int port)
    {
        this.server = server;
        ConnectionString = string.Create(System.Globalization.CultureInfo.InvariantCulture, $"127.0.0.1:{port}");
    }

    /// <summary>For StackExchange.Redis, and for <c>ConnectionStrings:Redis</c>.</summary>
    public string ConnectionString { get; }

    public static EmbeddedRedis Start()
    {
        var port = FreePort();
        var server = new GarnetServer(
            ["--port", port.ToString(System.Globalization.CultureInfo.InvariantCulture), "--bind", "127.0.0.1", "--lua", "true", "--lua-transaction-mode", "true", "--logger-level", "Error", "-q"]);
        server.Start();
        return new EmbeddedRedis(server, port);
    }

    /// <summary>Ends the server. It sometimes waits for ever for itself when the machine is busy; nothing in it is worth waiting for.</summary>
    public async ValueTask DisposeAsync()
    {
        try
        {
            await Task.Run(server.Dispose).WaitAsync(Patience);
        }
        catch (TimeoutException)
        {
            // It goes with the process.
        }
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
