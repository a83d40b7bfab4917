using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;

namespace Calls.Integration.Tests.Redis;

/// <summary>A server that speaks the protocol of Redis 6.2, has no data, and refuses every script in given words. Its reads work, as on a
/// Redis that refuses to write.</summary>
internal sealed class RefusingRedis : IDisposable
{
    private const string Info =
        "# Server\r\nredis_version:6.2.14\r\nredis_mode:standalone\r\n# Replication\r\nrole:master\r\n# Persistence\r\nloading:0\r\n";

    private readonly TcpListener listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource closed = new();

    public RefusingRedis(string words)
    {
        Words = words;
        listener.Start();
        _ = AcceptAsync();
    }

    /// <summary>The error, without the leading minus.</summary>
    public string Words { get; }

    public string ConnectionString => listener.LocalEndpoint.ToString()!;

    public void Dispose()
    {
        closed.Cancel();
        listener.Stop();
        closed.Dispose();
    }

    private async Task AcceptAsync()
    {
        var token = closed.Token;
        try
        {
            while (true)
                _ = ServeAsync(await listener.AcceptTcpClientAsync(token), token);
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // The server is closed.
        }
    }

    private async Task ServeAsync(TcpClient client, CancellationToken token)
    {
        using var own = client;
        try
        {
            var stream = client.GetStream();
            // Latin-1 keeps each byte as one character, so the lengths of the protocol are lengths of strings.
            using var reader = new StreamReader(stream, Encoding.Latin1);
            while (await ReadAsync(reader, token) is { } command)
                await stream.WriteAsync(Encoding.Latin1.GetBytes(Answer(command)), token);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // The client is gone.
        }
    }

    private static async Task<string[]?> ReadAsync(StreamReader reader, CancellationToken token)
    {
        if (await reader.ReadLineAsync(token) is not ['*', .. var count])
            return null;
        var command = new string[int.Parse(count, CultureInfo.InvariantCulture)];
        for (var i = 0; i < command.Length; i++)
        {
            var length = await reader.ReadLineAsync(token) ?? throw new IOException("The command was cut off.");
            var text = new char[int.Parse(length.AsSpan(1), CultureInfo.InvariantCulture) + 2];
            await reader.ReadBlockAsync(text, token);
            command[i] = new string(text, 0, text.Length - 2);
        }

        return command;
    }

    private string Answer(string[] command) => command[0].ToUpperInvariant() switch
    {
        "PING" => "+PONG\r\n",
        "ECHO" => Bulk(command[1]),
        "INFO" => Bulk(Info),
        "CLIENT" or "SELECT" or "AUTH" => "+OK\r\n",
        "CONFIG" => "*0\r\n",
        "GET" => "$-1\r\n",
        "HMGET" => "*3\r\n$-1\r\n$-1\r\n$-1\r\n",
        "ZCARD" => ":0\r\n",
        "ZRANGE" => "*0\r\n",
        "SUBSCRIBE" => $"*3\r\n{Bulk("subscribe")}{Bulk(command[1])}:1\r\n",
        "SCRIPT" => Bulk(Sha1(command[^1])),
        "EVAL" or "EVALSHA" => $"-{Words}\r\n",
        var other => $"-ERR unknown command `{other}`, with args beginning with: \r\n",
    };

    private static string Bulk(string text) => string.Create(CultureInfo.InvariantCulture, $"${text.Length}\r\n{text}\r\n");

#pragma warning disable CA5350 // Redis names scripts by SHA-1.
    private static string Sha1(string script) => Convert.ToHexStringLower(SHA1.HashData(Encoding.Latin1.GetBytes(script)));
#pragma warning restore CA5350
}
