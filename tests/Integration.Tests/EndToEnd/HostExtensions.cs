using System.Net;
using System.Text.Json;
using Calls.Sandbox;
using Calls.Sandbox.Twilio;

namespace Calls.Integration.Tests.EndToEnd;

internal static class HostExtensions
{
    private static readonly HttpMessageInvoker Http = new(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false });

    /// <summary>The document of a call, as a person on the call gets it.</summary>
    public static async Task<JsonElement> SessionAsync(this SandboxHost host, string session = "s-42", string identity = "alice")
    {
        var (status, body) = await host.RestAsync(HttpMethod.Get, $"/v1/sessions/{session}", host.TokenFor(identity));
        status.ShouldBe(HttpStatusCode.OK, body);
        return JsonDocument.Parse(body).RootElement;
    }

    /// <summary>Waits until the document of a call meets a condition. The call can begin meanwhile.</summary>
    public static Task EventuallyAsync(
        this SandboxHost host, Func<JsonElement, bool> condition, string session = "s-42", string identity = "alice")
    {
        var last = "";
        return Eventually.TrueAsync(
            async () =>
            {
                (var status, last) = await host.RestAsync(HttpMethod.Get, $"/v1/sessions/{session}", host.TokenFor(identity));
                return status == HttpStatusCode.OK && condition(JsonDocument.Parse(last).RootElement);
            },
            () => Task.FromResult(last));
    }

    /// <summary>Waits until a participant of a call is in a state.</summary>
    public static Task StateAsync(
        this SandboxHost host, int participant, string state, string session = "s-42", string identity = "alice") => host.EventuallyAsync(
        document => document.GetProperty("participants") is var people && people.GetArrayLength() > participant
            && people[participant].GetProperty("state").GetString() == state,
        session, identity);

    /// <summary>Waits until the document of a call says that every participant is connected.</summary>
    public static Task AllConnectedAsync(this SandboxHost host, string session = "s-42", string identity = "alice") => host.EventuallyAsync(
        document => document.GetProperty("state").GetString() == "live"
            && document.GetProperty("participants").EnumerateArray().All(p => p.GetProperty("state").GetString() == "connected"),
        session, identity);

    /// <summary>Waits until Alice has heard a sound, also if it is over.</summary>
    public static Task HearsAsync(this SandboxHost host, string sound) => host.Twilio.WaitUntilAsync(
        cloud => cloud.Phone("client:alice").Heard.Any(heard => heard.EndsWith(sound, StringComparison.Ordinal)),
        $"the caller hears {sound}", TimeSpan.FromSeconds(30));

    /// <summary>Alice calls Bob. They talk, and the document says so.</summary>
    public static async Task TalkAsync(this SandboxHost host, string session = "s-42")
    {
        await host.Twilio.Client("alice").CallAsync("bob", session);
        await host.Twilio.Client("bob").RingsAsync();
        await host.Twilio.Client("bob").AnswerAsync();
        await host.Twilio.Client("bob").TalksAsync();
        await host.AllConnectedAsync(session);
    }

    /// <summary>Alice adds a phone to a call in which all are connected. The phone answers and talks, and the document says so.</summary>
    public static async Task AddAndTalkAsync(this SandboxHost host, string phone, string session = "s-42")
    {
        (await host.AddPhoneAsync(session, "alice", phone)).Status.ShouldBe(HttpStatusCode.Created);
        await host.Twilio.Phone(phone).RingsAsync();
        await host.Twilio.Phone(phone).AnswerAsync();
        await host.Twilio.Phone(phone).TalksAsync();
        await host.AllConnectedAsync(session);
    }

    public static void Faults(this SandboxHost host, WebhookFault fault) => host.Twilio.Faults.Add(fault);

    /// <summary>A POST as Twilio would sign it.</summary>
    public static Task<(HttpStatusCode Status, string Body)> SignedAsync(
        this SandboxHost host, string path, params (string Key, string Value)[] form)
    {
        var url = new Uri(host.Address, path);
        var fields = form.Select(f => KeyValuePair.Create(f.Key, f.Value)).ToList();
        return SendAsync(
            HttpMethod.Post, url, Signer.Sign(host.Twilio.Options.AuthToken, url.AbsoluteUri, fields), new FormUrlEncodedContent(fields));
    }

    public static async Task<(HttpStatusCode Status, string Body)> SendAsync(
        HttpMethod method, Uri url, string? signature, HttpContent? content = null, string? host = null, string? settings = null)
    {
        using var request = new HttpRequestMessage(method, url) { Content = content };
        if (signature is not null)
            request.Headers.TryAddWithoutValidation("X-Twilio-Signature", signature);
        if (settings is not null)
            request.Headers.TryAddWithoutValidation("X-Twilio-Webhooks-Signature-Settings", settings);
        if (host is not null)
            request.Headers.Host = host;
        using var response = await Http.SendAsync(request, TestContext.Current.CancellationToken);
        return (response.StatusCode, await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }
}
