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

    [Fact]
    public async Task A_REST_body_that_trickles_in_is_refused_after_ten_seconds()
    {
        await using var host = await SandboxHost.StartAsync(new SandboxOptions());
        await Task.WhenAll(
            TrickleAsync(host, "POST", "/v1/sessions/x/participants"), TrickleAsync(host, "PATCH", "/v1/sessions/x/participants/callee"),
            TrickleAsync(host, "POST", "/addUser"));
    }

    private static async Task TrickleAsync(SandboxHost host, string method, string path)
    {
        const int length = 60_000;
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(IPAddress.Loopback, host.Address.Port);
        var head = string.Create(CultureInfo.InvariantCulture, $"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            + $"Authorization: Bearer {host.TokenFor("alice")}\r\nContent-Length: {length}\r\n\r\n");
        // 600 bytes a second are above Kestrel's minimum data rate: the whole body would take 100 s.
        var (piece, sent) = (Encoding.ASCII.GetBytes(new string(' ', 150)), 0);
        var answered = AskAsync(socket, head, TimeSpan.FromSeconds(40));
        while (!answered.IsCompleted && sent < length)
        {
            try
            {
                sent += await socket.SendAsync(piece);
            }
            catch (SocketException)
            {
                break;
            }

            await Task.WhenAny(answered, Task.Delay(250));
        }

        var answer = await answered;
        answer.ShouldStartWith("HTTP/1.1 408", Case.Sensitive, path);
        answer.ShouldContain("urn:calls:problem:body-too-slow", Case.Sensitive, path);
        answer.ShouldContain("Connection: close\r\n", Case.Sensitive, path);
        sent.ShouldBeLessThan(length / 2, path);
    }

    [Fact]
    public async Task Idle_connections_of_one_address_leave_room_for_all_others_and_are_closed_after_twenty_seconds()
    {
        await using var host = await SandboxHost.StartAsync(new SandboxOptions
        {
            Settings = [new("Calls:Limits:Connections", "8"), new("Calls:Limits:ConnectionsPerAddress", "0")],
        });
        var idle = new List<Socket>();
        for (var i = 0; i < 8; i++)
        {
            var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
            await ConnectAsync(socket, host.Address);
            idle.Add(socket);
        }

        // A quarter of the connections is open, and the others are closed. Another address is served.
        await Eventually.TrueAsync(() => Task.FromResult(Open() <= 2), "the others are closed", TimeSpan.FromSeconds(10));
        (await RawAsync(host.Address, Ask)).ShouldBeEmpty();
        (await RawAsync(host.Address, Ask, from: "127.0.0.2")).ShouldStartWith("HTTP/1.1 200");
        Open().ShouldBe(2);
        var closed = await Task.WhenAll(idle.Select(socket => AskAsync(socket, "", TimeSpan.FromSeconds(60))));
        closed.ShouldAllBe(answer => answer.Length == 0);
        (await RawAsync(host.Address, Ask)).ShouldStartWith("HTTP/1.1 200", Case.Sensitive, "the places are free again");
        idle.ForEach(socket => socket.Dispose());

        // A socket that was closed or reset can be read at once.
        int Open() => idle.Count(socket => socket.Connected && !socket.Poll(TimeSpan.Zero, SelectMode.SelectRead));
    }

    [Theory]
    [InlineData("Calls:ForwardedHeaders:KnownProxies:0", "127.0.0.1")]
    [InlineData("Calls:ForwardedHeaders:KnownProxies:0", "::ffff:127.0.0.1")]
    [InlineData("Calls:ForwardedHeaders:KnownNetworks:0", "::ffff:127.0.0.0/104")]
    [InlineData("Calls:ForwardedHeaders:KnownNetworks:0", "127.0.0.0/8")]
    public async Task The_address_of_a_known_proxy_has_only_the_limit_of_all_connections(string key, string proxy)
    {
        await using var host = await SandboxHost.StartAsync(new SandboxOptions
        {
            Settings = [new("Calls:Limits:Connections", "4"), new("Calls:Limits:ConnectionsPerAddress", "1"), new(key, proxy)],
        });
        using var first = await OpenAsync(host.Address);
        using var second = await OpenAsync(host.Address);
        (await AskAsync(first)).ShouldStartWith("HTTP/1.1 200");
        (await AskAsync(second)).ShouldStartWith("HTTP/1.1 200");
    }

    [Theory]
    [InlineData("GET", "/v1/sessions/x", "HTTP/1.1 401")]
    [InlineData("GET", "/V1/me/sessions?state=live", "HTTP/1.1 401")]
    [InlineData("GET", "/%761/nowhere", "HTTP/1.1 404")]
    [InlineData("PUT", "/v1/tokens", "HTTP/1.1 405")]
    [InlineData("GET", "/healthz/ready", "HTTP/1.1 200")]
    public async Task No_answer_may_be_kept_by_a_cache(string method, string path, string status)
    {
        await using var host = await SandboxHost.StartAsync(new SandboxOptions());
        var answer = await RawAsync(host.Address, $"{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        answer.ShouldStartWith(status);
        answer.ShouldContain("Cache-Control: no-store\r\n");
    }

    [Fact]
    public async Task No_answer_to_a_bearer_may_be_kept_by_a_cache()
    {
        await using var host = await SandboxHost.StartAsync(new SandboxOptions());
        await host.Twilio.Client("alice").CallAsync("bob", "s-42");
        await host.Twilio.Client("bob").RingsAsync();
        foreach (var (request, status) in new[]
        {
            ("GET /v1/sessions/s-42", 200), ("GET /v1/me/sessions?state=live", 200), ("POST /v1/tokens", 200),
            ("GET /v1/sessions?state=live", 403), ("GET /v1/sessions/none", 404), ("DELETE /v1/sessions/s-42", 204),
        })
        {
            var answer = await RawAsync(host.Address, $"{request} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n"
                + $"Authorization: Bearer {host.TokenFor("alice")}\r\nConnection: close\r\n\r\n");
            answer.ShouldStartWith(string.Create(CultureInfo.InvariantCulture, $"HTTP/1.1 {status} "), Case.Sensitive, request);
            answer.ShouldContain("Cache-Control: no-store\r\n", Case.Sensitive, request);
        }

        (await RawAsync(host.Address, "GET /twilio/wait/ringback.wav HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"))
            .ShouldContain("Cache-Control: public, max-age=86400\r\n");
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
    [InlineData("Calls:Limits:ConnectionsPerAddress", "-1")]
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

    private static async Task<string> RawAsync(Uri address, string request, string from = "127.0.0.1")
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Parse(from), 0));
        await ConnectAsync(socket, address);
        return await AskAsync(socket, request);
    }

    /// <summary>A connection above a limit can be reset before the client knows that it was made.</summary>
    private static async Task ConnectAsync(Socket socket, Uri address)
    {
        try
        {
            await socket.ConnectAsync(IPAddress.Loopback, address.Port);
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionReset)
        {
            // The next use of the socket fails, and counts as closed.
        }
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
