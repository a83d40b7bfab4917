using System.Net;
using System.Text.Json.Nodes;
using Calls.Sandbox.Twilio;
using Microsoft.AspNetCore.Http.Features;

namespace Calls.Sandbox.Replay;

/// <summary>Plays Twilio's REST API from a recording: a request gets the answer that the same request got in the recording.</summary>
/// <remarks>
/// A change (create, update or delete) is answered when the replay reaches its recorded answer. A read (fetch or list) is answered at once,
/// with the newest recorded answer that the replay has reached, because the moment at which the service reads may differ a little.
/// </remarks>
internal sealed class RecordedTwilio : IAsyncDisposable
{
    private static readonly string[] Flags = ["Muted", "Hold"];
    private static readonly string[] ComparedParameters = ["To", "Status", "FriendlyName", .. Flags];

    private readonly Lock gate = new();
    private readonly Translation translation;
    private readonly List<Exchange> recorded;
    private readonly List<string> unexpected = [];
    private readonly WebApplication web;

    private RecordedTwilio(CallRecording recording, Translation translation)
    {
        this.translation = translation;
        var answers = recording.Steps.Where(step => step.Kind == StepKind.RestAnswer).ToDictionary(step => step.Number);
        recorded =
        [
            .. recording.Steps.Where(step => step.Kind == StepKind.Rest)
                .Select(step => new Exchange(step, answers.GetValueOrDefault(step.Number))),
        ];
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        web = builder.Build();
        web.Run(ServeAsync);
    }

    public Uri Address => new(web.Urls.First());

    /// <summary>The changes that the service requested and that are not in the recording.</summary>
    public IReadOnlyList<string> Unexpected
    {
        get
        {
            lock (gate)
                return [.. unexpected];
        }
    }

    public static async Task<RecordedTwilio> StartAsync(
        CallRecording recording, Translation translation, CancellationToken cancellationToken)
    {
        var twilio = new RecordedTwilio(recording, translation);
        await twilio.web.StartAsync(cancellationToken);
        return twilio;
    }

    /// <summary>Completes when the service has made that request.</summary>
    public Task Made(long number) => Find(number).Made.Task;

    /// <summary>Tells that the replay has reached that request.</summary>
    public void MarkReached(long number) => Find(number).IsReached = true;

    /// <summary>Allows the answer to that request.</summary>
    public void ReleaseAnswer(long number) => Find(number).AnswerReleased.TrySetResult();

    /// <summary>Allows every answer that is still held back.</summary>
    public void ReleaseAllAnswers() => recorded.ForEach(exchange => exchange.AnswerReleased.TrySetResult());

    /// <summary>The recorded changes, and whether the service made them in the replay.</summary>
    public IReadOnlyList<(string What, bool Made)> Changes() =>
    [
        .. recorded.Where(exchange => IsChange(exchange.Request.Method))
            .Select(exchange => (Describe(exchange.Request), exchange.Made.Task.IsCompleted)),
    ];

    public ValueTask DisposeAsync()
    {
        ReleaseAllAnswers();
        return web.DisposeAsync();
    }

    private static bool IsChange(string? method) => method is not "GET";

    private static string Describe(RecordedStep request)
    {
        var target = request["To"] ?? request.Path![(request.Path!.LastIndexOf('/') + 1)..].Replace(".json", "", StringComparison.Ordinal);
        var flags = Flags.Where(flag => request[flag] is not null).Select(flag => $"{flag}={request[flag]}");
        return string.Join(' ', new[] { request.Name, target }.Concat(flags));
    }

    private Exchange Find(long number) => recorded.First(exchange => exchange.Request.Number == number);

    private async Task ServeAsync(HttpContext context)
    {
        using var reader = new StreamReader(context.Request.Body);
        var form = Parameters.Parse(await reader.ReadToEndAsync(context.RequestAborted));
        var target = context.Features.Get<IHttpRequestFeature>()?.RawTarget ?? throw new System.Diagnostics.UnreachableException();
        var route = RestRoute.Read(new RestRequest(context.Request.Method, target, form, null));
        var exchange = FindAnswer(context.Request.Method, route, route.Query.Count == 0 ? form : route.Query);
        if (exchange is null)
        {
            var error = new JsonObject { ["code"] = 20404, ["message"] = "The request is not in the recording.", ["status"] = 404 };
            await WriteAsync(context, 404, error.ToJsonString());
            return;
        }

        if (IsChange(exchange.Request.Method))
            await exchange.AnswerReleased.Task.WaitAsync(context.RequestAborted).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (exchange.Answer is not { Status: > 0 and var status } answer)
            context.Abort();
        else
            await WriteAsync(context, status, translation.ToRun(answer.Body ?? ""));
    }

    /// <summary>The recorded exchange for a request; null if the recording has none.</summary>
    private Exchange? FindAnswer(string method, RestRoute route, Parameters parameters)
    {
        lock (gate)
        {
            var same = recorded.Where(exchange => IsSame(exchange.Request, method, route, parameters)).ToList();
            if (!IsChange(method))
            {
                var read = same.FindLast(exchange => exchange.IsReached) ?? same.FirstOrDefault();
                foreach (var exchange in same.TakeWhile(exchange => read is not null && exchange.Request.Number <= read.Request.Number))
                    exchange.Made.TrySetResult();
                return read;
            }

            if (same.Find(exchange => !exchange.Made.Task.IsCompleted) is { } next)
            {
                // The service chooses a new id for a guest. The label of this request is the first place where it appears.
                translation.Learn(next.Request["Label"], parameters["Label"]);
                // The call of a screened guest has no label. Its answer URL has the guest's id.
                translation.Learn(ParticipantIn(next.Request["Url"]), ParticipantIn(parameters["Url"]));
                next.Made.TrySetResult();
                return next;
            }

            // The service may repeat an update or a delete until Twilio confirms it. The number of repetitions depends on timing.
            if (same is [.., var last] && route.Operation is not (RestOperation.CreateCall or RestOperation.CreateParticipant))
                return last;
            unexpected.Add(translation.ToRecording($"{route.Operation} {parameters["To"] ?? route.Participant}{route.CallSid}".TrimEnd()));
            return null;
        }
    }

    private bool IsSame(RecordedStep then, string method, RestRoute route, Parameters now) =>
        then.Name == route.Operation.ToString() && then.Method == method && translation.ToRun(then.Path!) == route.Path
        && ComparedParameters.All(name => (then[name] is { } value ? translation.ToRun(value) : null) == now[name]);

    private static string? ParticipantIn(string? url) => url?.Split('/') is [.., "participants", var id, _] ? id : null;

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
        public volatile bool IsReached;

        public TaskCompletionSource Made { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public TaskCompletionSource AnswerReleased { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
