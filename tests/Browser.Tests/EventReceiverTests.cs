using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Calls.Sandbox;
using Calls.Sandbox.Twilio;

namespace Calls.Browser.Tests;

/// <summary>The sample that receives events checks their signature with the library of Standard Webhooks, which shares no code with the
/// service.</summary>
public sealed class EventReceiverTests
{
    private static readonly string Folder = Path.Combine(Repository.Root, "samples", "event-receiver");

    [Fact]
    public async Task The_library_of_Standard_Webhooks_accepts_every_event_with_either_secret_and_refuses_another_one()
    {
        Npm.Require();
        await Npm.RunAsync("ci --no-audit --no-fund", Folder);
        await using var receiver = await Receiver.StartAsync(NewSecret());
        await using var behind = await Receiver.StartAsync(NewSecret());
        await using var other = await Receiver.StartAsync(NewSecret());
        await using var host = await SandboxHost.StartAsync(new SandboxOptions
        {
            Settings =
            [
                .. receiver.Settings("crm", receiver.Secret), new("Calls:Webhooks:crm:PreviousSecret", NewSecret()),
                // It still has the secret from before.
                .. behind.Settings("behind", NewSecret()), new("Calls:Webhooks:behind:PreviousSecret", behind.Secret),
                .. other.Settings("other", NewSecret()),
            ],
        });
        await host.Twilio.Client("bob").BehaveAsync(PhoneBehaviour.Answer);
        await host.Twilio.Client("alice").CallAsync("bob", "s-42");
        await host.Twilio.Client("bob").TalksAsync();
        await host.Twilio.Client("alice").HangUpAsync();
        await receiver.UntilAsync("session.ended s-42");
        await behind.UntilAsync("session.ended s-42");
        await other.UntilAsync("refused: No matching signature found");
        receiver.Lines.ShouldContain(line => line.Contains("caller left, callee left", StringComparison.Ordinal));
        foreach (var line in receiver.Lines.Concat(behind.Lines))
            line.ShouldNotStartWith("refused");
        other.Lines.ShouldNotContain(line => line.StartsWith("session", StringComparison.Ordinal));
    }

    private static string NewSecret() => "whsec_" + Convert.ToBase64String(RandomNumberGenerator.GetBytes(32));

    /// <summary>The sample, as a process of its own.</summary>
    private sealed class Receiver(System.Diagnostics.Process process, string secret, int port) : IAsyncDisposable
    {
        private readonly ConcurrentQueue<string> lines = new();

        public string Secret => secret;

        public IReadOnlyList<string> Lines => [.. lines];

        public static async Task<Receiver> StartAsync(string secret)
        {
            var port = FreePort();
            var receiver = new Receiver(Npm.Start("node", "receiver.js", Folder, new()
            {
                ["SECRET"] = secret,
                ["PORT"] = port.ToString(CultureInfo.InvariantCulture),
            }), secret, port);
            _ = receiver.ReadAsync();
            await receiver.UntilAsync("listening");
            return receiver;
        }

        public IEnumerable<KeyValuePair<string, string?>> Settings(string name, string signedWith) =>
        [
            new($"Calls:Webhooks:{name}:Url", string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{port}/")),
            new($"Calls:Webhooks:{name}:Secret", signedWith),
            new($"Calls:Webhooks:{name}:AllowPrivateAddresses", "true"),
        ];

        public async Task UntilAsync(string begin)
        {
            using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(30));
            while (!lines.Any(line => line.StartsWith(begin, StringComparison.Ordinal)))
            {
                process.HasExited.ShouldBeFalse(string.Join('\n', lines));
                await Task.Delay(20, patience.Token);
            }
        }

        public async ValueTask DisposeAsync()
        {
            process.Kill();
            await process.WaitForExitAsync();
            process.Dispose();
        }

        private async Task ReadAsync()
        {
            while (await process.StandardOutput.ReadLineAsync() is { } line)
                lines.Enqueue(line);
        }

        private static int FreePort()
        {
            using var listener = new TcpListener(IPAddress.Loopback, 0);
            listener.Start();
            return ((IPEndPoint)listener.LocalEndpoint).Port;
        }
    }
}
