using Calls.Application.Ports;
using Calls.Domain;
using Calls.Integration.Tests.Redis;
using Calls.Sandbox;
using Calls.Sandbox.Twilio;
using Microsoft.Extensions.DependencyInjection;

namespace Calls.Integration.Tests.Gateway;

/// <summary>Every operation of the gateway against the emulated Twilio, over real HTTP: the two were written apart, each after Twilio's own
/// description.</summary>
public sealed class GatewayAndEmulatorTests(RedisFixture redis) : IAsyncLifetime
{
    private const string Lawyer = "+15550100101";

    private SandboxHost host = null!;

    private IVoiceGateway Gateway => host.Services.GetRequiredService<IVoiceGateway>();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() =>
        host = await SandboxHost.StartAsync(new SandboxOptions { RedisConnectionString = await redis.NewDatabaseAsync() });

    public ValueTask DisposeAsync() => host.DisposeAsync();

    [Fact]
    public async Task Each_operation_does_at_the_emulated_Twilio_what_it_says()
    {
        var (alice, bob) = (host.Twilio.Client("alice"), host.Twilio.Client("bob"));
        await bob.BehaveAsync(PhoneBehaviour.Answer);
        var leg = await alice.CallAsync("bob", "s-42");
        await bob.TalksAsync();
        // From here on the service hears of nothing: it would hang up a leg that nobody has asked it for.
        host.Twilio.Faults.Add(new WebhookFault { Kind = WebhookKind.CallStatus, Drop = true });
        host.Twilio.Faults.Add(new WebhookFault { Kind = WebhookKind.Conference, Drop = true });
        host.Twilio.Faults.Add(new WebhookFault { Kind = WebhookKind.DialAction, Drop = true });
        CallSid.TryParse(leg.Sid, out var caller).ShouldBeTrue();
        var callee = (await bob.LookAsync()).Current!.Sid;

        var calls = Value(await Gateway.ListCallsAsync(
            "client:bob?SessionID=s-42&CallerIdentity=alice", "client:alice", TimeProvider.System.GetUtcNow().AddMinutes(-1), Token));
        calls.ShouldHaveSingleItem().Sid.Value.ShouldBe(callee);
        Value(await Gateway.FetchCallAsync(caller!, Token)).Status.ShouldBe(LegStatus.InProgress);

        var room = (await host.Twilio.AskAsync(cloud => cloud.Conferences.Single().FriendlyName));
        var conference = Value(await Gateway.ListConferencesAsync(room, Token)).ShouldHaveSingleItem();
        conference.Completed.ShouldBeFalse();
        Value(await Gateway.FetchConferenceAsync(conference.Sid, Token)).FriendlyName.ShouldBe(room);

        SessionId.TryParse("s-42", out var session).ShouldBeTrue();
        ParticipantId.TryParse("guest-lawyer", out var guest).ShouldBeTrue();
        PhoneNumber.TryParse(Lawyer, out var number).ShouldBeTrue();
        var outbound = new OutboundParticipant(
            session!, "nonce", guest!, new Party.Phone(number!), null, conference.Sid, TimeSpan.FromSeconds(30));
        var added = Value(await Gateway.CreateParticipantAsync(outbound, Token));
        Refused(await Gateway.CreateParticipantAsync(outbound, Token)).ShouldBe(Refusal.LabelInUse);
        await host.Twilio.Phone(Lawyer).RingsAsync();
        Value(await Gateway.FetchParticipantAsync(conference.Sid, guest!, Token)).Connected.ShouldBeFalse("it rings still");
        await host.Twilio.Phone(Lawyer).AnswerAsync();
        await host.Twilio.Phone(Lawyer).TalksAsync();
        Value(await Gateway.ListParticipantsAsync(conference.Sid, Token)).Count(p => p.Connected).ShouldBe(3);
        Value(await Gateway.UpdateParticipantAsync(conference.Sid, added, muted: true, hold: null, ringback: false, Token)).Muted
            .ShouldBeTrue();
        Value(await Gateway.CompleteCallAsync(added, Token));
        await host.Twilio.Phone(Lawyer).IsIdleAsync();
        Refused(await Gateway.UpdateParticipantAsync(conference.Sid, added, muted: false, hold: null, ringback: false, Token))
            .ShouldBe(Refusal.NotFound);

        Value(await Gateway.CompleteCallAsync(calls[0].Sid, Token));
        await bob.IsIdleAsync();
        Value(await Gateway.CompleteCallAsync(caller!, Token));
        await host.Twilio.Client("alice").IsIdleAsync();
        Refused(await Gateway.CompleteCallAsync(caller!, Token)).ShouldBe(Refusal.AlreadyOver);
        Refused(await Gateway.CreateParticipantAsync(outbound, Token)).ShouldBe(Refusal.AlreadyOver);
    }

    [Fact]
    public async Task A_created_call_rings_and_is_completed_in_any_state()
    {
        SessionId.TryParse("s-43", out var session).ShouldBeTrue();
        ClientIdentity.TryParse("alice", out var alice).ShouldBeTrue();
        PhoneNumber.TryParse(Lawyer, out var number).ShouldBeTrue();
        var sid = Value(await Gateway.CreateCallAsync(new Calls.Application.Ports.OutboundCall(session!, "nonce", ParticipantId.Callee,
            new Party.Phone(number!), new Party.Client(alice!), TimeSpan.FromSeconds(30)), Token));
        await host.Twilio.Phone(Lawyer).RingsAsync();
        Value(await Gateway.FetchCallAsync(sid, Token)).Status.ShouldBe(LegStatus.Ringing);
        Value(await Gateway.CompleteCallAsync(sid, Token));
        await host.Twilio.Phone(Lawyer).IsIdleAsync();
    }

    private static T Value<T>(GatewayOutcome<T> outcome) => outcome.ShouldBeOfType<GatewayOutcome<T>.Accepted>().Value;

    private static Refusal Refused<T>(GatewayOutcome<T> outcome) => outcome.ShouldBeOfType<GatewayOutcome<T>.Refused>().Meaning;
}
