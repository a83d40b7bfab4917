using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Calls.Chaos.Tests.Harness;
using Calls.Sandbox;
using Microsoft.Extensions.Options;

namespace Calls.Lifecycle.Tests;

/// <summary>The limits of every request, and the headers of every answer.</summary>
public sealed class Requests_are_bounded
{
    [Theory]
    [InlineData("a header more than there may be", 65, 1, 431)]
    [InlineData("as many headers as there may be", 60, 1, 200)]
    [InlineData("headers larger than they may be", 10, 2000, 431)]
    public async Task Headers(string what, int count, int size, int expected)
    {
        await using var host = await SandboxHost.StartAsync(new SandboxOptions());
        var headers = string.Concat(Enumerable.Range(0, count)
            .Select(n => string.Create(CultureInfo.InvariantCulture, $"X-{n}: {new string('x', size)}\r\n")));
        (await RawAsync(host.Address, $"GET /healthz/ready HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n"))
            .ShouldStartWith(string.Create(CultureInfo.InvariantCulture, $"HTTP/1.1 {expected}"), Case.Sensitive, what);
    }

    [Theory]
    [InlineData("/healthz/ready")]
    [InlineData("/twilio/voice")]
    [InlineData("/v1/sessions/x")]
    [InlineData("/nowhere")]
    [InlineData("/openapi/v1.json")]
    public async Task Every_answer_says_that_it_is_neither_to_be_guessed_nor_framed_and_names_no_server(string path)
    {
        await using var host = await SandboxHost.StartAsync(new SandboxOptions());
        var answer = await RawAsync(host.Address, $"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        answer.ShouldContain("X-Content-Type-Options: nosniff\r\n");
        answer.ShouldContain("Referrer-Policy: no-referrer\r\n");
        answer.ShouldContain("Content-Security-Policy: frame-ancestors 'none'\r\n");
        answer.ShouldNotContain("\r\nServer:");
        answer.ShouldNotContain("Strict-Transport-Security", Case.Insensitive, "the public address is http here");
    }

    [Fact]
    public async Task An_answer_that_takes_the_place_of_an_exception_says_so_too()
    {
        await using var host = await SandboxHost.StartAsync(new SandboxOptions
        {
            Settings = [new("ConnectionStrings:Redis", "127.0.0.1:1")],
        });
        var answer = await RawAsync(host.Address,
            $"GET /v1/sessions/x HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {host.TokenFor("alice")}\r\nConnection: close\r\n\r\n");
        answer.ShouldStartWith("HTTP/1.1 503");
        answer.ShouldContain("X-Content-Type-Options: nosniff\r\n");
        answer.ShouldContain("Content-Security-Policy: frame-ancestors 'none'\r\n");
    }

    [Fact]
    public async Task Where_the_public_address_is_https_browsers_are_to_stay_with_it()
    {
        await using var host = await SandboxHost.StartAsync(new SandboxOptions
        {
            Settings = [new("PublicBaseUrl", "https://calls.example.org")],
        });
        (await RawAsync(host.Address, "GET /healthz/ready HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"))
            .ShouldContain("Strict-Transport-Security: max-age=31536000\r\n");
    }

    [Fact]
    public async Task Connections_beyond_the_limit_are_closed_and_those_that_are_open_serve_on()
    {
        await using var host = await SandboxHost.StartAsync(new SandboxOptions { Settings = [new("Calls:Limits:Connections", "2")] });
        using var first = await OpenAsync(host.Address);
        using var second = await OpenAsync(host.Address);
        (await RawAsync(host.Address, Ask)).ShouldBeEmpty();
        (await AskAsync(first)).ShouldStartWith("HTTP/1.1 200");
        second.Dispose();
        await Eventually.TrueAsync(async () => (await RawAsync(host.Address, Ask)).StartsWith("HTTP/1.1 200", StringComparison.Ordinal),
            "its place is free again", TimeSpan.FromSeconds(10));
    }

    [Fact]
    public async Task A_webhook_whose_body_trickles_in_loses_its_connection_long_before_the_body_is_whole()
    {
        const int length = 60_000;
        await using var host = await SandboxHost.StartAsync(new SandboxOptions());
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(IPAddress.Loopback, host.Address.Port);
        await socket.SendAsync(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture,
            $"POST /twilio/voice HTTP/1.1\r\nHost: x\r\nX-Twilio-Signature: x\r\nContent-Type: "
                + $"application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n\r\n")));
        // 2,000 bytes a second are above Kestrel's minimum data rate.
        var (piece, sent) = (new byte[500], 0);
        Array.Fill(piece, (byte)'x');
        var closed = AskAsync(socket, "CallSid=", TimeSpan.FromSeconds(25));
        while (!closed.IsCompleted && sent < length)
        {
            try
            {
                sent += await socket.SendAsync(piece);
            }
            catch (SocketException)
            {
                break;
            }

            await Task.WhenAny(closed, Task.Delay(250));
        }

        (await closed).ShouldNotContain(" 200 ");
        sent.ShouldBeLessThan(length);
    }

    [Theory]
    [InlineData("", "192.0.2.2", true)]
    [InlineData("127.0.0.1", "192.0.2.2", false)]
    [InlineData("192.0.2.9", "192.0.2.2", true)]
    public async Task An_address_is_believed_from_a_known_proxy_alone(string proxy, string other, bool isOneAddress)
    {
        await using var host = await SandboxHost.StartAsync(new SandboxOptions
        {
            Settings = [new("Calls:Limits:UnsignedPerMinute", "1"), .. proxy.Length == 0 ? Array.Empty<KeyValuePair<string,
                string?>>() : [new("Calls:ForwardedHeaders:KnownProxies:0", proxy)]],
        });
        (await UnsignedAsync("192.0.2.1")).ShouldBe(HttpStatusCode.Forbidden);
        (await UnsignedAsync("192.0.2.1")).ShouldBe(HttpStatusCode.TooManyRequests);
        (await UnsignedAsync(other)).ShouldBe(isOneAddress ? HttpStatusCode.TooManyRequests : HttpStatusCode.Forbidden);

        async Task<HttpStatusCode> UnsignedAsync(string from) =>
            (await Http.SendAsync(HttpMethod.Post, new Uri(host.Address, "/twilio/voice"), headers: ("X-Forwarded-For", from))).Status;
    }

    [Theory]
    [InlineData("Calls:ForwardedHeaders:KnownProxies:0", "proxy.example.org")]
    [InlineData("Calls:ForwardedHeaders:KnownNetworks:0", "10.0.0.0")]
    [InlineData("Calls:Limits:Connections", "0")]
    [InlineData("Calls:Shutdown:DrainDelay", "01:00:00")]
    public async Task A_key_that_cannot_be_used_is_named_at_the_start(string key, string value) =>
        (await Should.ThrowAsync<OptionsValidationException>(
            () => SandboxHost.StartAsync(new SandboxOptions { Settings = [new(key, value)] }))).Message
            .ShouldContain(key.EndsWith(":0", StringComparison.Ordinal) ? key[..^2] : key);

    private const string Ask = "GET /healthz/ready HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

    private static async Task<Socket> OpenAsync(Uri address)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(IPAddress.Loopback, address.Port);
        // An answer shows that the service has the connection, and not only the kernel.
        await socket.SendAsync("GET /healthz/live HTTP/1.1\r\nHost: x\r\n\r\n"u8.ToArray());
        (await socket.ReceiveAsync(new byte[4096])).ShouldBeGreaterThan(0);
        return socket;
    }

    private static async Task<string> RawAsync(Uri address, string request)
    {
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(IPAddress.Loopback, address.Port);
        return await AskAsync(socket, request);
    }

    private static async Task<string> AskAsync(Socket socket, string request = Ask, TimeSpan? atMost = null)
    {
        using var patience = new CancellationTokenSource(atMost ?? TimeSpan.FromSeconds(15));
        using var answer = new MemoryStream();
        try
        {
            await socket.SendAsync(Encoding.ASCII.GetBytes(request), patience.Token);
            var buffer = new byte[8192];
            while (await socket.ReceiveAsync(buffer, patience.Token) is > 0 and var read)
                answer.Write(buffer, 0, read);
        }
        catch (SocketException)
        {
            // The connection was reset. The answer before the reset counts.
        }

        return Encoding.ASCII.GetString(answer.ToArray());
    }
}
