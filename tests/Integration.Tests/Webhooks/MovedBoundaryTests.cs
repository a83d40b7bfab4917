using System.Net;
using System.Text.Json;
using Calls.Integration.Tests.EndToEnd;
using Calls.Integration.Tests.Redis;
using Calls.Sandbox;
using Calls.Sandbox.Twilio;

namespace Calls.Integration.Tests.Webhooks;

/// <summary>Twilio signs the URL and the parameters as one string without a separator. A client that holds a signed request can move the
/// boundary between the two, and the signature stays valid. No such request changes a call or rings a phone.</summary>
public sealed class MovedBoundaryTests(RedisFixture redis) : IAsyncLifetime
{
    private const string Session = "s-42";

    private SandboxHost host = null!;

    public async ValueTask InitializeAsync() => host = await SandboxHost.StartAsync(new SandboxOptions
    {
        RedisConnectionString = await redis.NewDatabaseAsync(),
        Settings = [new("Calls:Limits:UnsignedPerMinute", "1000000"), new("Calls:ReviewInterval", "01:00:00")],
    });

    public ValueTask DisposeAsync() => host.DisposeAsync();

    [Fact]
    public async Task A_moved_boundary_changes_no_live_call_and_rings_no_phone()
    {
        await TalkAsync();
        var sent = KindsSent();
        sent.Select(request => request.Webhook).Distinct().ShouldBe(
            [WebhookKind.Voice, WebhookKind.Answer, WebhookKind.Conference, WebhookKind.CallStatus, WebhookKind.Wait], ignoreOrder: true);
        // A hold while Redis is away makes Twilio ask for this URL. A Twilio that repeats the app's parameters is the harder case.
        var voice = sent.Single(request => request.Webhook == WebhookKind.Voice);
        var callee = System.Buffers.Text.Base64Url.EncodeToString("client:bob"u8);
        var again = new Uri(host.Address,
            $"/twilio/sessions/{Session}/callees/{callee}/retries/1/voice?trace=00-{new string('a', 32)}-{new string('b', 16)}-01");
        await ReplayMovedAsync([.. sent, voice with { Url = again.AbsoluteUri }]);
    }

    [Fact]
    public async Task A_moved_boundary_changes_no_ended_call_and_rings_no_phone()
    {
        await TalkAsync();
        await host.Twilio.Client("alice").HangUpAsync();
        await host.Twilio.Client("bob").IsIdleAsync();
        await AllAnsweredAsync();
        var sent = KindsSent();
        sent.Select(request => request.Webhook).ShouldContain(WebhookKind.DialAction);
        sent.Select(request => request.Event).ShouldContain("participant-leave");
        await ReplayMovedAsync(sent);
    }

    private async Task ReplayMovedAsync(IReadOnlyList<WebhookSent> requests)
    {
        var before = await StateAsync();
        var accepted = 0;
        foreach (var request in requests)
        {
            var signature = Signer.Sign(host.Twilio.Options.AuthToken, request.Url, request.Method == "POST" ? request.Parameters : []);
            foreach (var (url, form) in Moved(request))
            {
                var content = new FormUrlEncodedContent(form);
                var (status, _) = await HostExtensions.SendAsync(HttpMethod.Post, new Uri(url), signature, content);
                accepted += status is HttpStatusCode.OK or HttpStatusCode.NoContent ? 1 : 0;
            }
        }

        accepted.ShouldBeGreaterThan(50, "the signatures of requests with a moved boundary are valid, so the test does test something");
        (await StateAsync()).ShouldBe(before);
    }

    /// <summary>The same signed string, cut at every other position behind the origin. The first name begins with the moved characters, or
    /// loses its first characters to the URL.</summary>
    private static IEnumerable<(string Url, IReadOnlyList<KeyValuePair<string, string>> Form)> Moved(WebhookSent request)
    {
        List<KeyValuePair<string, string>> pairs = request.Method == "POST"
            ? [.. request.Parameters.OrderBy(pair => pair.Key, StringComparer.Ordinal)]
            : [];
        var origin = new Uri(request.Url).GetLeftPart(UriPartial.Authority).Length + 1;
        for (var cut = origin; cut < request.Url.Length; cut++)
        {
            var moved = request.Url[cut..];
            yield return (
                request.Url[..cut], pairs is [var first, .. var rest] ? [new(moved + first.Key, first.Value), .. rest] : [new(moved, "")]);
        }

        var taken = "";
        for (var i = 0; i < pairs.Count; i++)
        {
            var (key, value) = pairs[i];
            for (var cut = 1; cut <= key.Length + value.Length; cut++)
            {
                var url = request.Url + InUrl(taken + (key + value)[..cut]);
                KeyValuePair<string, string> left = cut < key.Length ? new(key[cut..], value) : new((key + value)[cut..], "");
                yield return (url, left.Key.Length == 0 ? pairs[(i + 1)..] : [left, .. pairs[(i + 1)..]]);
            }

            taken += key + value;
        }
    }

    /// <summary>Characters that a URL can carry stay as they are, because Twilio signs the URL as it is sent.</summary>
    private static string InUrl(string text) =>
        string.Concat(text.Select(c => c is > ' ' and <= '~' && !"\"#%<>\\^`{|}".Contains(c) ? $"{c}" : Uri.HexEscape(c)));

    private async Task TalkAsync()
    {
        await host.TalkAsync(Session);
        await AllAnsweredAsync();
    }

    private Task AllAnsweredAsync() => host.Twilio.WaitUntilAsync(
        cloud =>
            cloud.Journal.OfType<WebhookSent>().Count == cloud.Journal.OfType<WebhookAnswered>().Count, "every webhook has its answer");

    /// <summary>The last webhook of each kind and event.</summary>
    private List<WebhookSent> KindsSent() =>
        [.. host.Twilio.Journal.OfType<WebhookSent>().GroupBy(sent => (sent.Webhook, sent.Event)).Select(kind => kind.Last())];

    /// <summary>The calls as the operator sees them, the rings of every phone, and the number of requests that Twilio got.</summary>
    private async Task<string> StateAsync()
    {
        var (_, call) = await host.RestAsync(HttpMethod.Get, "/v1/sessions/" + Session, host.TokenFor("operator", "calls.operate"));
        var (_, live) = await host.RestAsync(HttpMethod.Get, "/v1/sessions?state=live", host.TokenFor("operator", "calls.operate"));
        var phones = await host.Twilio.AskAsync(
            cloud => string.Join(' ', cloud.Phones.Select(phone => $"{phone.Address} {phone.Rings} {phone.State}")));
        var asked = host.Twilio.Journal.OfType<RestRequested>().Count;
        return $"{JsonDocument.Parse(call).RootElement}\n{JsonDocument.Parse(live).RootElement}\n{phones}\n{asked}";
    }
}
