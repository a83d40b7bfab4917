using System.Collections.Concurrent;
using System.Globalization;
using System.Net.Sockets;
using Calls.Sandbox.Twilio;

namespace Calls.Load;

/// <summary>
/// An emulated Twilio for load. It plays calls of two as fast as the service answers, takes the service's REST requests, and counts the
/// results.
/// </summary>
/// <remarks>It reads the status of each answer, and the room and the callback URLs of the caller's TwiML. <c>src/Sandbox</c> emulates the
/// rest of Twilio.</remarks>
internal sealed class QuickTwilio : IAsyncDisposable
{
    public const string Account = "AC00000000000000000000000000000001";
    public const string Token = "0123456789abcdef0123456789abcdef";
    public const string Number = "+15005550006";

    /// <summary>The longest wait for an answer, and for the service's next request.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(15);

    private readonly HttpMessageInvoker http = new(new SocketsHttpHandler
    {
        UseCookies = false,
        UseProxy = false,
        ActivityHeadersPropagator = null,
    });
    private readonly ConcurrentDictionary<string, Line> lines = new();
    private readonly ConcurrentDictionary<string, Line> legs = new();
    private readonly ConcurrentDictionary<string, (Line Line, string Callee)> rooms = new();
    private readonly WebApplication rest;
    private long sids;
    private long exported;
    private long reviewed;
    private long requests;

    private QuickTwilio(int port)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        Address = new Uri("http://127.0.0.1:" + port.ToString(CultureInfo.InvariantCulture));
        builder.WebHost.UseUrls(Address.ToString());
        rest = builder.Build();
        var account = rest.MapGroup("/2010-04-01/Accounts/{account}");
        account.MapPost("/Calls.json", (Delegate)CreateAsync);
        account.MapPost("/Calls/{sid}.json", (Delegate)UpdateAsync);
        account.MapGet("/Conferences/{sid}.json", (Delegate)FetchConferenceAsync);
        account.MapGet("/Conferences/{sid}/Participants.json", (Delegate)ListParticipantsAsync);
        rest.MapPost("/v1/{signal}", async (HttpContext request) =>
        {
            await request.Request.Body.CopyToAsync(Stream.Null);
            Interlocked.Increment(ref exported);
        });
    }

    /// <summary>The address of the REST API and of the telemetry collector.</summary>
    public Uri Address { get; }

    /// <summary>The duration of each request to the REST API.</summary>
    public TimeSpan Latency { get; set; }

    /// <summary>Whether a room that no call of this emulator has opened is open, with the two people of a stored call (MadeCall).</summary>
    public bool HasStoredCalls { get; set; }

    /// <summary>The number of reviews that have read the participants of a room.</summary>
    public long Reviewed => Interlocked.Read(ref reviewed);

    /// <summary>The number of requests to the REST API.</summary>
    public long Requests => Interlocked.Read(ref requests);

    /// <summary>The number of received telemetry batches.</summary>
    public long Exported => Interlocked.Read(ref exported);

    public static async Task<QuickTwilio> StartAsync(int port)
    {
        var twilio = new QuickTwilio(port);
        await twilio.rest.StartAsync();
        return twilio;
    }

    /// <summary>Forgets the calls that were left under way. The process that served them has ended.</summary>
    public void Forget()
    {
        legs.Clear();
        rooms.Clear();
    }

    /// <summary>
    /// Plays one whole call: placed, ringing, answered, joined, left, ended. The tally gets the response time of every webhook.
    /// </summary>
    /// <param name="origin">The URL of the service.</param>
    /// <param name="tally">The counters.</param>
    /// <param name="due">The due time of the call, as a timestamp. The response time of its first webhook counts from it.</param>
    /// <param name="stay">Leaves the call under way.</param>
    public async Task PlayAsync(Uri origin, Tally tally, long due, bool stay = false)
    {
        var line = new Line(Guid.NewGuid().ToString("N"), Sid("CA"), Sid("CF"), due);
        lines[line.Bob] = line;
        try
        {
            var voice = origin.GetLeftPart(UriPartial.Authority) + "/twilio/voice";
            if (!line.Enter(await SendAsync(tally, line, Webhook.Voice, voice, Forms.Incoming(line))))
            {
                tally.Stuck();
                return;
            }

            await SendAsync(tally, line, Webhook.Conference, line.ConferenceUrl,
                Forms.Conference(line, "participant-join", line.Caller, "caller"));
            var callee = await line.WaitForAsync(line.Dialled, Patience);
            foreach (var status in new[] { "initiated", "ringing", "in-progress" })
                await SendAsync(tally, line, Webhook.Status, line.StatusUrl, Forms.Leg(callee, Number, line.Bob, status));
            await SendAsync(tally, line, Webhook.Join, line.AnswerUrl, Forms.Leg(callee, Number, line.Bob, "in-progress"));
            await SendAsync(tally, line, Webhook.Conference, line.ConferenceUrl, Forms.Conference(line, "conference-start"));
            rooms[line.Conference] = (line, callee);
            await SendAsync(tally, line, Webhook.Conference, line.ConferenceUrl,
                Forms.Conference(line, "participant-join", callee, "callee"));
            if (stay)
                return;
            await SendAsync(tally, line, Webhook.Conference, line.ConferenceUrl,
                Forms.Conference(line, "participant-leave", line.Caller, "caller"));
            await SendAsync(tally, line, Webhook.Left, line.LeftUrl, Forms.Leg(line.Caller, line.Alice, line.Bob, "completed"));
            await line.WaitForAsync(line.HungUp, Patience);
            await SendAsync(tally, line, Webhook.Conference, line.ConferenceUrl,
                Forms.Conference(line, "participant-leave", callee, "callee"));
            rooms.TryRemove(line.Conference, out _);
            await SendAsync(tally, line, Webhook.Conference, line.ConferenceUrl, Forms.Conference(line, "conference-end"));
            await SendAsync(tally, line, Webhook.Status, line.StatusUrl, Forms.Leg(callee, Number, line.Bob, "completed"));
        }
        catch (TimeoutException)
        {
            tally.Stuck();
        }
        finally
        {
            tally.Ended(line.Rings);
            lines.TryRemove(line.Bob, out _);
        }
    }

    public async ValueTask DisposeAsync()
    {
        http.Dispose();
        await rest.DisposeAsync();
    }

    /// <returns>The body of the answer; empty if the webhook failed.</returns>
    private async Task<string> SendAsync(Tally tally, Line line, Webhook kind, string url, List<KeyValuePair<string, string>> form)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, url) { Content = new FormUrlEncodedContent(form) };
        request.Headers.TryAddWithoutValidation("X-Twilio-Signature", Signer.Sign(Token, url, form));
        using var patience = new CancellationTokenSource(Patience);
        var (ok, body) = (false, "");
        try
        {
            using var response = await http.SendAsync(request, patience.Token);
            var content = await response.Content.ReadAsStringAsync(patience.Token);
            (ok, body) = response.IsSuccessStatusCode ? (true, content) : (false, "");
        }
        catch (Exception e) when (e is HttpRequestException or SocketException or IOException or OperationCanceledException)
        {
            // The webhook is counted as failed. The call goes on, as at Twilio.
        }

        var answered = TimeProvider.System.GetTimestamp();
        tally.Answered(kind, TimeProvider.System.GetElapsedTime(line.Due, answered), ok);
        line.Due = answered;
        return body;
    }

    private async Task<IResult> CreateAsync(HttpContext http)
    {
        var form = await http.Request.ReadFormAsync();
        await TakeTimeAsync();
        var sid = Sid("CA");
        // The address of an app has parameters.
        if (lines.TryGetValue(form["To"].ToString().Split('?')[0], out var line))
        {
            legs[sid] = line;
            line.Ring(sid, form["Url"].ToString(), form["StatusCallback"].ToString());
        }

        return Json($$"""{"sid":"{{sid}}","status":"queued","to":"{{form["To"]}}","from":"{{form["From"]}}","date_created":null}""", 201);
    }

    private async Task<IResult> UpdateAsync(HttpContext http, string sid)
    {
        await http.Request.ReadFormAsync();
        await TakeTimeAsync();
        if (legs.TryRemove(sid, out var line))
            line.HungUp.Happened(true);
        return Json($$"""{"sid":"{{sid}}","status":"completed","to":"","from":"","date_created":null}""");
    }

    /// <summary>The answer to the service's review of a call.</summary>
    private async Task<IResult> FetchConferenceAsync(string sid)
    {
        await TakeTimeAsync();
        return rooms.TryGetValue(sid, out var room)
            ? Json($$"""{"sid":"{{sid}}","friendly_name":"{{room.Line.Room}}","status":"in-progress"}""")
            : HasStoredCalls ? Json($$"""{"sid":"{{sid}}","friendly_name":"stored","status":"in-progress"}""")
            : Results.NotFound();
    }

    private async Task<IResult> ListParticipantsAsync(string sid)
    {
        await TakeTimeAsync();
        Interlocked.Increment(ref reviewed);
        return rooms.TryGetValue(sid, out var room) ? Participants(room.Line.Caller, room.Callee)
            : HasStoredCalls ? Participants("CA0000" + sid[6..], "CA0001" + sid[6..])
            : Results.NotFound();

        static IResult Participants(string caller, string callee) => Json($$"""
            {"participants":[{{Participant(caller, "caller")}},{{Participant(callee, "callee")}}],"next_page_uri":null}
            """);
    }

    private Task TakeTimeAsync()
    {
        Interlocked.Increment(ref requests);
        return Latency > TimeSpan.Zero ? Task.Delay(Latency) : Task.CompletedTask;
    }

    private static string Participant(string leg, string label) =>
        $$"""{"call_sid":"{{leg}}","label":"{{label}}","status":"connected","muted":false,"hold":false}""";

    private static IResult Json(string body, int status = 200) => Results.Text(body, "application/json", statusCode: status);

    private string Sid(string kind) => kind + Interlocked.Increment(ref sids).ToString("x32", CultureInfo.InvariantCulture);
}
