using System.Collections.Concurrent;
using System.Net;
using Calls.Sandbox.Twilio;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Calls.Integration.Tests.Emulator;

/// <summary>A request that the app got from Twilio.</summary>
internal sealed record Received(string Method, string Url, Parameters Form, string Signature, string Token)
{
    public string Path => new Uri(Url).AbsolutePath;

    public string? this[string name] => Form[name] ?? Parameters.Parse(new Uri(Url).Query)[name];
}

/// <summary>A TwiML app over real HTTP: answers by path, and remembers every request.</summary>
internal sealed class MiniApp : IAsyncDisposable
{
    private readonly WebApplication _web;
    private readonly ConcurrentDictionary<string, Func<Received, (int Status, string Body)>> _answers = new(StringComparer.Ordinal);

    private MiniApp()
    {
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        _web = builder.Build();
        _web.Run(ServeAsync);
    }

    public string Url { get; private set; } = "";

    public ConcurrentQueue<Received> Requests { get; } = new();

    /// <summary>Awaited before each answer.</summary>
    public Func<Received, Task> Before { get; set; } = _ => Task.CompletedTask;

    public static async Task<MiniApp> StartAsync()
    {
        var app = new MiniApp();
        await app._web.StartAsync();
        app.Url = app._web.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();
        return app;
    }

    public void On(string path, string twiml) => On(path, _ => (200, $"<Response>{twiml}</Response>"));

    public void On(string path, Func<Received, (int Status, string Body)> answer) => _answers[path] = answer;

    public IReadOnlyList<Received> At(string path) => [.. Requests.Where(request => request.Path == path)];

    public ValueTask DisposeAsync() => _web.DisposeAsync();

    private async Task ServeAsync(HttpContext context)
    {
        using var reader = new StreamReader(context.Request.Body);
        var body = await reader.ReadToEndAsync(context.RequestAborted);
        var received = new Received(
            context.Request.Method,
            Url + context.Request.Path.ToUriComponent() + context.Request.QueryString,
            Parameters.Parse(body),
            context.Request.Headers["X-Twilio-Signature"].ToString(),
            context.Request.Headers["I-Twilio-Idempotency-Token"].ToString());
        Requests.Enqueue(received);
        await Before(received);
        var (status, answer) = _answers.TryGetValue(received.Path, out var found) ? found(received) : (204, "");
        context.Response.StatusCode = status;
        if (answer.Length > 0)
        {
            context.Response.ContentType = "text/xml";
            await context.Response.WriteAsync(answer, context.RequestAborted);
        }
    }
}
