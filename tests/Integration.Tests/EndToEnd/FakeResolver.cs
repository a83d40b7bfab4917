using System.Collections.Concurrent;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Calls.Integration.Tests.EndToEnd;

/// <summary>A customer's system that names the candidates of a group, over real HTTP. A test says what it answers.</summary>
internal sealed class FakeResolver : IAsyncDisposable
{
    private readonly WebApplication app;
    private readonly ConcurrentQueue<Question> asked = new();

    private FakeResolver(WebApplication app) => this.app = app;

    public string Url => app.Urls.Single() + "/groups";

    /// <summary>What it was asked so far, in order.</summary>
    public IReadOnlyList<Question> Asked => [.. asked];

    /// <summary>Answers a question. The default names no candidate.</summary>
    public Func<HttpContext, Task> Answer { get; set; } = http => http.Response.WriteAsync("""{"oneOf":[]}""");

    public static async Task<FakeResolver> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var fake = new FakeResolver(builder.Build());
        fake.app.Run(fake.HandleAsync);
        await fake.app.StartAsync(TestContext.Current.CancellationToken);
        return fake;
    }

    public ValueTask DisposeAsync() => app.DisposeAsync();

    private async Task HandleAsync(HttpContext http)
    {
        using var reader = new StreamReader(http.Request.Body, Encoding.UTF8);
        var body = await reader.ReadToEndAsync(http.RequestAborted);
        asked.Enqueue(new Question(
            http.Request.Method, http.Request.Path, http.Request.Headers.ToDictionary(h => h.Key, h => h.Value.ToString(),
                StringComparer.OrdinalIgnoreCase), body));
        await Answer(http);
    }

    /// <summary>One request to the resolver.</summary>
    internal sealed record Question(string Method, string Path, IReadOnlyDictionary<string, string> Headers, string Body);
}
