using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Calls.Application.Ports;
using Calls.Domain;
using Calls.Sandbox.Twilio;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Time.Testing;

namespace Calls.Sandbox.Replay;

/// <summary>
/// Replays a recording against the real service: the same webhooks and requests in the same order, with Twilio's recorded answers.
/// </summary>
/// <remarks>
/// The service runs on a fake clock that moves from step to step. Minutes without a step therefore take no time, and each deadline falls
/// at the same place among the steps as in the recording.
/// </remarks>
internal sealed class Replayer : IAsyncDisposable
{
    /// <summary>The step of the fake clock. It is small, so that timers fire one after the other.</summary>
    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(100);

    /// <summary>How much earlier or later than recorded the service may act by itself. The sweeper runs about once a second.</summary>
    private static readonly TimeSpan Tolerance = TimeSpan.FromSeconds(4);

    /// <summary>The real time to wait for an answer or a change.</summary>
    private static readonly TimeSpan WaitLimit = TimeSpan.FromSeconds(10);

    /// <summary>The real time to wait for a read, which the service may leave out.</summary>
    private static readonly TimeSpan ReadWaitLimit = TimeSpan.FromSeconds(1.5);

    private readonly CallRecording recording;
    private readonly FakeTimeProvider clock;
    private readonly Translation translation;
    private readonly RecordedTwilio twilio;
    private readonly SandboxHost host;
    private readonly List<Comparison> comparisons = [];
    private readonly Dictionary<long, Task<(int Status, string Body)>> requests = [];
    private readonly HttpMessageInvoker http =
        new(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false, UseProxy = false });

    private Replayer(CallRecording recording, FakeTimeProvider clock, Translation translation, RecordedTwilio twilio, SandboxHost host) =>
        (this.recording, this.clock, this.translation, this.twilio, this.host) = (recording, clock, translation, twilio, host);

    /// <summary>Replays a recording and compares the answers, the changes at Twilio and the final states.</summary>
    public static async Task<IReadOnlyList<Comparison>> RunAsync(CallRecording recording, CancellationToken cancellationToken)
    {
        var (clock, translation) = (new FakeTimeProvider(recording.From), new Translation());
        await using var twilio = await RecordedTwilio.StartAsync(recording, translation, cancellationToken);
        await using var host = await SandboxHost.StartAsync(
            new SandboxOptions
            {
                Settings =
                [
                    .. InboundOf(recording, translation),
                    new("Twilio:Client:ApiBaseUrl", twilio.Address.ToString()),
                    new("Logging:LogLevel:Default", "Error"),
                    .. recording.Rules.Select(rule => KeyValuePair.Create(rule.Key, (string?)rule.Value)),
                ],
                Configure = builder => builder.Services
                    .Replace(ServiceDescriptor.Singleton<TimeProvider>(clock))
                    .Replace(ServiceDescriptor.Singleton<IStoreMemory>(new NoFailover()))
                    .Replace(ServiceDescriptor.Singleton<IDueSessions>(new EverySession(recording.End.Select(end => end.Session)))),
            },
            cancellationToken);
        await using var replayer = new Replayer(recording, clock, translation, twilio, host);
        return await replayer.RunAsync(cancellationToken);
    }

    /// <summary>Who was rung when a person called a number: the callee at the end of the call.</summary>
    private static IEnumerable<KeyValuePair<string, string?>> InboundOf(CallRecording recording, Translation translation)
    {
        foreach (var step in recording.Steps.Where(step => step is { Kind: StepKind.Webhook, Path: "/twilio/number" }))
            if (step["To"] is { } called
                && recording.End.FirstOrDefault(call => call.Session == step["CallSid"]) is { Document: { } document }
                && document.GetProperty("participants")[1] is var callee
                && (callee.GetProperty("identity").GetString() ?? callee.GetProperty("phoneNumber").GetString()) is { } whom)
                yield return KeyValuePair.Create("Calls:Inbound:" + translation.ToRun(called), (string?)translation.ToRun(whom));
    }

    public ValueTask DisposeAsync()
    {
        http.Dispose();
        return ValueTask.CompletedTask;
    }

    /// <summary>The embedded Redis of a replay has no failover. A connection that was slow for a moment must not postpone a dial.</summary>
    private sealed class NoFailover : IStoreMemory
    {
        public TimeSpan? SuspectFor => null;
    }

    private async Task<IReadOnlyList<Comparison>> RunAsync(CancellationToken cancellationToken)
    {
        foreach (var step in recording.Steps)
        {
            await AdvanceAsync(step.At, cancellationToken);
            switch (step.Kind)
            {
                case StepKind.Webhook:
                    await SendAsync(step, cancellationToken);
                    break;
                case StepKind.Rest:
                    // The comparison at the end reports a change that is missing. A read that is missing is not an error.
                    twilio.MarkReached(step.Number);
                    var limit = step.Method == "GET" ? ReadWaitLimit : WaitLimit;
                    await WaitAsync(twilio.Made(step.Number), step.At, limit, cancellationToken);
                    break;
                case StepKind.RestAnswer:
                    twilio.ReleaseAnswer(step.Number);
                    break;
                case StepKind.Ask:
                    requests[step.Number] = AskAsync(step, cancellationToken);
                    break;
                default:
                    await CompareAnswerAsync(step, cancellationToken);
                    break;
            }
        }

        twilio.ReleaseAllAnswers();
        comparisons.AddRange(await CompareEndAsync(cancellationToken));
        return comparisons;
    }

    /// <summary>Moves the fake clock to a time. After each step of the clock, the service has one real millisecond to act.</summary>
    private async Task AdvanceAsync(DateTimeOffset at, CancellationToken cancellationToken)
    {
        while (at - clock.GetUtcNow() is { Ticks: > 0 } left)
        {
            // A long gap is crossed in longer steps, which are still shorter than the period of the sweeper.
            var step = left > Tolerance ? Tick * 3 : Tick;
            clock.Advance(left < step ? left : step);
            await Task.Delay(TimeSpan.FromMilliseconds(1), cancellationToken);
        }
    }

    /// <summary>Waits until the service has done some work; false after <paramref name="limit"/> of real time.</summary>
    /// <remarks>After a while the fake clock moves as well, up to the tolerance, because the service may be waiting for it.</remarks>
    private async Task<bool> WaitAsync(Task work, DateTimeOffset at, TimeSpan limit, CancellationToken cancellationToken)
    {
        var began = TimeProvider.System.GetTimestamp();
        for (var i = 0; !work.IsCompleted && TimeProvider.System.GetElapsedTime(began) < limit; i++)
        {
            await Task.WhenAny(work, Task.Delay(TimeSpan.FromMilliseconds(20), cancellationToken));
            if (i > 10 && !work.IsCompleted && clock.GetUtcNow() < at + Tolerance)
                clock.Advance(Tick);
        }

        return work.IsCompleted;
    }

    private async Task SendAsync(RecordedStep step, CancellationToken cancellationToken)
    {
        var form = step.Parameters!.Select(pair => KeyValuePair.Create(pair[0], translation.ToRun(pair[1]))).ToList();
        var url = host.Address.GetLeftPart(UriPartial.Authority) + translation.ToRun(step.Path!);
        var isGet = step.Method == "GET";
        if (isGet && form.Count > 0)
        {
            var query = new Parameters();
            query.AddRange(form);
            url += (url.Contains('?', StringComparison.Ordinal) ? "&" : "?") + query.ToForm();
        }

        var exactUrl = new Uri(url, new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true });
        using var request = new HttpRequestMessage(isGet ? HttpMethod.Get : HttpMethod.Post, exactUrl);
        var signature = Signer.Sign(host.Twilio.Options.AuthToken, url, isGet ? [] : form);
        request.Headers.TryAddWithoutValidation("X-Twilio-Signature", signature);
        if (!isGet)
            request.Content = new FormUrlEncodedContent(form);
        var answering = AnswerAsync(request, cancellationToken);
        var expected = Describe(step.Status, RecordedTwiml.Verbs(step.Body));
        if (!await WaitAsync(answering, step.At, WaitLimit, cancellationToken))
        {
            comparisons.Add(new Comparison($"answer to {step.Name}", expected, "none"));
            return;
        }

        var (status, body) = await answering;
        // The name of the conference ends in the random part of the call. This answer shows both random parts.
        if (RecordedTwiml.Room(step.Body) is { } then && RecordedTwiml.Room(body) is { } now)
            translation.Learn(then[(then.LastIndexOf('.') + 1)..], now[(now.LastIndexOf('.') + 1)..]);
        if (step.Status is not null)
            comparisons.Add(new Comparison($"answer to {step.Name}", expected, Describe(status, RecordedTwiml.Verbs(body))));
    }

    private async Task<(int Status, string Body)> AskAsync(RecordedStep step, CancellationToken cancellationToken)
    {
        var identity = step.Name!.StartsWith("client:", StringComparison.Ordinal) ? step.Name["client:".Length..] : null;
        var url = new Uri(host.Address.GetLeftPart(UriPartial.Authority) + translation.ToRun(step.Path!));
        using var request = new HttpRequestMessage(new HttpMethod(step.Method!), url);
        if (identity is not null)
        {
            var token = host.TokenFor(identity, step.IsOperator == true ? "calls.operate" : null);
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        }

        if (step.Key is { } key)
            request.Headers.TryAddWithoutValidation("Idempotency-Key", key);
        if (step.Body is { Length: > 0 } body)
            request.Content = new StringContent(translation.ToRun(body), Encoding.UTF8, "application/json");
        return await AnswerAsync(request, cancellationToken);
    }

    private async Task<(int Status, string Body)> AnswerAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        try
        {
            using var response = await http.SendAsync(request, cancellationToken);
            return ((int)response.StatusCode, await response.Content.ReadAsStringAsync(cancellationToken));
        }
        catch (Exception e) when (e is HttpRequestException or SocketException)
        {
            return (0, "");
        }
    }

    private async Task CompareAnswerAsync(RecordedStep step, CancellationToken cancellationToken)
    {
        var request = recording.Steps.First(other => other.Kind == StepKind.Ask && other.Number == step.Number);
        var name = $"answer to {request.Method} {request.Path}";
        if (!await WaitAsync(requests[step.Number], step.At, WaitLimit, cancellationToken))
        {
            comparisons.Add(new Comparison(name, Describe(step.Status, ""), "none"));
            return;
        }

        var (status, body) = await requests[step.Number];
        translation.Learn(IdIn(step.Body), IdIn(body));
        comparisons.Add(new Comparison(name, Describe(step.Status, ""), Describe(status, "")));
    }

    /// <summary>Compares the final states and the changes at Twilio, until they are the same or the time limit is over.</summary>
    private async Task<List<Comparison>> CompareEndAsync(CancellationToken cancellationToken)
    {
        var began = TimeProvider.System.GetTimestamp();
        while (true)
        {
            List<Comparison> now = [];
            foreach (var end in recording.End)
            {
                var path = $"/v1/sessions/{Uri.EscapeDataString(end.Session)}";
                var token = host.TokenFor("operator", "calls.operate");
                var (_, body) = await host.RestAsync(HttpMethod.Get, path, token, cancellationToken: cancellationToken);
                now.AddRange(EndOfCall.Compare(end, JsonElement.Parse(translation.ToRecording(body))));
            }

            now.AddRange(twilio.Changes().Select(change =>
                new Comparison("changes requested at Twilio", change.What, change.Made ? change.What : "not requested")));
            now.AddRange(twilio.Unexpected.Select(change => new Comparison("changes requested at Twilio", "not requested", change)));
            if (now.TrueForAll(comparison => comparison.IsSame) || TimeProvider.System.GetElapsedTime(began) > WaitLimit)
                return now;
            if (clock.GetUtcNow() < recording.Until + Tolerance)
                clock.Advance(Tick);
            await Task.Delay(TimeSpan.FromMilliseconds(20), cancellationToken);
        }
    }

    private static string Describe(int? status, string verbs) =>
        $"{status?.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? "none"} {verbs}".TrimEnd();

    private static string? IdIn(string? body)
    {
        try
        {
            return body is { Length: > 0 }
                && JsonElement.Parse(body) is { ValueKind: JsonValueKind.Object } json
                && json.TryGetProperty("id", out var id)
                    ? id.GetString()
                    : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>Gives every session to every sweep.</summary>
    /// <remarks>The real index of deadlines uses the clock of Redis, which is not the fake clock.</remarks>
    private sealed class EverySession(IEnumerable<string> ids) : IDueSessions
    {
        private readonly List<SessionId> sessions =
            [.. ids.Select(id => SessionId.TryParse(id, out var session) ? session : null).OfType<SessionId>()];

        public int Partitions => 1;

        public Task<IReadOnlyList<SessionId>> ClaimAsync(int partition, int max, TimeSpan lease, CancellationToken cancellationToken) =>
            Task.FromResult<IReadOnlyList<SessionId>>(sessions);

        public Task RescheduleAsync(StoredSession session, CancellationToken cancellationToken) => Task.CompletedTask;
    }
}

/// <summary>A recorded result and the result of the replay.</summary>
internal sealed record Comparison(string What, string Recorded, string Replayed)
{
    public bool IsSame => Recorded == Replayed;
}

/// <summary>Compares the final state of a call, without ids, times and versions.</summary>
internal static class EndOfCall
{
    private static readonly string[] SessionFields = ["state", "endReason"];
    private static readonly string[] ParticipantFields = ["role", "identity", "phoneNumber", "label", "state", "reason", "muted", "hold"];

    public static IEnumerable<Comparison> Compare(RecordedEnd recorded, JsonElement replayed)
    {
        var then = recorded.Document is { } document ? Lines(document) : ["no such call"];
        var now = replayed.TryGetProperty("participants", out _) ? Lines(replayed) : ["no such call"];
        for (var i = 0; i < Math.Max(then.Count, now.Count); i++)
        {
            yield return new Comparison(
                recorded.Session, then.ElementAtOrDefault(i) ?? "no participant", now.ElementAtOrDefault(i) ?? "no participant");
        }
    }

    private static List<string> Lines(JsonElement session)
    {
        List<string> lines = [Line(session, SessionFields)];
        if (session.TryGetProperty("participants", out var people) && people.ValueKind == JsonValueKind.Array)
            lines.AddRange(people.EnumerateArray().Select(person => Line(person, ParticipantFields)));
        return lines;
    }

    private static string Line(JsonElement from, IEnumerable<string> names) => string.Join(' ', names
        .Select(name => from.TryGetProperty(name, out var value) ? (name, value) : default)
        .Where(field => field.value.ValueKind is JsonValueKind.String or JsonValueKind.True)
        .Select(field => field.value.ValueKind == JsonValueKind.True ? field.name : field.value.GetString()));
}
