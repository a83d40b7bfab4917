using System.Collections.Concurrent;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Calls.Lifecycle.Tests;

/// <summary>A REST API whose credentials change while it runs. It answers every request for a list with an empty list, or with 401 and
/// 20003.</summary>
internal sealed class TwilioAccount : IAsyncDisposable
{
    private readonly WebApplication app;
    private readonly ConcurrentQueue<string> refused = new();

    private TwilioAccount(WebApplication app) => this.app = app;

    public string Url => app.Urls.Single();

    /// <summary>The credentials that are valid now, as <c>user:password</c>.</summary>
    public IReadOnlyCollection<string> Valid { get; set; } = [];

    /// <summary>The credentials of the last request that was accepted.</summary>
    public string? LastAccepted { get; private set; }

    /// <summary>The credentials of every request that was refused.</summary>
    public IReadOnlyCollection<string> Refused => refused;

    public static async Task<TwilioAccount> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var account = new TwilioAccount(builder.Build());
        account.app.Run(account.AnswerAsync);
        await account.app.StartAsync(TestContext.Current.CancellationToken);
        return account;
    }

    public ValueTask DisposeAsync() => app.DisposeAsync();

    private Task AnswerAsync(HttpContext http)
    {
        var header = http.Request.Headers.Authorization.ToString();
        var credentials = Encoding.UTF8.GetString(Convert.FromBase64String(header["Basic ".Length..]));
        http.Response.ContentType = "application/json";
        if (Valid.Contains(credentials))
        {
            LastAccepted = credentials;
            return http.Response.WriteAsync("""{"conferences":[],"next_page_uri":null}""", http.RequestAborted);
        }

        refused.Enqueue(credentials);
        http.Response.StatusCode = StatusCodes.Status401Unauthorized;
        return http.Response.WriteAsync("""{"code":20003,"message":"Authenticate","status":401}""", http.RequestAborted);
    }
}
