using System.Collections.Concurrent;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Primitives;

namespace Calls.Integration.Tests.Gateway;

/// <summary>A Twilio that says what a test tells it to, over real HTTP, and remembers what it was asked.</summary>
internal sealed class FakeTwilio : IAsyncDisposable
{
    private readonly WebApplication app;
    private readonly ConcurrentQueue<Answer> script = new();
    private readonly ConcurrentQueue<Asked> asked = new();
    private readonly CancellationTokenSource stopping = new();

    private FakeTwilio(WebApplication app) => this.app = app;

    public string Url =>
        app.Services.GetRequiredService<IServer>().Features.GetRequiredFeature<IServerAddressesFeature>().Addresses.Single();

    /// <summary>What it was asked so far, in order.</summary>
    public IReadOnlyList<Asked> Requests => [.. asked];

    /// <summary>What it answers by the request, where the script is at its end.</summary>
    public Func<Asked, Answer> Otherwise { get; set; } = _ => Answer.Error(500, 20500);

    public static async Task<FakeTwilio> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var fake = new FakeTwilio(builder.Build());
        fake.app.Run(fake.HandleAsync);
        await fake.app.StartAsync(TestContext.Current.CancellationToken);
        return fake;
    }

    public FakeTwilio Says(params Answer[] answers)
    {
        foreach (var answer in answers)
            script.Enqueue(answer);
        return this;
    }

    public async ValueTask DisposeAsync()
    {
        await stopping.CancelAsync();
        await app.StopAsync(CancellationToken.None);
        await app.DisposeAsync();
        stopping.Dispose();
    }

    private async Task HandleAsync(HttpContext context)
    {
        using var reader = new StreamReader(context.Request.Body, Encoding.UTF8);
        var body = await reader.ReadToEndAsync(stopping.Token);
        var request = new Asked(
            context.Request.Method, context.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget.Split('?')[0],
            QueryHelpers.ParseQuery(context.Request.QueryString.Value), QueryHelpers.ParseQuery(body), context.Request.Headers.ToDictionary(
                h => h.Key, h => h.Value, StringComparer.OrdinalIgnoreCase),
            TimeProvider.System.GetTimestamp());
        asked.Enqueue(request);
        var answer = script.TryDequeue(out var scripted) ? scripted : Otherwise(request);
        if (answer.Hangs)
        {
            // Acted upon, and never answered: until the client gives up, or the test is over.
            using var either = CancellationTokenSource.CreateLinkedTokenSource(stopping.Token, context.RequestAborted);
            await Task.Delay(Timeout.InfiniteTimeSpan, either.Token).ContinueWith(
                _ => { }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
            context.Abort();
            return;
        }

        if (answer.Cuts == Cut.BeforeTheAnswer)
        {
            context.Abort();
            return;
        }

        context.Response.StatusCode = answer.Status;
        context.Response.ContentType = "application/json";
        foreach (var (name, value) in answer.Headers)
            context.Response.Headers[name] = value;
        if (answer.Cuts == Cut.WithinTheAnswer)
        {
            context.Response.ContentLength = answer.Body.Length + 10;
            await context.Response.WriteAsync(answer.Body, stopping.Token);
            await context.Response.Body.FlushAsync(stopping.Token);
            context.Abort();
            return;
        }

        if (answer.Status != 204)
            await context.Response.WriteAsync(answer.Body, stopping.Token);
    }
}

/// <summary>What the client asked: path as it came, query and form decoded.</summary>
internal sealed record Asked(
    string Method, string Path, Dictionary<string, StringValues> Query, Dictionary<string, StringValues> Form, Dictionary<string,
        StringValues> Headers, long At);

internal enum Cut
{
    No,
    BeforeTheAnswer,
    WithinTheAnswer,
}

/// <summary>One scripted answer.</summary>
internal sealed record Answer(int Status, string Body)
{
    public const string CallSid = "CA0123456789abcdef0123456789abcdef";
    public const string ConferenceSid = "CF0123456789abcdef0123456789abcdef";

    public IReadOnlyDictionary<string, string> Headers { get; init; } = new Dictionary<string, string>();

    public bool Hangs { get; init; }

    public Cut Cuts { get; init; }

    public static Answer Call { get; } = new(201, $$"""
        {"sid":"{{CallSid}}","account_sid":"AC","to":"client:bob","from":"client:alice","status":"queued","direction":"outbound-api",
        "date_created":"Tue, 31 Aug 2010 20:36:28 +0000","queue_time":"0","price":null}
        """);

    public static Answer Conference { get; } = new(200, $$"""
        {"sid":"{{ConferenceSid}}","friendly_name":"room-1","status":"in-progress","date_created":"Tue, 31 Aug 2010 20:36:28 +0000"}
        """);

    public static Answer Participant { get; } = new(201, $$"""
        {"call_sid":"{{CallSid}}","conference_sid":"{{ConferenceSid}}","label":"guest-1","muted":true,"hold":false,"status":"connected",
        "coaching":false,"queue_time":"0"}
        """);

    public static Answer NoContent { get; } = new(204, "");

    public static Answer Never { get; } = new(200, "") { Hangs = true };

    public static Answer CutOff { get; } = new(201, "") { Cuts = Cut.BeforeTheAnswer };

    public static Answer Error(int status, int code) =>
        new(status, $$"""
            {"code":{{code}},"message":"The number +15551234567 of client:alice","more_info":"https://www.twilio.com/docs/errors/{{code}}",
            "status":{{status}}}
            """);

    public static Answer TooMany(string? retryAfter = null) =>
        Error(429, 20429) with
        {
            Headers = retryAfter is null ? new Dictionary<string, string>() : new Dictionary<string,
            string>
            { ["Retry-After"] = retryAfter }
        };
}
