using System.Net;
using Calls.Integration.Tests.Redis;
using Calls.Sandbox;
using Calls.Sandbox.Demo;
using Calls.Sandbox.Twilio;

namespace Calls.Integration.Tests.EndToEnd;

/// <summary>Alice talks with two phones and puts both on hold (issue 16, 1). Both heard music for ever when Alice hung up.</summary>
public sealed class HeldPairTests(RedisFixture redis) : IAsyncLifetime
{
    private const string Session = "s-42";
    private const string Lawyer = "+15550100101";
    private const string Doctor = "+15550100102";
    private SandboxHost host = null!;

    private PhoneHandle Alice => host.Twilio.Client("alice");

    public async ValueTask InitializeAsync() => host = await SandboxHost.StartAsync(new SandboxOptions
    {
        RedisConnectionString = await redis.NewDatabaseAsync(),
        Settings = [new("Calls:ReviewInterval", "00:00:02")],
    });

    public ValueTask DisposeAsync() => host.DisposeAsync();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task When_the_holder_leaves_both_phones_are_taken_off_hold_also_if_every_webhook_is_lost(bool webhooksAreLost)
    {
        await TalkAsync();
        await HoldAsync("alice", true);
        await DocumentAsync(hold: true, heldBy: "caller");
        foreach (var kind in webhooksAreLost ? new[] { WebhookKind.CallStatus, WebhookKind.Conference, WebhookKind.DialAction } : [])
            host.Faults(new WebhookFault { Kind = kind, Drop = true });
        await Alice.HangUpAsync();
        await host.Twilio.WaitUntilAsync(cloud => cloud.Phone(Lawyer).TalksWith.Contains(Doctor), "the two phones hear each other");
        await DocumentAsync(hold: false, heldBy: null);
        (await host.Twilio.AskAsync(cloud => Guarantees.Broken(cloud, allCallsOver: false))).ShouldBeEmpty();
        await host.Twilio.Phone(Lawyer).HangUpAsync();
        await host.Twilio.Phone(Doctor).IsIdleAsync();
    }

    [Fact]
    public async Task A_hold_by_an_operator_ends_when_the_operator_ends_it()
    {
        await TalkAsync();
        await HoldAsync("supervisor", true, scope: "calls.operate");
        await DocumentAsync(hold: true, heldBy: "operator");
        await Alice.HangUpAsync();
        await host.EventuallyAsync(session => session.GetProperty("participants")[0].GetProperty("state").GetString() == "left");
        var document = await host.SessionAsync();
        document.GetProperty("state").GetString().ShouldBe("live");
        document.GetProperty("participants").EnumerateArray().Skip(1).ShouldAllBe(person => person.GetProperty("hold").GetBoolean());
        await HoldAsync("supervisor", false, scope: "calls.operate");
        await host.Twilio.WaitUntilAsync(cloud => cloud.Phone(Lawyer).TalksWith.Contains(Doctor), "the two phones hear each other");
    }

    [Fact]
    public async Task The_judge_sees_people_on_hold_whom_no_person_on_the_line_can_take_off_hold()
    {
        await TalkAsync();
        await HoldAsync("alice", true);
        await host.Twilio.WaitUntilAsync(cloud => cloud.Phone(Lawyer).IsOnHold && cloud.Phone(Doctor).IsOnHold, "both phones hear music");
        (await JudgedAsync()).ShouldBeEmpty("Alice is there and can end the hold");
        host.Twilio.Faults.Outage = true;
        await Alice.HangUpAsync();
        await host.Twilio.WaitUntilAsync(cloud => !cloud.Phone(Alice.Address).Legs[^1].IsLive, "Alice has left");
        (await JudgedAsync()).Count.ShouldBe(2, "each phone hears music");
        host.Twilio.Faults.Outage = false;
        await host.Twilio.WaitUntilAsync(
            cloud => cloud.Phone(Lawyer).TalksWith.Contains(Doctor), "the two phones hear each other", TimeSpan.FromSeconds(60));
        (await JudgedAsync()).ShouldBeEmpty();
    }

    private Task<IReadOnlyList<string>> JudgedAsync() => host.Twilio.AskAsync(cloud => Guarantees.Broken(cloud, allCallsOver: false));

    private async Task TalkAsync()
    {
        await Alice.CallAsync(Lawyer, Session);
        await host.Twilio.Phone(Lawyer).RingsAsync();
        await host.Twilio.Phone(Lawyer).AnswerAsync();
        await host.Twilio.Phone(Lawyer).TalksAsync();
        await host.AddAndTalkAsync(Doctor, Session);
    }

    private async Task HoldAsync(string by, bool hold, string? scope = null)
    {
        foreach (var person in (await host.SessionAsync()).GetProperty("participants").EnumerateArray().Skip(1))
            (await host.RestAsync(
                HttpMethod.Patch, $"/v1/sessions/{Session}/participants/{person.GetProperty("id").GetString()}", host.TokenFor(by, scope),
                $$"""{"hold": {{(hold ? "true" : "false")}}}""")).Status.ShouldBe(HttpStatusCode.Accepted);
    }

    private Task DocumentAsync(bool hold, string? heldBy) => host.EventuallyAsync(session =>
        session.GetProperty("participants").EnumerateArray().Skip(1).All(person =>
            person.GetProperty("hold").GetBoolean() == hold && person.GetProperty("heldBy").GetString() == heldBy));
}
