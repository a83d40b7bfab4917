using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Calls.Chaos.Tests.Harness;

/// <summary>A customer's system that gets the events of calls. It checks each signature with code of its own. At first it is away: nothing
/// listens on its port.</summary>
internal sealed class CustomerSystem : IAsyncDisposable
{
    private readonly byte[] key = RandomNumberGenerator.GetBytes(32);
    private readonly int port = Ports.Free();
    private readonly ConcurrentQueue<(string Session, long Version, bool IsWholeEnd, bool IsSigned)> events = new();
    private WebApplication? app;

    public (string Key, string Value)[] Settings =>
    [
        ("Calls:Webhooks:crm:Url", "http://127.0.0.1:" + Ports.Text(port) + "/"),
        ("Calls:Webhooks:crm:Secret", "whsec_" + Convert.ToBase64String(key)),
        ("Calls:Webhooks:crm:AllowPrivateAddresses", "true"),
    ];

    /// <summary>All events, in the order of their arrival.</summary>
    public IReadOnlyList<(string Session, long Version, bool IsWholeEnd, bool IsSigned)> Events => [.. events];

    public async Task StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:" + Ports.Text(port));
        app = builder.Build();
        app.MapPost("/", ReceiveAsync);
        await app.StartAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (app is not null)
            await app.DisposeAsync();
    }

    private async Task<IResult> ReceiveAsync(HttpRequest request)
    {
        using var body = new MemoryStream();
        await request.Body.CopyToAsync(body);
        var head = $"{request.Headers["webhook-id"]}.{request.Headers["webhook-timestamp"]}.";
        var signature = Convert.ToBase64String(HMACSHA256.HashData(key, (byte[])[.. Encoding.UTF8.GetBytes(head), .. body.ToArray()]));
        using var document = JsonDocument.Parse(body.ToArray());
        var data = document.RootElement.GetProperty("data");
        events.Enqueue((
            data.GetProperty("sessionId").GetString()!, data.GetProperty("version").GetInt64(),
            document.RootElement.GetProperty("type").GetString() == "session.ended" && data.GetProperty("participants").EnumerateArray()
                .All(person => person.GetProperty("state").GetString() is "left" or "not-reached"),
            request.Headers["webhook-signature"] == "v1," + signature));
        return Results.NoContent();
    }
}
