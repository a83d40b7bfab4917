using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using Calls.Sandbox.Twilio;

namespace Calls.Integration.Tests.Emulator;

/// <summary>An emulator, an app behind it, and a REST client with the account's credentials.</summary>
internal sealed class World : IAsyncDisposable
{
    public static readonly TimeSpan Soon = TimeSpan.FromSeconds(20);
    private readonly HttpMessageInvoker _http = new(new SocketsHttpHandler());

    private World(TwilioEmulator twilio, MiniApp app) => (Twilio, App) = (twilio, app);

    public TwilioEmulator Twilio { get; }

    public MiniApp App { get; }

    public string Account => "/2010-04-01/Accounts/" + Twilio.Options.AccountSid;

    public static Task<World> StartAsync() => StartAsync(new TwilioEmulatorOptions());

    public static async Task<World> StartAsync(TwilioEmulatorOptions options)
    {
        var app = await MiniApp.StartAsync();
        var twilio = await TwilioEmulator.StartAsync(options, cancellationToken: TestContext.Current.CancellationToken);
        twilio.Options.VoiceUrl = new(app.Url + "/voice");
        return new(twilio, app);
    }

    /// <summary>The TwiML of a room whose events go to /room.</summary>
    public string Room(string name, string attributes = "", string dial = "") =>
        $"""<Dial {dial}><Conference beep="false" waitUrl="" statusCallback="{App.Url}/room" """
        + $"""statusCallbackEvent="start end join leave mute hold modify" {attributes}>{name}</Conference></Dial><Hangup/>""";

    public Task<(int Status, JsonNode? Body, HttpResponseHeaders Headers)> GetAsync(string path) => SendAsync(HttpMethod.Get, path, null);

    public Task<(int Status, JsonNode? Body, HttpResponseHeaders Headers)> PostAsync(string path, Parameters form) =>
        SendAsync(HttpMethod.Post, path, form);

    public async Task<(int Status, JsonNode? Body, HttpResponseHeaders Headers)> SendAsync(
        HttpMethod method, string path, Parameters? form, string? password = null)
    {
        using var request = new HttpRequestMessage(
            method, new Uri(Twilio.ApiBaseUrl, path.StartsWith("/2010", StringComparison.Ordinal) ? path : Account + path));
        var basic = Encoding.UTF8.GetBytes($"{Twilio.Options.AccountSid}:{password ?? Twilio.Options.AuthToken}");
        request.Headers.Authorization = new("Basic", Convert.ToBase64String(basic));
        request.Content = form is null ? null : new StringContent(form.ToForm(), Encoding.UTF8, "application/x-www-form-urlencoded");
        using var response = await _http.SendAsync(request, TestContext.Current.CancellationToken);
        var body = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        return ((int)response.StatusCode, body.Length == 0 ? null : JsonNode.Parse(body), response.Headers);
    }

    /// <summary>Calls a client and gives the CallSid.</summary>
    public async Task<string> CallAsync(string to, Parameters? more = null)
    {
        var form = new Parameters { { "To", to }, { "From", "+15550001111" } };
        form.AddRange(more ?? new() { { "Url", App.Url + "/answer" } });
        var (status, body, _) = await PostAsync("/Calls.json", form);
        status.ShouldBe(201, body?.ToString());
        return body!["sid"]!.GetValue<string>();
    }

    /// <summary>Waits for a conference event to have been answered.</summary>
    public Task EventAsync(string name, int times = 1) =>
        Twilio.WaitUntilAsync(
            cloud => cloud.Journal.OfType<WebhookAnswered>().Count(entry => entry.Event == name) >= times, Soon, $"{times} x {name}");

    public async ValueTask DisposeAsync()
    {
        _http.Dispose();
        await Twilio.DisposeAsync();
        await App.DisposeAsync();
    }
}
