using System.Text.Json;
using Calls.Application.Ports;
using Calls.Integration.Tests.Redis;
using Calls.Sandbox;
using Calls.Sandbox.Twilio;
using Microsoft.Extensions.DependencyInjection;

namespace Calls.Integration.Tests.EndToEnd;

/// <summary>A dial that is looked up in Twilio's call list never gets the leg of another call between the same addresses.</summary>
public sealed class LookedUpDialsTests(RedisFixture redis)
{
    private const string Doctor = "+15550100101";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    [Fact]
    public async Task A_dial_that_Twilio_did_not_get_does_not_take_the_leg_of_another_caller_to_the_same_phone()
    {
        await using var host = await StartAsync();
        var (alice, carol, doctor) = (host.Twilio.Client("alice"), host.Twilio.Client("carol"), host.Twilio.Phone(Doctor));
        await doctor.BehaveAsync(PhoneBehaviour.Answer);
        await alice.CallAsync(Doctor, "s-1");
        await doctor.TalksAsync();
        host.Twilio.Faults.Add(new RestFault { Operation = RestOperation.CreateCall, Kind = RestFaultKind.Cut, Times = 1 });
        await carol.CallAsync(Doctor, "s-2");
        await LookedUpAsync(host);
        await carol.IsIdleAsync(Patience);
        await EndedAsync(host, "s-2", "carol");
        doctor.TalksWith.ShouldBe(["client:alice"]);
        doctor.Rings.ShouldBe(1);
        (await host.Twilio.AskAsync(cloud => Asked(cloud, RestOperation.UpdateCall).Count(request => request.Path.Contains(
            doctor.Current!.Sid, StringComparison.Ordinal)))).ShouldBe(0, "the leg of the other call is not hung up");
        (await StateAsync(host, "s-2", "carol")).ShouldBe("unreachable");
    }

    [Fact]
    public async Task A_dial_that_Twilio_got_is_found_although_another_caller_has_called_the_same_phone()
    {
        await using var host = await StartAsync();
        var (alice, carol, doctor) = (host.Twilio.Client("alice"), host.Twilio.Client("carol"), host.Twilio.Phone(Doctor));
        await doctor.BehaveAsync(PhoneBehaviour.Answer);
        await alice.CallAsync(Doctor, "s-1");
        await doctor.TalksAsync();
        // Not even its own callbacks name the second leg.
        await doctor.BehaveAsync(PhoneBehaviour.LetRing);
        host.Faults(new WebhookFault { Kind = WebhookKind.CallStatus, UrlContains = "/s-2/", Drop = true });
        host.Twilio.Faults.Add(new RestFault { Operation = RestOperation.CreateCall, Kind = RestFaultKind.CutAfterActing, Times = 1 });
        await carol.CallAsync(Doctor, "s-2");
        await LookedUpAsync(host);
        await Eventually.TrueAsync(async () => await StateAsync(host, "s-2", "carol") is "queued" or "ringing");
        await carol.HangUpAsync();
        await host.Twilio.WaitUntilAsync(cloud => cloud.RingingLegs().Count == 0, "the second leg is hung up", Patience);
        doctor.TalksWith.ShouldBe(["client:alice"]);
    }

    [Theory]
    [InlineData("s-1", "s-2")]
    [InlineData("s-1", "s-1")]
    public async Task While_Redis_is_suspect_a_second_call_between_the_same_two_people_rings(string first, string second)
    {
        await using var host = await StartAsync(services => services.AddSingleton<IStoreMemory, Suspect>());
        var (alice, bob) = (host.Twilio.Client("alice"), host.Twilio.Client("bob"));
        await alice.CallAsync("bob", first);
        await bob.RingsAsync();
        await alice.HangUpAsync();
        await bob.IsIdleAsync();
        await EndedAsync(host, first, "alice");
        await alice.CallAsync("bob", second);
        await bob.RingsAsync();
        bob.Rings.ShouldBe(2);
        await bob.AnswerAsync();
        await bob.TalksAsync();
    }

    private async Task<SandboxHost> StartAsync(Action<IServiceCollection>? configure = null) =>
        await SandboxHost.StartAsync(new SandboxOptions
        {
            RedisConnectionString = await redis.NewDatabaseAsync(),
            Configure = builder => configure?.Invoke(builder.Services),
        });

    private static Task LookedUpAsync(SandboxHost host) =>
        host.Twilio.WaitUntilAsync(cloud => Asked(cloud, RestOperation.ListCalls).Any(), "the dial is looked up", Patience);

    private static IEnumerable<RestRequested> Asked(TwilioCloud cloud, RestOperation operation) =>
        cloud.Journal.OfType<RestRequested>().Where(request => request.Operation == operation);

    private static Task EndedAsync(SandboxHost host, string session, string caller) => Eventually.TrueAsync(
        async () => (await SessionAsync(host, session, caller)).GetProperty("state").GetString() == "ended");

    /// <summary>The state of the callee, or the reason why the callee has left.</summary>
    private static async Task<string?> StateAsync(SandboxHost host, string session, string caller)
    {
        var callee = (await SessionAsync(host, session, caller)).GetProperty("participants")[1];
        return callee.GetProperty("reason").GetString() ?? callee.GetProperty("state").GetString();
    }

    private static async Task<JsonElement> SessionAsync(SandboxHost host, string session, string caller)
    {
        var (_, body) = await host.RestAsync(HttpMethod.Get, $"/v1/sessions/{session}", host.TokenFor(caller));
        return JsonDocument.Parse(body).RootElement;
    }

    private sealed class Suspect : IStoreMemory
    {
        public TimeSpan? SuspectFor => TimeSpan.FromSeconds(30);
    }
}
