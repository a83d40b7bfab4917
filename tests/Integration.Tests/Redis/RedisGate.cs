using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using StackExchange.Redis;

namespace Calls.Integration.Tests.Redis;

/// <summary>A door in front of a real Redis. While it is closed, Redis is away: connections break, and new ones are refused.</summary>
internal sealed class RedisGate : IDisposable
{
    private readonly EndPoint server;
    private readonly int database;
    private readonly int port = RedisServerProcess.FreePort();
    private readonly ConcurrentBag<TcpClient> carried = [];
    private TcpListener? listener;

    public RedisGate(string connectionString, bool isOpen)
    {
        var options = ConfigurationOptions.Parse(connectionString);
        (server, database) = (options.EndPoints.Single(), options.DefaultDatabase ?? 0);
        if (isOpen)
            Open();
    }

    public string ConnectionString => FormattableString.Invariant($"127.0.0.1:{port},defaultDatabase={database},{RedisFixture.Patience}");

    public void Open()
    {
        var opened = listener = new TcpListener(IPAddress.Loopback, port);
        opened.Start();
        _ = AcceptAsync(opened);
    }

    public void Close()
    {
        listener?.Stop();
        while (carried.TryTake(out var client))
            client.Dispose();
    }

    public void Dispose() => Close();

    private async Task AcceptAsync(TcpListener opened)
    {
        try
        {
            while (true)
                _ = CarryAsync(await opened.AcceptTcpClientAsync());
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The door is closed.
        }
    }

    private async Task CarryAsync(TcpClient near)
    {
        using var far = new TcpClient();
        carried.Add(near);
        carried.Add(far);
        try
        {
            if (server is DnsEndPoint dns)
                await far.ConnectAsync(dns.Host, dns.Port);
            else
                await far.ConnectAsync((IPEndPoint)server);
            var (here, there) = (near.GetStream(), far.GetStream());
            await Task.WhenAny(here.CopyToAsync(there), there.CopyToAsync(here));
        }
        catch (Exception e) when (e is IOException or SocketException or ObjectDisposedException or InvalidOperationException)
        {
            // The door was closed in between.
        }
        finally
        {
            near.Dispose();
        }
    }
}
