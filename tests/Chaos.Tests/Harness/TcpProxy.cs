using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace Calls.Chaos.Tests.Harness;

/// <summary>
/// A TCP connection between two processes, which a test can cut, stop or slow down. The proxy does not interpret or repeat the data.
/// </summary>
internal sealed class TcpProxy : IAsyncDisposable
{
    private readonly TcpListener listener = new(IPAddress.Loopback, Ports.Free());
    private readonly Func<int?> target;
    private readonly ConcurrentDictionary<Pair, byte> open = new();
    private readonly Task accepting;
    private volatile TaskCompletionSource? stopped;
    private volatile bool refusing;
    private long cuts;

    private TcpProxy(Func<int?> target)
    {
        this.target = target;
        listener.Start(512);
        accepting = AcceptAsync();
    }

    public int Port => ((IPEndPoint)listener.LocalEndpoint).Port;

    /// <summary>The delay of each piece of data.</summary>
    public TimeSpan Latency { get; set; }

    /// <summary>The number of connections that were cut so far.</summary>
    public long Cuts => Interlocked.Read(ref cuts);

    /// <param name="target">The target port of each new connection. Null cuts the connection.</param>
    public static TcpProxy To(Func<int?> target) => new(target);

    public static TcpProxy To(int port) => new(() => port);

    /// <summary>Resets all open connections. New connections get through.</summary>
    public void Cut()
    {
        foreach (var pair in open.Keys)
            Reset(pair);
    }

    /// <summary>Resets all open connections, and each new connection until <see cref="Restore"/>.</summary>
    public void Refuse()
    {
        refusing = true;
        Cut();
    }

    /// <summary>
    /// Connections stay open, and no data passes until <see cref="Restore"/>. Then the held data arrives late, as after lost packets.
    /// </summary>
    public void Blackhole() => stopped ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);

    public void Restore()
    {
        refusing = false;
        var was = stopped;
        stopped = null;
        was?.TrySetResult();
    }

    public async ValueTask DisposeAsync()
    {
        Restore();
        listener.Stop();
        await accepting;
        Cut();
    }

    private async Task AcceptAsync()
    {
        while (true)
        {
            Socket near;
            try
            {
                near = await listener.AcceptSocketAsync();
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                return;
            }

            _ = CarryAsync(near);
        }
    }

    private async Task CarryAsync(Socket near)
    {
        var far = new Socket(SocketType.Stream, ProtocolType.Tcp);
        var pair = new Pair(near, far);
        open[pair] = 0;
        try
        {
            if (refusing || target() is not { } port)
            {
                Reset(pair);
                return;
            }

            near.NoDelay = far.NoDelay = true;
            await far.ConnectAsync(new IPEndPoint(IPAddress.Loopback, port));
            await Task.WhenAll(CopyAsync(near, far), CopyAsync(far, near));
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            Reset(pair);
        }
        finally
        {
            open.TryRemove(pair, out _);
            near.Dispose();
            far.Dispose();
        }
    }

    private async Task CopyAsync(Socket from, Socket to)
    {
        var buffer = new byte[16 * 1024];
        try
        {
            while (true)
            {
                var read = await from.ReceiveAsync(buffer);
                if (Latency > TimeSpan.Zero)
                    await Task.Delay(Latency);
                if (stopped is { } gate)
                    await gate.Task;
                if (read == 0)
                    break;
                for (var sent = 0; sent < read;)
                    sent += await to.SendAsync(buffer.AsMemory(sent, read - sent));
            }

            to.Shutdown(SocketShutdown.Send);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The other direction must not wait for an end that never comes.
            Close(from);
            Close(to);
        }
    }

    private void Reset(Pair pair)
    {
        Interlocked.Increment(ref cuts);
        Close(pair.Near);
        Close(pair.Far);
    }

    private static void Close(Socket socket)
    {
        try
        {
            socket.LingerState = new LingerOption(true, 0);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            return;
        }

        socket.Close();
    }

    private sealed record Pair(Socket Near, Socket Far);
}
