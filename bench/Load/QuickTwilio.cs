using System.Collections.Concurrent;
using System.Globalization;
using Calls.Sandbox.Twilio;

namespace Calls.Load;

/// <summary>A Twilio made for load: it plays two-party calls as fast as the service answers, takes the service's REST requests, and counts what they did.</summary>
/// <remarks>It takes one thing from each answer, that a leg was let into a room; what Twilio does besides is <c>src/Sandbox</c>'s to emulate.</remarks>
internal sealed class QuickTwilio : IAsyncDisposable
{
    public const string Account = "AC00000000000000000000000000000001";
    public const string Token = "0123456789abcdef0123456789abcdef";
    public const string Number = "+15005550006";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(15);

    private readonly HttpMessageInvoker http = new(new SocketsHttpHandler { UseCookies = false, UseProxy = false });
    private readonly ConcurrentDictionary<string, Line> lines = new();
    private readonly ConcurrentDictionary<string, Line> legs = new();
    private readonly WebApplication rest;
    private long sids;
    private long exported;

    private QuickTwilio(int port)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls($"http://127.0.0.1:{port.ToString(CultureInfo.InvariantCulture)}");
        rest = builder.Build();
        rest.MapPost("/2010-04-01/Accounts/{account}/Calls.json", (Delegate)CreateAsync);
        rest.MapPost("/2010-04-01/Accounts/{account}/Calls/{sid}.json", (Delegate)UpdateAsync);
        rest.MapPost("/v1/{signal}", async (HttpContext request) =>
        {
            await request.Request.Body.CopyToAsync(Stream.Null);
            Interlocked.Increment(ref exported);
        });
    }

    /// <summary>What each request to the REST API takes.</summary>
    public TimeSpan Latency { get; set; }

    /// <summary>Batches of telemetry that have come in.</summary>
    public long Exported => Interlocked.Read(ref exported);

    public static async Task<QuickTwilio> StartAsync(int port)
    {
        var twilio = new QuickTwilio(port);
        await twilio.rest.StartAsync();
        return twilio;
    }

    /// <summary>One whole call: placed, rung, answered, talked, left, ended. Every webhook's time goes into the tally.</summary>
    /// <param name="origin">Where the service is.</param>
    /// <param name="name">Names the call and its people; new for each.</param>
    /// <param name="tally">What is counted.</param>
    /// <param name="stay">Leaves the two talking.</param>
    public async Task PlayAsync(Uri origin, string name, Tally tally, bool stay = false)
    {
        var line = new Line(name, Sid("CA"), Sid("CF"));
        lines["client:bob-" + name] = line;
        try
        {
            var room = $"{origin.GetLeftPart(UriPartial.Authority)}/twilio/sessions/{name}/conference";
            await SendAsync(tally, "voice", origin.GetLeftPart(UriPartial.Authority) + "/twilio/voice", Leg(line.Caller, "alice-" + name, "bob-" + name, "ringing", ("SessionID", name)));
            await SendAsync(tally, "conference", room, Conference(line, "participant-join", line.Caller, "caller"));
            var callee = await line.Dialled.Task.WaitAsync(Patience);
            foreach (var status in new[] { "initiated", "ringing", "in-progress" })
                await SendAsync(tally, "status", line.StatusUrl, Leg(callee, Number, "bob-" + name, status));
            await SendAsync(tally, "join", line.AnswerUrl, Leg(callee, Number, "bob-" + name, "in-progress"));
            await SendAsync(tally, "conference", room, Conference(line, "conference-start", null, null));
            await SendAsync(tally, "conference", room, Conference(line, "participant-join", callee, "callee"));
            if (stay)
                return;
            await SendAsync(tally, "conference", room, Conference(line, "participant-leave", line.Caller, "caller"));
            await SendAsync(tally, "left", room.Replace("/conference", "/left/caller", StringComparison.Ordinal), Leg(line.Caller, "alice-" + name, "bob-" + name, "completed"));
            await line.HungUp.Task.WaitAsync(Patience);
            await SendAsync(tally, "conference", room, Conference(line, "participant-leave", callee, "callee"));
            await SendAsync(tally, "conference", room, Conference(line, "conference-end", null, null));
            await SendAsync(tally, "status", line.StatusUrl, Leg(callee, Number, "bob-" + name, "completed"));
        }
        catch (TimeoutException)
        {
            tally.Stuck();
        }
        finally
        {
            tally.Ended(line.Rings);
            lines.TryRemove("client:bob-" + name, out _);
        }
    }

    public async ValueTask DisposeAsync()
    {
        http.Dispose();
        await rest.DisposeAsync();
    }

    private async Task<IResult> CreateAsync(HttpContext request)
    {
        var form = await request.Request.ReadFormAsync();
        if (Latency > TimeSpan.Zero)
            await Task.Delay(Latency);
        var sid = Sid("CA");
        if (lines.TryGetValue(form["To"].ToString(), out var line))
        {
            legs[sid] = line;
            (line.AnswerUrl, line.StatusUrl) = (Bare(form["Url"].ToString()), Bare(form["StatusCallback"].ToString()));
            line.Ring();
            line.Dialled.TrySetResult(sid);
        }

        return Results.Text($$"""{"sid":"{{sid}}","status":"queued","to":"{{form["To"]}}","from":"{{form["From"]}}","date_created":null}""", "application/json", statusCode: 201);
    }

    private async Task<IResult> UpdateAsync(HttpContext request, string sid)
    {
        await request.Request.ReadFormAsync();
        if (Latency > TimeSpan.Zero)
            await Task.Delay(Latency);
        if (legs.TryRemove(sid, out var line))
            line.HungUp.TrySetResult();
        return Results.Text($$"""{"sid":"{{sid}}","status":"completed","to":"","from":"","date_created":null}""", "application/json");
    }

    private async Task SendAsync(Tally tally, string kind, string url, List<KeyValuePair<string, string>> form)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, url) { Content = new FormUrlEncodedContent(form) };
        request.Headers.TryAddWithoutValidation("X-Twilio-Signature", Signer.Sign(Token, url, form));
        var from = TimeProvider.System.GetTimestamp();
        using var response = await http.SendAsync(request, CancellationToken.None);
        await response.Content.CopyToAsync(Stream.Null);
        tally.Answered(kind, TimeProvider.System.GetElapsedTime(from), response.IsSuccessStatusCode);
    }

    private static List<KeyValuePair<string, string>> Leg(string sid, string from, string to, string status, params ReadOnlySpan<(string Key, string Value)> more)
    {
        List<KeyValuePair<string, string>> form =
        [
            new("AccountSid", Account), new("ApiVersion", "2010-04-01"), new("CallSid", sid), new("CallStatus", status), new("Direction", "inbound"),
            new("From", from.StartsWith('+') ? from : "client:" + from), new("To", status == "ringing" && from != Number ? to : "client:" + to),
        ];
        foreach (var (key, value) in more)
            form.Add(new(key, value));
        return form;
    }

    private static List<KeyValuePair<string, string>> Conference(Line line, string name, string? leg, string? label)
    {
        List<KeyValuePair<string, string>> form =
        [
            new("AccountSid", Account), new("ConferenceSid", line.Conference), new("SequenceNumber", line.NextSequence().ToString(CultureInfo.InvariantCulture)),
            new("StatusCallbackEvent", name), new("Timestamp", "Mon, 01 Jan 2024 00:00:00 +0000"),
        ];
        if (leg is not null)
            form.AddRange([new("CallSid", leg), new("Coaching", "false"), new("EndConferenceOnExit", "false"), new("Hold", "false"), new("Muted", "false"),
                new("ParticipantLabel", label ?? ""), new("StartConferenceOnEnter", "true")]);
        return form;
    }

    private static string Bare(string url) => url.IndexOf('#', StringComparison.Ordinal) is var hash and >= 0 ? url[..hash] : url;

    private string Sid(string kind) => kind + Interlocked.Increment(ref sids).ToString("x32", CultureInfo.InvariantCulture);

    /// <summary>One call, as it goes.</summary>
    private sealed class Line(string name, string caller, string conference)
    {
        private int rings;
        private int sequence;

        public string Name { get; } = name;

        public string Caller { get; } = caller;

        public string Conference { get; } = conference;

        public string AnswerUrl { get; set; } = "";

        public string StatusUrl { get; set; } = "";

        public int Rings => rings;

        public TaskCompletionSource<string> Dialled { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public TaskCompletionSource HungUp { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public void Ring() => Interlocked.Increment(ref rings);

        public int NextSequence() => sequence++;
    }
}
