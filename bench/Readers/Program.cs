using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;
using Calls.Sandbox;
using Calls.Sandbox.Twilio;

// Measures the cost of 200 readers of one call, and of one reader that never reads, for the call's webhooks: with and without them, in
// turns.
const int Readers = 200;
const int Rounds = 10;
const int Webhooks = 100;
const int WarmUp = 200;
const string Session = "s-42";

var redis = args is ["--redis", var address] ? address : null;
await using var host = await SandboxHost.StartAsync(new SandboxOptions { RedisConnectionString = redis });
var (alice, bob) = (host.Twilio.Client("alice"), host.Twilio.Client("bob"));
await alice.CallAsync("bob", Session);
await bob.RingsAsync();
await bob.AnswerAsync();
await bob.TalksAsync();

// A mute that Twilio reports. It changes the call each time, so every reader gets a new state.
var leg = await host.Twilio.AskAsync(cloud => cloud.Phone("client:bob")
    .Current ?? throw new InvalidOperationException("Bob is not on the line."));
var (sid, conference) = (leg.Sid, leg.Conference ?? throw new InvalidOperationException("Bob is not in a conference."));
var url = host.Twilio.Journal.OfType<WebhookSent>().First(sent => sent.Webhook == WebhookKind.Conference).Url;
var sequence = 1000;
using var twilio = new HttpMessageInvoker(new SocketsHttpHandler { UseCookies = false });
using var frontends = new HttpMessageInvoker(new SocketsHttpHandler { UseCookies = false, MaxConnectionsPerServer = Readers + 10 });

await MeasureAsync(WarmUp);
Console.WriteLine(
    $"{Rounds} pairs of {Webhooks} webhooks, each of which changes the call; "
    + $"{(redis is null ? "the embedded Redis" : "a Redis server")}; {Environment.ProcessorCount} processors");
Console.WriteLine("pair   without readers    with 200 and one that never reads    ratio of medians");
List<double> ratios = [];
for (var round = 0; round < Rounds; round++)
{
    // The order of the two alternates, so that neither always has the warmer machine.
    var before = round % 2 == 0 ? await MeasureAsync(Webhooks) : null;
    var with = await WatchedAsync();
    var without = before ?? await MeasureAsync(Webhooks);
    ratios.Add(Median(with.Times) / Median(without));
    Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
        $"{round + 1,4}   {Median(without),8:0.00} ms        {Median(with.Times),8:0.00} ms, {with.Events,6} events read       "
            + $"{ratios[^1],6:0.00}"));
}

Console.WriteLine(
    string.Create(CultureInfo.InvariantCulture,
    $"median of the ratios: {Median(ratios):0.00} (from {ratios.Min():0.00} to {ratios.Max():0.00})"));
return 0;

async Task<(List<double> Times, int Events)> WatchedAsync()
{
    using var enough = new CancellationTokenSource();
    var count = new int[1];
    using var stalled = await StalledAsync();
    var readers = new List<Task>();
    for (var i = 0; i < Readers; i++)
        readers.Add(await FollowAsync(i % 2 == 0 ? "alice" : "bob", count, enough.Token));
    var times = await MeasureAsync(Webhooks);
    await enough.CancelAsync();
    await Task.WhenAll(readers);
    if (count[0] < Readers)
        throw new InvalidOperationException($"{Readers} readers were sent {count[0]} events: they did not follow the call.");
    return (times, count[0]);
}

async Task<List<double>> MeasureAsync(int webhooks)
{
    List<double> times = [];
    for (var i = 0; i < webhooks; i++)
    {
        var number = ++sequence;
        KeyValuePair<string, string>[] form =
        [
            new("AccountSid", host.Twilio.Options.AccountSid), new("CallSid", sid), new("ConferenceSid", conference.Sid),
            new("FriendlyName", conference.FriendlyName),
            new("StatusCallbackEvent", number % 2 == 0 ? "participant-mute" : "participant-unmute"),
            new("Muted", number % 2 == 0 ? "true" : "false"), new("Hold", "false"),
            new("ParticipantLabel", "callee"), new("SequenceNumber", number.ToString(CultureInfo.InvariantCulture)),
        ];
        using var request = new HttpRequestMessage(HttpMethod.Post, url) { Content = new FormUrlEncodedContent(form) };
        request.Headers.Add("X-Twilio-Signature", Signer.Sign(host.Twilio.Options.AuthToken, url, form));
        var began = Stopwatch.GetTimestamp();
        using var response = await twilio.SendAsync(request, CancellationToken.None);
        times.Add(Stopwatch.GetElapsedTime(began).TotalMilliseconds);
        if ((int)response.StatusCode != 204)
            throw new InvalidOperationException($"A webhook was answered {(int)response.StatusCode}.");
        // The rate per second is that of a busy call per minute, and leaves the readers time to read.
        await Task.Delay(5);
    }

    return times;
}

async Task<Task> FollowAsync(string identity, int[] count, CancellationToken enough)
{
    var request = new HttpRequestMessage(HttpMethod.Get, new Uri(host.Address, $"/v1/sessions/{Session}/events"));
    request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", host.TokenFor(identity));
    var response = await frontends.SendAsync(request, CancellationToken.None);
    if (!response.IsSuccessStatusCode)
        throw new InvalidOperationException($"A reader was answered {(int)response.StatusCode}.");
    return ReadAsync();

    async Task ReadAsync()
    {
        try
        {
            using var lines = new StreamReader(await response.Content.ReadAsStreamAsync(CancellationToken.None));
            while (await lines.ReadLineAsync(enough) is { } line)
            {
                if (line.StartsWith("id:", StringComparison.Ordinal))
                    Interlocked.Increment(ref count[0]);
            }
        }
        catch (OperationCanceledException)
        {
            // The measurement has ended.
        }
        finally
        {
            request.Dispose();
            response.Dispose();
        }
    }
}

// Requests the stream and never reads it.
async Task<Socket> StalledAsync()
{
    var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { ReceiveBufferSize = 1024 };
    await socket.ConnectAsync(host.Address.Host, host.Address.Port);
    await socket.SendAsync(
        Encoding.ASCII.GetBytes(
        $"GET /v1/sessions/{Session}/events HTTP/1.1\r\nHost: {host.Address.Authority}\r\nAuthorization: Bearer "
        + $"{host.TokenFor("alice")}\r\n\r\n"));
    return socket;
}

static double Median(IReadOnlyList<double> values)
{
    var sorted = values.Order().ToList();
    return (sorted[(sorted.Count - 1) / 2] + sorted[sorted.Count / 2]) / 2;
}
