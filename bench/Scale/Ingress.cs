using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace Calls.Scale;

/// <summary>
/// The load balancer before the replicas. Each connection goes to the next replica, and a webhook takes any free connection, so that the
/// webhooks of one call go to all replicas.
/// </summary>
internal sealed class Ingress : IDisposable
{
    private readonly TcpListener listener = new(IPAddress.Loopback, 0);
    private readonly ConcurrentDictionary<TcpClient, bool> open = new();
    private IReadOnlyList<Uri> replicas = [];
    private int turn;

    public Ingress()
    {
        listener.Start();
        Origin = new Uri("http://" + listener.LocalEndpoint);
        _ = AcceptAsync();
    }

    public Uri Origin { get; }

    /// <summary>Sets the replicas. Connections to other replicas are closed.</summary>
    public void Spread(IEnumerable<Replica> over)
    {
        replicas = [.. over.Select(replica => replica.Origin)];
        Close();
    }

    public void Dispose()
    {
        listener.Dispose();
        Close();
    }

    private void Close()
    {
        foreach (var connection in open.Keys)
            connection.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
                _ = ServeAsync(await listener.AcceptTcpClientAsync());
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The listener was stopped.
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        using var replica = new TcpClient();
        open[client] = true;
        try
        {
            var to = replicas[(int)((uint)Interlocked.Increment(ref turn) % replicas.Count)];
            await replica.ConnectAsync(to.Host, to.Port);
            (client.NoDelay, replica.NoDelay) = (true, true);
            await await Task.WhenAny(client.GetStream().CopyToAsync(replica.GetStream()), replica.GetStream()
                .CopyToAsync(client.GetStream()));
        }
        catch (Exception e) when (e is IOException or SocketException or ObjectDisposedException or InvalidOperationException)
        {
            // One side has closed the connection, so the other side is closed too.
        }
        finally
        {
            open.TryRemove(client, out _);
            client.Dispose();
        }
    }
}
