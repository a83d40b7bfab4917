using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Calls.Load;

/// <summary>A Redis process that writes nothing to disk.</summary>
internal sealed class RedisServer : IDisposable
{
    private readonly Started process;
    private readonly int port;

    private RedisServer(int port, int? processor)
    {
        this.port = port;
        string[] command = ["redis-server", "--port", port.ToString(CultureInfo.InvariantCulture), "--bind", "127.0.0.1", "--save", "",
            "--appendonly", "no"];
        process = new Started(command, new Dictionary<string, string>(), AppContext.BaseDirectory, processor);
    }

    public string Address => "127.0.0.1:" + port.ToString(CultureInfo.InvariantCulture);

    public static async Task<RedisServer> StartAsync(int port, int? processor)
    {
        var redis = new RedisServer(port, processor);
        while (true)
        {
            try
            {
                await redis.EmptyAsync();
                return redis;
            }
            catch (SocketException) when (!redis.process.HasExited)
            {
                await Task.Delay(10);
            }
        }
    }

    public async Task EmptyAsync()
    {
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(IPAddress.Loopback, port);
        await socket.SendAsync(Encoding.ASCII.GetBytes("FLUSHALL\r\n"));
        var answer = new byte[5];
        await socket.ReceiveAsync(answer);
        if (!answer.AsSpan().SequenceEqual("+OK\r\n"u8))
            throw new InvalidOperationException("Redis was not emptied: " + Encoding.ASCII.GetString(answer));
    }

    public void Dispose() => process.Dispose();
}
