using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Calls.Application.Ports;
using Calls.Domain;
using Calls.Sandbox.Twilio;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Time.Testing;

namespace Calls.Sandbox.Replay;

/// <summary>Plays a recording to the real service: the same webhooks and requests in the same order, at the recording's own time, with Twilio's recorded answers.</summary>
/// <remarks>The clock is the recording's: it goes from step to step, so minutes of silence take no time, and deadlines fall where they fell.</remarks>
internal sealed class Replayer : IAsyncDisposable
{
    /// <summary>How far the clock moves at once; timers fire one after the other.</summary>
    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(100);

    /// <summary>How much earlier or later than recorded the service may do something by itself: a sweep comes round every second or so.</summary>
    private static readonly TimeSpan Leeway = TimeSpan.FromSeconds(4);

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan BriefPatience = TimeSpan.FromSeconds(1.5);

    private readonly CallRecording recording;
    private readonly FakeTimeProvider clock;
    private readonly Translation words;
    private readonly RecordedTwilio twilio;
    private readonly SandboxHost host;
    private readonly List<Comparison> comparisons = [];
    private readonly Dictionary<long, Task<(int Status, string Body)>> asked = [];
    private readonly HttpMessageInvoker http = new(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false, UseProxy = false });

    private Replayer(CallRecording recording, FakeTimeProvider clock, Translation words, RecordedTwilio twilio, SandboxHost host) =>
        (this.recording, this.clock, this.words, this.twilio, this.host) = (recording, clock, words, twilio, host);

    /// <summary>Replays, and compares everything that was recorded of the service's own doing.</summary>
    public static async Task<IReadOnlyList<Comparison>> RunAsync(CallRecording recording, CancellationToken cancellationToken)
    {
        var (clock, words) = (new FakeTimeProvider(recording.From), new Translation());
        await using var twilio = await RecordedTwilio.StartAsync(recording, words, cancellationToken);
        await using var host = await SandboxHost.StartAsync(
            new SandboxOptions
            {
                Settings = [new("Twilio:Client:ApiBaseUrl", twilio.Address.ToString()), new("Logging:LogLevel:Default", "Error"), .. recording.Rules.Select(rule => KeyValuePair.Create(rule.Key, (string?)rule.Value))],
                Configure = builder => builder.Services
                    .Replace(ServiceDescriptor.Singleton<TimeProvider>(clock))
                    .Replace(ServiceDescriptor.Singleton<IDueSessions>(new EverySession(recording.End.Select(end => end.Session)))),
            },
            cancellationToken);
        await using var replayer = new Replayer(recording, clock, words, twilio, host);
        return await replayer.RunAsync(cancellationToken);
    }

    public ValueTask DisposeAsync()
    {
        http.Dispose();
        return ValueTask.CompletedTask;
    }

    private async Task<IReadOnlyList<Comparison>> RunAsync(CancellationToken cancellationToken)
    {
        foreach (var step in recording.Steps)
        {
            await ReachAsync(step.At, cancellationToken);
            switch (step.Kind)
            {
                case StepKind.Webhook:
                    await SendAsync(step, cancellationToken);
                    break;
                case StepKind.Rest:
                    // A change that is never asked for shows in the comparison of all of them; a look that is not made is nothing amiss.
                    twilio.Reach(step.Number);
                    await ComesAsync(twilio.Made(step.Number), step.At, step.Method == "GET" ? BriefPatience : Patience, cancellationToken);
                    break;
                case StepKind.RestAnswer:
                    twilio.Answer(step.Number);
                    break;
                case StepKind.Ask:
                    asked[step.Number] = AskAsync(step, cancellationToken);
                    break;
                default:
                    await AnsweredAsync(step, cancellationToken);
                    break;
            }
        }

        twilio.AnswerAll();
        comparisons.AddRange(await EndAsync(cancellationToken));
        return comparisons;
    }

    /// <summary>Brings the clock to that time; what falls due on the way gets a moment to be done.</summary>
    private async Task ReachAsync(DateTimeOffset at, CancellationToken cancellationToken)
    {
        while (at - clock.GetUtcNow() is { Ticks: > 0 } left)
        {
            // Through a long silence in longer steps: a sweep comes round every second or so.
            var step = left > Leeway ? Tick * 3 : Tick;
            clock.Advance(left < step ? left : step);
            await Task.Delay(TimeSpan.FromMilliseconds(1), cancellationToken);
        }
    }

    /// <summary>Waits for what the service does by itself. It is given a while, then some of the recording's time as well: it may be waiting for its clock.</summary>
    private async Task<bool> ComesAsync(Task what, DateTimeOffset at, TimeSpan patience, CancellationToken cancellationToken)
    {
        var began = TimeProvider.System.GetTimestamp();
        for (var i = 0; !what.IsCompleted && TimeProvider.System.GetElapsedTime(began) < patience; i++)
        {
            await Task.WhenAny(what, Task.Delay(TimeSpan.FromMilliseconds(20), cancellationToken));
            if (i > 10 && !what.IsCompleted && clock.GetUtcNow() < at + Leeway)
                clock.Advance(Tick);
        }

        return what.IsCompleted;
    }

    private async Task SendAsync(RecordedStep step, CancellationToken cancellationToken)
    {
        var form = step.Parameters!.Select(pair => KeyValuePair.Create(pair[0], words.ToRun(pair[1]))).ToList();
        var url = host.Address.GetLeftPart(UriPartial.Authority) + words.ToRun(step.Path!);
        var isGet = step.Method == "GET";
        if (isGet && form.Count > 0)
        {
            var query = new Parameters();
            query.AddRange(form);
            url += (url.Contains('?', StringComparison.Ordinal) ? "&" : "?") + query.ToForm();
        }

        using var request = new HttpRequestMessage(isGet ? HttpMethod.Get : HttpMethod.Post, new Uri(url, new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true }));
        request.Headers.TryAddWithoutValidation("X-Twilio-Signature", Signer.Sign(host.Twilio.Options.AuthToken, url, isGet ? [] : form));
        if (!isGet)
            request.Content = new FormUrlEncodedContent(form);
        var answering = AnswerAsync(request, cancellationToken);
        if (!await ComesAsync(answering, step.At, Patience, cancellationToken))
        {
            comparisons.Add(new Comparison($"answer to {step.Name}", Shown(step.Status, RecordedTwiml.Verbs(step.Body)), "none"));
            return;
        }

        var (status, body) = await answering;
        // The room's name ends in the call's random part: from here on it is known.
        if (RecordedTwiml.Room(step.Body) is { } then && RecordedTwiml.Room(body) is { } now)
            words.Learn(then[(then.LastIndexOf('.') + 1)..], now[(now.LastIndexOf('.') + 1)..]);
        if (step.Status is not null)
            comparisons.Add(new Comparison($"answer to {step.Name}", Shown(step.Status, RecordedTwiml.Verbs(step.Body)), Shown(status, RecordedTwiml.Verbs(body))));
    }

    private async Task<(int Status, string Body)> AskAsync(RecordedStep step, CancellationToken cancellationToken)
    {
        var identity = step.Name!.StartsWith("client:", StringComparison.Ordinal) ? step.Name["client:".Length..] : null;
        using var request = new HttpRequestMessage(new HttpMethod(step.Method!), new Uri(host.Address.GetLeftPart(UriPartial.Authority) + words.ToRun(step.Path!)));
        if (identity is not null)
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", host.TokenFor(identity, step.IsOperator == true ? "calls.operate" : null));
        if (step.Key is { } key)
            request.Headers.TryAddWithoutValidation("Idempotency-Key", key);
        if (step.Body is { Length: > 0 } body)
            request.Content = new StringContent(words.ToRun(body), Encoding.UTF8, "application/json");
        return await AnswerAsync(request, cancellationToken);
    }

    private async Task<(int Status, string Body)> AnswerAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        try
        {
            using var response = await http.SendAsync(request, cancellationToken);
            return ((int)response.StatusCode, await response.Content.ReadAsStringAsync(cancellationToken));
        }
        catch (HttpRequestException)
        {
            return (0, "");
        }
    }

    private async Task AnsweredAsync(RecordedStep step, CancellationToken cancellationToken)
    {
        var request = recording.Steps.First(other => other.Kind == StepKind.Ask && other.Number == step.Number);
        var what = $"answer to {request.Method} {request.Path}";
        if (!await ComesAsync(asked[step.Number], step.At, Patience, cancellationToken))
        {
            comparisons.Add(new Comparison(what, Shown(step.Status, ""), "none"));
            return;
        }

        var (status, body) = await asked[step.Number];
        words.Learn(IdIn(step.Body), IdIn(body));
        comparisons.Add(new Comparison(what, Shown(step.Status, ""), Shown(status, "")));
    }

    /// <summary>The calls as they stand, once they stand as they were recorded or have had their time.</summary>
    private async Task<List<Comparison>> EndAsync(CancellationToken cancellationToken)
    {
        var began = TimeProvider.System.GetTimestamp();
        while (true)
        {
            List<Comparison> now = [];
            foreach (var end in recording.End)
            {
                var (_, body) = await host.RestAsync(HttpMethod.Get, $"/v1/sessions/{Uri.EscapeDataString(end.Session)}", host.TokenFor("operator", "calls.operate"), cancellationToken: cancellationToken);
                now.AddRange(EndOfCall.Compare(end, JsonElement.Parse(words.ToRecording(body))));
            }

            now.AddRange(twilio.Acts().Select(act => new Comparison("asked of Twilio", act.What, act.Made ? act.What : "not asked")));
            now.AddRange(twilio.Unexpected.Select(what => new Comparison("asked of Twilio", "not asked", what)));
            if (now.TrueForAll(comparison => comparison.IsSame) || TimeProvider.System.GetElapsedTime(began) > Patience)
                return now;
            if (clock.GetUtcNow() < recording.Until + Leeway)
                clock.Advance(Tick);
            await Task.Delay(TimeSpan.FromMilliseconds(20), cancellationToken);
        }
    }

    private static string Shown(int? status, string verbs) => $"{status?.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? "none"} {verbs}".TrimEnd();

    private static string? IdIn(string? body)
    {
        try
        {
            return body is { Length: > 0 } && JsonElement.Parse(body) is { ValueKind: JsonValueKind.Object } json && json.TryGetProperty("id", out var id) ? id.GetString() : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>Has every call looked at in every sweep: the index of deadlines is kept by Redis's clock, which is not the recording's.</summary>
    private sealed class EverySession(IEnumerable<string> ids) : IDueSessions
    {
        private readonly List<SessionId> sessions = [.. ids.Select(id => SessionId.TryParse(id, out var session) ? session : null).OfType<SessionId>()];

        public int Partitions => 1;

        public Task<IReadOnlyList<SessionId>> ClaimAsync(int partition, int max, TimeSpan lease, CancellationToken cancellationToken) => Task.FromResult<IReadOnlyList<SessionId>>(sessions);

        public Task RescheduleAsync(StoredSession session, CancellationToken cancellationToken) => Task.CompletedTask;
    }
}

/// <summary>One thing as it was and as it is.</summary>
internal sealed record Comparison(string What, string Recorded, string Replayed)
{
    public bool IsSame => Recorded == Replayed;
}

/// <summary>How a call stands, as far as it does not depend on the hour.</summary>
internal static class EndOfCall
{
    private static readonly string[] OfSession = ["state", "endReason"];
    private static readonly string[] OfParticipant = ["role", "identity", "phoneNumber", "label", "state", "reason", "muted", "hold"];

    public static IEnumerable<Comparison> Compare(RecordedEnd recorded, JsonElement replayed)
    {
        var (then, now) = (recorded.Document is { } document ? Lines(document) : ["no such call"], replayed.TryGetProperty("participants", out _) ? Lines(replayed) : ["no such call"]);
        for (var i = 0; i < Math.Max(then.Count, now.Count); i++)
            yield return new Comparison(recorded.Session, then.ElementAtOrDefault(i) ?? "nobody", now.ElementAtOrDefault(i) ?? "nobody");
    }

    private static List<string> Lines(JsonElement session)
    {
        List<string> lines = [Line(session, OfSession)];
        if (session.TryGetProperty("participants", out var people) && people.ValueKind == JsonValueKind.Array)
            lines.AddRange(people.EnumerateArray().Select(person => Line(person, OfParticipant)));
        return lines;
    }

    private static string Line(JsonElement from, IEnumerable<string> names) => string.Join(' ', names
        .Select(name => from.TryGetProperty(name, out var value) ? (name, value) : default)
        .Where(field => field.value.ValueKind is JsonValueKind.String or JsonValueKind.True)
        .Select(field => field.value.ValueKind == JsonValueKind.True ? field.name : field.value.GetString()));
}
