using System.Collections.Concurrent;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Calls.Integration.Tests.Events;

/// <summary>A customer's system over real HTTP. It checks every signature with code of its own, and answers as a test wants it.</summary>
internal sealed class FakeReceiver : IAsyncDisposable
{
    private readonly WebApplication app;
    private readonly byte[] key = RandomNumberGenerator.GetBytes(32);
    private readonly ConcurrentQueue<ReceivedEvent> received = new();
    private int attempts;

    private FakeReceiver(WebApplication app) => this.app = app;

    public string Secret => "whsec_" + Convert.ToBase64String(key);

    public Uri Url => new(new Uri(app.Urls.First()), "/hook");

    /// <summary>Answers an attempt, numbered from 1. Null: 204. It can be exchanged at any time.</summary>
    public Func<HttpContext, int, Task>? Answer { get; set; }

    /// <summary>All attempts, in the order of their arrival.</summary>
    public IReadOnlyList<ReceivedEvent> Attempts => [.. received];

    /// <summary>The attempts that were answered with 2xx.</summary>
    public IReadOnlyList<ReceivedEvent> Delivered => [.. received.Where(attempt => attempt.IsDelivered)];

    public static async Task<FakeReceiver> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var receiver = new FakeReceiver(builder.Build());
        receiver.app.MapPost("/hook", receiver.ReceiveAsync);
        await receiver.app.StartAsync();
        return receiver;
    }

    /// <summary>The keys of the service, with further ones.</summary>
    public IEnumerable<KeyValuePair<string, string?>> Settings(string name, params (string Key, string Value)[] more) =>
    [
        new($"Calls:Webhooks:{name}:Url", Url.ToString()),
        new($"Calls:Webhooks:{name}:Secret", Secret),
        new($"Calls:Webhooks:{name}:AllowPrivateAddresses", "true"),
        .. more.Select(setting => new KeyValuePair<string, string?>($"Calls:Webhooks:{name}:{setting.Key}", setting.Value)),
    ];

    public Task UntilAsync(Func<IReadOnlyList<ReceivedEvent>, bool> condition) => Eventually.TrueAsync(
        () => Task.FromResult(condition(Delivered)), () => Task.FromResult(string.Join('\n', Attempts)), TimeSpan.FromSeconds(30));

    /// <summary>Waits for the end of a call with all its legs.</summary>
    public Task EndedAsync(string session = "s-42") => UntilAsync(events => events.Any(e => e.Session == session && e.IsWholeEnd));

    public async ValueTask DisposeAsync() => await app.DisposeAsync();

    private async Task ReceiveAsync(HttpContext http)
    {
        using var body = new MemoryStream();
        await http.Request.Body.CopyToAsync(body);
        var (id, timestamp) = (http.Request.Headers["webhook-id"].ToString(), http.Request.Headers["webhook-timestamp"].ToString());
        var signed = Encoding.UTF8.GetBytes($"{id}.{timestamp}.{Encoding.UTF8.GetString(body.ToArray())}");
        var signatures = http.Request.Headers["webhook-signature"].ToString().Split(' ');
        var attempt = new ReceivedEvent(
            id, long.Parse(timestamp, CultureInfo.InvariantCulture), http.Request.ContentType ?? "",
            signatures.Contains("v1," + Convert.ToBase64String(HMACSHA256.HashData(key, signed)), StringComparer.Ordinal),
            signatures.Length,
            JsonDocument.Parse(body.ToArray()).RootElement);
        received.Enqueue(attempt);
        http.Response.StatusCode = StatusCodes.Status204NoContent;
        if (Answer is { } answer)
            await answer(http, Interlocked.Increment(ref attempts));
        attempt.IsDelivered = http.Response.StatusCode is >= 200 and < 300;
    }
}

/// <summary>One attempt to deliver an event.</summary>
internal sealed record ReceivedEvent(string Id, long Timestamp, string ContentType, bool IsSigned, int Signatures, JsonElement Body)
{
    public bool IsDelivered { get; set; }
    public string Type => Body.GetProperty("type").GetString()!;
    public JsonElement Data => Body.GetProperty("data");
    public string Session => Data.GetProperty("sessionId").GetString()!;
    public long Version => Data.GetProperty("version").GetInt64();

    /// <summary>The call has ended, and so has every leg.</summary>
    public bool IsWholeEnd => Type == "session.ended" && Data.GetProperty("participants").EnumerateArray()
        .All(p => p.GetProperty("state").GetString() is "left" or "not-reached");

    public override string ToString() => $"{Type} {Session} v{Version} {(IsDelivered ? "delivered" : "not delivered")}";
}
