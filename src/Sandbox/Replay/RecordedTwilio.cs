using System.Net;
using System.Text.Json.Nodes;
using Calls.Sandbox.Twilio;
using Microsoft.AspNetCore.Http.Features;

namespace Calls.Sandbox.Replay;

/// <summary>Twilio's REST API as it was recorded: each request gets the answer that the same request got then.</summary>
/// <remarks>What changes something is answered in its turn. A look is answered at once, as Twilio stood at that point of the recording: the service looks when its own clock says so, now a little earlier, now a little later.</remarks>
internal sealed class RecordedTwilio : IAsyncDisposable
{
    private static readonly string[] Flags = ["Muted", "Hold"];
    private static readonly string[] Telling = ["To", "Status", "FriendlyName", .. Flags];

    private readonly Lock gate = new();
    private readonly Translation words;
    private readonly List<Exchange> recorded;
    private readonly List<string> unexpected = [];
    private readonly WebApplication web;

    private RecordedTwilio(CallRecording recording, Translation words)
    {
        this.words = words;
        var answers = recording.Steps.Where(step => step.Kind == StepKind.RestAnswer).ToDictionary(step => step.Number);
        recorded = [.. recording.Steps.Where(step => step.Kind == StepKind.Rest).Select(step => new Exchange(step, answers.GetValueOrDefault(step.Number)))];
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        web = builder.Build();
        web.Run(ServeAsync);
    }

    public Uri Address => new(web.Urls.First());

    /// <summary>Requests that change something and that the recording does not have.</summary>
    public IReadOnlyList<string> Unexpected
    {
        get
        {
            lock (gate)
                return [.. unexpected];
        }
    }

    public static async Task<RecordedTwilio> StartAsync(CallRecording recording, Translation words, CancellationToken cancellationToken)
    {
        var twilio = new RecordedTwilio(recording, words);
        await twilio.web.StartAsync(cancellationToken);
        return twilio;
    }

    /// <summary>Done when the service has made that request.</summary>
    public Task Made(long number) => Find(number).Made.Task;

    /// <summary>The recording has come to that request.</summary>
    public void Reach(long number) => Find(number).Reached = true;

    /// <summary>Lets the answer to that request go.</summary>
    public void Answer(long number) => Find(number).Turn.TrySetResult();

    /// <summary>Nothing is held any longer.</summary>
    public void AnswerAll() => recorded.ForEach(exchange => exchange.Turn.TrySetResult());

    /// <summary>Recorded requests that change something, and whether they were made.</summary>
    public IReadOnlyList<(string What, bool Made)> Acts() => [.. recorded.Where(exchange => IsAct(exchange.Request.Method)).Select(exchange => (Describe(exchange.Request), exchange.Made.Task.IsCompleted))];

    public ValueTask DisposeAsync()
    {
        AnswerAll();
        return web.DisposeAsync();
    }

    private static bool IsAct(string? method) => method is not "GET";

    private static string Describe(RecordedStep request) =>
        string.Join(' ', new[] { request.Name, request["To"] ?? request.Path![(request.Path!.LastIndexOf('/') + 1)..].Replace(".json", "", StringComparison.Ordinal) }
            .Concat(Flags.Where(flag => request[flag] is not null).Select(flag => $"{flag}={request[flag]}")));

    private Exchange Find(long number) => recorded.First(exchange => exchange.Request.Number == number);

    private async Task ServeAsync(HttpContext context)
    {
        using var reader = new StreamReader(context.Request.Body);
        var form = Parameters.Parse(await reader.ReadToEndAsync(context.RequestAborted));
        var target = context.Features.Get<IHttpRequestFeature>()?.RawTarget ?? throw new System.Diagnostics.UnreachableException();
        var route = RestRoute.Read(new RestRequest(context.Request.Method, target, form, null));
        var exchange = Take(context.Request.Method, route, route.Query.Count == 0 ? form : route.Query);
        if (exchange is null)
        {
            await WriteAsync(context, 404, new JsonObject { ["code"] = 20404, ["message"] = "Not in the recording", ["status"] = 404 }.ToJsonString());
            return;
        }

        if (IsAct(exchange.Request.Method))
            await exchange.Turn.Task.WaitAsync(context.RequestAborted).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (exchange.Answer is not { Status: > 0 and var status } answer)
            context.Abort();
        else
            await WriteAsync(context, status, words.ToRun(answer.Body ?? ""));
    }

    /// <summary>What such a request was answered then.</summary>
    private Exchange? Take(string method, RestRoute route, Parameters parameters)
    {
        lock (gate)
        {
            var same = recorded.Where(exchange => IsSame(exchange.Request, method, route, parameters)).ToList();
            if (!IsAct(method))
            {
                var looked = same.FindLast(exchange => exchange.Reached) ?? same.FirstOrDefault();
                foreach (var exchange in same.TakeWhile(exchange => looked is not null && exchange.Request.Number <= looked.Request.Number))
                    exchange.Made.TrySetResult();
                return looked;
            }

            if (same.Find(exchange => !exchange.Made.Task.IsCompleted) is { } next)
            {
                // A guest's id is chosen anew; this is where it is seen first.
                words.Learn(next.Request["Label"], parameters["Label"]);
                next.Made.TrySetResult();
                return next;
            }

            // What may be repeated until Twilio says that it is done is not counted: how often depends on moments.
            if (same is [.., var last] && route.Operation is not (RestOperation.CreateCall or RestOperation.CreateParticipant))
                return last;
            unexpected.Add(words.ToRecording($"{route.Operation} {parameters["To"] ?? route.Participant}{route.CallSid}".TrimEnd()));
            return null;
        }
    }

    private bool IsSame(RecordedStep then, string method, RestRoute route, Parameters now) =>
        then.Name == route.Operation.ToString() && then.Method == method && words.ToRun(then.Path!) == route.Path
        && Telling.All(name => (then[name] is { } value ? words.ToRun(value) : null) == now[name]);

    private static Task WriteAsync(HttpContext context, int status, string body)
    {
        context.Response.StatusCode = status;
        if (status == 429)
            context.Response.Headers.RetryAfter = "1";
        if (body.Length == 0)
            return Task.CompletedTask;
        context.Response.ContentType = "application/json;charset=utf-8";
        return context.Response.WriteAsync(body, context.RequestAborted);
    }

    private sealed record Exchange(RecordedStep Request, RecordedStep? Answer)
    {
        public volatile bool Reached;

        public TaskCompletionSource Made { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public TaskCompletionSource Turn { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
