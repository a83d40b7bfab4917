// The floor: the least code that carries a two-party call. The service's webhooks, the same signature check, two Redis round trips and the
// same requests to Twilio; no mediator, no telemetry, no outbox, no validation, and no guarantee. The voice webhook dials, waits for
// Twilio, and answers.
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using StackExchange.Redis;

const string Save = """
    if (redis.call('HGET', KEYS[1], 'etag') or '') ~= ARGV[1] then return 0 end
    redis.call('HSET', KEYS[1], 'etag', ARGV[2], 'data', ARGV[3])
    redis.call('PEXPIRE', KEYS[1], 86400000)
    return 1
    """;

var builder = WebApplication.CreateSlimBuilder(args);
builder.Logging.SetMinimumLevel(LogLevel.Warning);
var app = builder.Build();
string Setting(string key) => app.Configuration[key] ?? throw new InvalidOperationException(key + " is missing");
var (origin, account, number) = (Setting("PublicBaseUrl"), Setting("Twilio:Client:AccountSid"), Setting("Twilio:Voice:CallerId"));
var token = Setting("Twilio:AuthToken");
var redis = (await ConnectionMultiplexer.ConnectAsync(Setting("ConnectionStrings:Redis"))).GetDatabase();
using var twilio = new HttpMessageInvoker(new SocketsHttpHandler());
var calls = $"{Setting("Twilio:Client:ApiBaseUrl")}/2010-04-01/Accounts/{account}/Calls";
var basic = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.ASCII.GetBytes($"{account}:{token}")));
var key = Encoding.UTF8.GetBytes(token);
RedisValue[] fields = ["etag", "data"];

app.MapGet("/healthz/ready", () => "ok");
app.MapPost("/twilio/voice", (Delegate)((HttpContext http) => SignedAsync(http, async form =>
{
    var (id, callee) = (form["SessionID"].ToString(), form["To"].ToString());
    await ChangeAsync(id, call => call with { Caller = form["CallSid"], On = 1 });
    using var answer = JsonDocument.Parse(await PostAsync(calls + ".json",
        new("To", "client:" + callee), new("From", number), new("Timeout", "30"), new("Method", "POST"),
        new("Url", $"{origin}/twilio/sessions/{id}/join/callee"),
        new("StatusCallback", $"{origin}/twilio/sessions/{id}/calls/callee"), new("StatusCallbackMethod", "POST"),
        new("StatusCallbackEvent", "initiated"), new("StatusCallbackEvent", "ringing"), new("StatusCallbackEvent", "answered"),
            new("StatusCallbackEvent", "completed")));
    return Room(id, "caller");
})));
app.MapPost("/twilio/sessions/{id}/join/callee", (HttpContext http, string id) => SignedAsync(http, async form =>
{
    var call = await ChangeAsync(id, call => call with { Callee = form["CallSid"], On = call.On + 1 });
    return call.Over ? Xml("<Hangup/>") : Room(id, "callee");
}));
app.MapPost("/twilio/sessions/{id}/calls/callee", (HttpContext http, string id) => SignedAsync(http, async form =>
{
    await ChangeAsync(id, call => call with { Status = form["CallStatus"] });
    return Results.NoContent();
}));
app.MapPost("/twilio/sessions/{id}/conference", (HttpContext http, string id) => SignedAsync(http, async form =>
{
    var leaves = form["StatusCallbackEvent"] == "participant-leave";
    var call = await ChangeAsync(id, call => leaves
        ? call with { On = call.On - 1, Over = true } : call with { Conference = form["ConferenceSid"] });
    if (leaves && call.On == 1)
        await PostAsync($"{calls}/{(form["CallSid"] == call.Caller ? call.Callee : call.Caller)}.json",
            new KeyValuePair<string, string?>("Status", "completed"));
    return Results.NoContent();
}));
app.MapPost("/twilio/sessions/{id}/left/{who}", (HttpContext http, string id) => SignedAsync(http, async _ =>
{
    await ChangeAsync(id, call => call with { Left = call.Left + 1 });
    return Xml("<Hangup/>");
}));
await app.RunAsync();

async Task<IResult> SignedAsync(HttpContext http, Func<IFormCollection, Task<IResult>> then)
{
    var form = await http.Request.ReadFormAsync();
    var (url, signature) = (origin + http.Request.Path + http.Request.QueryString, http.Request.Headers["X-Twilio-Signature"].ToString());
    return IsSigned(url, form, signature) || IsSigned(WithoutPort(url), form, signature) ? await then(form) : Results.StatusCode(403);
}

bool IsSigned(string url, IFormCollection form, string signature)
{
    var signed = new StringBuilder(url);
    foreach (var (name, value) in form.OrderBy(field => field.Key, StringComparer.Ordinal))
        signed.Append(name).Append(value);
    var expected = Convert.ToBase64String(HMACSHA1.HashData(key, Encoding.UTF8.GetBytes(signed.ToString())));
    return CryptographicOperations.FixedTimeEquals(Encoding.ASCII.GetBytes(expected), Encoding.ASCII.GetBytes(signature));
}

async Task<Call> ChangeAsync(string id, Func<Call, Call> change)
{
    while (true)
    {
        RedisKey session = "floor:" + id;
        var stored = await redis.HashGetAsync(session, fields);
        var call = stored[1].IsNull ? new Call() : JsonSerializer.Deserialize(((ReadOnlyMemory<byte>)stored[1]).Span,
            FloorJson.Default.Call)!;
        var changed = change(call);
        RedisValue[] values = [stored[0].IsNull ? "" : stored[0], Guid.NewGuid().ToString("N"),
            JsonSerializer.SerializeToUtf8Bytes(changed, FloorJson.Default.Call)];
        if ((int)await redis.ScriptEvaluateAsync(Save, [session], values) == 1)
            return changed;
    }
}

async Task<string> PostAsync(string url, params KeyValuePair<string, string?>[] form)
{
    using var request = new HttpRequestMessage(HttpMethod.Post, url) { Content = new FormUrlEncodedContent(form) };
    request.Headers.Authorization = basic;
    using var response = await twilio.SendAsync(request, CancellationToken.None);
    return await response.EnsureSuccessStatusCode().Content.ReadAsStringAsync();
}

IResult Room(string id, string who) => Xml(
    $"<Dial action=\"{origin}/twilio/sessions/{id}/left/{who}\" method=\"POST\"><Conference beep=\"false\" participantLabel=\"{who}\" "
        + $"statusCallback=\"{origin}/twilio/sessions/{id}/conference\" " +
    $"statusCallbackMethod=\"POST\" statusCallbackEvent=\"start end join leave mute hold\" waitUrl=\"\">{id}</Conference></Dial><Hangup/>");

static IResult Xml(string verbs) =>
    Results.Text("<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response>" + verbs + "</Response>", "text/xml", Encoding.UTF8);

static string WithoutPort(string url) => new UriBuilder(url) { Port = -1 }.Uri.AbsoluteUri;

/// <summary>All that the floor knows of a call.</summary>
internal sealed record Call(string? Caller = null, string? Callee = null, string? Conference = null, string? Status = null, int On = 0,
    int Left = 0, bool Over = false);

[JsonSerializable(typeof(Call))]
internal sealed partial class FloorJson : JsonSerializerContext;
