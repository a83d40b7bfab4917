using System.Globalization;
using System.Net;
using Calls.Integration.Tests.EndToEnd;
using Calls.Integration.Tests.Redis;
using Calls.Sandbox;

namespace Calls.Integration.Tests.Webhooks;

/// <summary>Webhooks that are signed, and nonsense: Twilio's next version, or whoever has the token.</summary>
public sealed class FuzzedWebhookTests(RedisFixture redis)
{
    private const int Requests = 600;
    private const long MostMemory = 64 * 1024 * 1024;

    private static readonly string[] Paths =
    [
        "/twilio/voice", "/twilio/sessions/{0}/join/{1}", "/twilio/sessions/{0}/conference", "/twilio/sessions/{0}/calls/{1}", "/twilio/sessions/{0}/left/{1}",
        "/twilio/wait", "/makeCall", "/joinConf/{0}", "/leave", "/completeCall/{0}",
    ];

    private static readonly string[] Keys =
        ["CallSid", "ConferenceSid", "From", "To", "SessionID", "StatusCallbackEvent", "CallStatus", "FriendlyName", "ParticipantLabel", "SequenceNumber", "Muted", "Hold", "SipResponseCode", "Unheard"];

    private static readonly string[] Values =
    [
        "", "CA00000000000000000000000000000001", "CF00000000000000000000000000000001", "client:alice", "client:", "bob", "+15550100101", "+", "participant-join", "participant-leave", "conference-end",
        "completed", "ringing", "fuzz.", ".", "-1", "99999999999999999999", "true", "\0", "%00", "\ud83d\ude00", "‮", "<Hangup/>", "../../..", "'; --", "{\"a\":1}",
    ];

    [Theory]
    [InlineData(1)]
    [InlineData(20261123)]
    public async Task Whatever_is_signed_is_answered_without_a_server_error_and_within_bounds(int seed)
    {
        await using var host = await SandboxHost.StartAsync(new SandboxOptions { RedisConnectionString = await redis.NewDatabaseAsync() });
        var random = new Random(seed);
        var before = GC.GetTotalMemory(forceFullCollection: true);
        var answers = new List<HttpStatusCode>();
        for (var i = 0; i < Requests; i++)
        {
            var path = string.Format(CultureInfo.InvariantCulture, Pick(random, Paths), Segment(random), Segment(random));
            var form = Enumerable.Range(0, random.Next(8)).Select(_ => (Pick(random, Keys), Text(random))).ToArray();
            var (status, body) = await host.SignedAsync(path, form);
            ((int)status).ShouldBeLessThan(500, $"{path} {string.Join(' ', form)}: {body}");
            answers.Add(status);
        }

        answers.ShouldContain(HttpStatusCode.OK);
        answers.ShouldContain(HttpStatusCode.NoContent);
        (GC.GetTotalMemory(forceFullCollection: true) - before).ShouldBeLessThan(MostMemory);
        (await host.SignedAsync("/twilio/wait")).Status.ShouldBe(HttpStatusCode.OK, "it serves as before");
    }

    private static string Segment(Random random) => random.Next(3) switch
    {
        0 => "fuzz",
        1 => "callee",
        _ => Uri.EscapeDataString(Pick(random, Values) is { Length: > 0 } text && text.All(char.IsAscii) && !text.Contains('\0', StringComparison.Ordinal) && !text.Contains('/', StringComparison.Ordinal) && !text.Contains('.', StringComparison.Ordinal) ? text : "x"),
    };

    private static string Text(Random random) => random.Next(12) == 0 ? new string((char)random.Next(' ', 'z'), random.Next(8_000)) : Pick(random, Values);

    private static string Pick(Random random, string[] from) => from[random.Next(from.Length)];
}
