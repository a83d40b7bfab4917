using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Calls.Chaos.Tests.Harness;
using Calls.Sandbox;
using Calls.Sandbox.Twilio;

namespace Calls.Lifecycle.Tests;

/// <summary>
/// Random bytes to the real pipeline. They go through a socket, because an HTTP library would refuse to send them. The message of a failure
/// has the seed.
/// </summary>
public sealed class Webhooks_are_fuzzed
{
    private const int Requests = 600;
    private const long MostGrowth = 64 * 1024 * 1024;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(15);

    private static readonly string[] Paths =
    [
        "/twilio/voice", "/twilio/sessions/s-1/x/participants/callee/join", "/twilio/sessions/s-1/x/participants/caller/left",
        "/twilio/sessions/s-1/x/conference", "/twilio/sessions/s-1/x/participants/callee/status", "/twilio/wait",
        "/makeCall", "/joinConf/s-1", "/leave", "/completeCall/s-1", "/twilio/voice?a=%ff&b=%", "/twilio/sessions/%ff%fe/x/conference",
        "/twilio/sessions/%2e%2e/%F0%9F%98%80/participants/%2e/join",
        "/twilio/voice?bodySHA256=x&bodySHA256=y", "/twilio/voice?" + new string('&', 3000), "/twilio/voice?retry=99999999999999999999",
    ];

    private static readonly string[] Keys =
    [
        "CallSid", "From", "To", "SessionID", "StatusCallbackEvent", "CallStatus", "FriendlyName", "ParticipantCallStatus", "ConferenceSid",
        "ParticipantLabel", "SipResponseCode", "SequenceNumber",
        "Muted", "Hold", "to", "TO", "", " ", "a[b][c]", "__proto__", "\u0000",
    ];

    private static readonly string[] Values =
    [
        "", " ", "bob", "client:alice", "client:", "client:client:bob", "+15550100101", "+1", "s-1", "s-1.nonce", ".",
        "CA" + new string('d', 32), "CF" + new string('d', 32), "CA", "true", "-1",
        "99999999999999999999", "NaN", "participant-leave", "completed", "in-progress", "\u0000", "\r\nX-Evil: 1",
        "<Dial>+15550100101</Dial>", "]]>", "&#x0;", "\ud83d\ude00", "\ufffe\uffff", "\u202e", "{0}{1:x}",
        "${jndi:ldap://x}", "'; --", "../../etc/passwd", new('x', 9000), "sip:a@b", "\u001b[31m",
    ];

    private static readonly string[] Types =
    [
        "application/x-www-form-urlencoded", "application/x-www-form-urlencoded; charset=utf-7",
        "application/x-www-form-urlencoded; charset=nonsense", "application/x-www-form-urlencoded; charset=utf-16",
        "multipart/form-data", "multipart/form-data; boundary=x", "multipart/form-data; boundary=" + "xxxxxxxxxx" + "\"",
        "application/json", "text/plain", "", ";", "/", "application/octet-stream",
    ];

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task Whatever_comes_is_answered_and_never_with_a_5xx(int seed)
    {
        await using var host = await SandboxHost.StartAsync(new SandboxOptions
        {
            Settings = [new("Calls:Limits:UnsignedPerMinute", "1000000")],
        });
        await SendAsync(host, Encoding.ASCII.GetBytes("GET /healthz/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
        var random = new Random(seed);
        var before = GC.GetTotalMemory(forceFullCollection: true);
        Dictionary<int, int> answers = [];
        for (var number = 0; number < Requests; number++)
        {
            var request = Draw(random, host);
            var status = await SendAsync(host, request);
            answers[status] = answers.GetValueOrDefault(status) + 1;
            (status is >= 200 and < 500 || status == 0 && !IsHttp(request))
                .ShouldBeTrue(
                $"seed {seed}, request {number} was answered with "
                + $"{status}:\n{Encoding.Latin1.GetString(request, 0, Math.Min(request.Length, 2000))}");
        }

        Report.Line($"Seed {seed}: " + string.Join(", ", answers.OrderBy(answer => answer.Key)
            .Select(answer => string.Create(CultureInfo.InvariantCulture, $"{answer.Key}: {answer.Value}"))));
        answers.Keys.ShouldContain(200, "some of it must get past the gate");
        answers.Keys.ShouldContain(403);
        (GC.GetTotalMemory(forceFullCollection: true) - before).ShouldBeLessThan(MostGrowth);
        (await Http.SendAsync(HttpMethod.Get, new Uri(host.Address, "/healthz/ready"))).Status.ShouldBe(HttpStatusCode.OK);
        host.Twilio.Cloud.Defects.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_signed_body_of_another_content_type_is_refused()
    {
        await using var host = await SandboxHost.StartAsync(new SandboxOptions
        {
            Settings = [new("Calls:Limits:UnsignedPerMinute", "1000000")],
        });
        var url = host.Address.GetLeftPart(UriPartial.Authority) + Paths[0];
        List<KeyValuePair<string, string>> form = [new("From", "client:alice"), new("To", "bob")];
        var body = "From=client%3Aalice&To=bob"u8.ToArray();
        foreach (var type in Types)
        {
            foreach (var signed in new[] { form, [] })
            {
                var request = Compose(host, Paths[0], type, body, Signer.Sign(host.Twilio.Options.AuthToken, url, signed));
                (await SendAsync(host, request)).ShouldBe(type == Types[0] && signed == form ? 200 : 403, type);
            }
        }
    }

    private static byte[] Draw(Random random, SandboxHost host) => random.Next(10) switch
    {
        0 => Noise(random, 1 + random.Next(2000)),
        1 => Post(random, host, Noise(random, random.Next(4000)), isSigned: false),
        2 => Post(random, host, Encoding.UTF8.GetBytes(BrokenForm(random)), isSigned: random.Next(2) == 0),
        3 => Post(random, host,
            Encoding.UTF8.GetBytes(
            string.Join('&', Enumerable.Range(0, random.Next(1000)).Select(n => string.Create(CultureInfo.InvariantCulture, $"k{n}=v")))),
            isSigned: false),
        4 => Post(random, host, Encoding.UTF8.GetBytes(new string('k', random.Next(70_000)) + "=v"), isSigned: false),
        5 => Post(random, host,
            Encoding.UTF8.GetBytes(
            "--x\r\nContent-Disposition: form-data; name=\"To\"\r\n\r\nbob" + (random.Next(2) == 0 ? "\r\n--x--" : "")), isSigned: false,
            type: "multipart/form-data; boundary=x"),
        _ => Signed(random, host),
    };

    /// <summary>A signed webhook with values that a caller could choose.</summary>
    private static byte[] Signed(Random random, SandboxHost host)
    {
        var form = Enumerable.Range(0, random.Next(12)).Select(_ => KeyValuePair.Create(Pick(random, Keys), Pick(random, Values))).ToList();
        var path = Pick(random, Paths);
        var body = Encoding.UTF8.GetBytes(
            string.Join('&', form.Select(field => Uri.EscapeDataString(field.Key) + "=" + Uri.EscapeDataString(field.Value))));
        return Compose(host, path, Types[0], body,
            Signer.Sign(host.Twilio.Options.AuthToken, host.Address.GetLeftPart(UriPartial.Authority) + path, form));
    }

    private static byte[] Post(Random random, SandboxHost host, byte[] body, bool isSigned, string? type = null)
    {
        var path = Pick(random, Paths);
        var signature = isSigned ? Signer.Sign(host.Twilio.Options.AuthToken, host.Address.GetLeftPart(UriPartial.Authority) + path,
            []) : Convert.ToBase64String(Noise(random, 20));
        return Compose(host, path, type ?? Pick(random, Types), body, signature);
    }

    private static byte[] Compose(SandboxHost host, string path, string type, byte[] body, string signature) =>
    [
        .. Encoding.ASCII.GetBytes(string.Create(
            CultureInfo.InvariantCulture,
            $"POST {path} HTTP/1.1\r\nHost: {host.Address.Authority}\r\nContent-Type: {type}\r\nX-Twilio-Signature: "
                + $"{signature}\r\nContent-Length: {body.Length}\r\nConnection: close\r\n\r\n")),
        .. body,
    ];

    private static string BrokenForm(Random random) =>
        string.Join('&', Enumerable.Range(0, random.Next(20)).Select(_ => random.Next(6) switch
    {
        0 => "%",
        1 => "%ZZ=%u0041",
        2 => "To=%ff%fe%c0%80",
        3 => "To=bob&To=eve&TO=x",
        4 => new string('=', random.Next(50)),
        _ => Pick(random, Keys) + "=" + Pick(random, Values),
    }));

    private static string Pick(Random random, string[] from) => from[random.Next(from.Length)];

    private static byte[] Noise(Random random, int length)
    {
        var bytes = new byte[length];
        random.NextBytes(bytes);
        return bytes;
    }

    private static bool IsHttp(byte[] request) => request.AsSpan().StartsWith("POST "u8);

    /// <returns>The status. 0 if the connection was closed without a status, which is allowed for random bytes only.</returns>
    private static async Task<int> SendAsync(SandboxHost host, byte[] request)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        patience.CancelAfter(Patience);
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(IPAddress.Loopback, host.Address.Port, patience.Token);
        using var answer = new MemoryStream();
        try
        {
            await socket.SendAsync(request, patience.Token);
            if (!IsHttp(request))
                socket.Shutdown(SocketShutdown.Send);
            var buffer = new byte[8192];
            while (await socket.ReceiveAsync(buffer, patience.Token) is > 0 and var read)
                answer.Write(buffer, 0, read);
        }
        catch (SocketException) when (answer.Length > 0 || !IsHttp(request) || request.Length > 60_000)
        {
            // The service refused the request before it had read all of it. The answer until then counts.
        }

        var text = Encoding.Latin1.GetString(answer.ToArray());
        if (text.Length == 0)
            return request.Length > 60_000 ? 413 : 0;
        text.ShouldNotContain("   at ", Case.Sensitive, "no stack trace goes out");
        return int.Parse(text.AsSpan("HTTP/1.1 ".Length, 3), NumberStyles.None, CultureInfo.InvariantCulture);
    }
}
