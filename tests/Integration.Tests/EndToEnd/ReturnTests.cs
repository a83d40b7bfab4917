using System.Net;
using Calls.Domain;
using Calls.Infrastructure.Redis;
using Calls.Integration.Tests.Redis;
using Calls.Sandbox;
using Calls.Sandbox.Demo;
using Calls.Sandbox.Twilio;
using Microsoft.Extensions.DependencyInjection;
using StackExchange.Redis;

namespace Calls.Integration.Tests.EndToEnd;

/// <summary>A person whose line has dropped calls again with the same session id (issue 16, 3). The person heard "session is in use".
/// </summary>
public sealed class ReturnTests(RedisFixture redis)
{
    private const string Session = "s-42";
    private const string Lawyer = "+15550100101";
    private const string InUse = "\"This call cannot be placed, because its session is in use.\"";

    [Theory]
    [InlineData("alice", "bob", 0)]
    [InlineData("bob", "alice", 1)]
    public async Task A_person_whom_Twilio_still_holds_comes_back_and_the_old_leg_is_hung_up(string person, string other, int participant)
    {
        await using var host = await StartAsync(noticedAfter: TimeSpan.FromMinutes(5));
        await host.TalkAsync(Session);
        var phone = host.Twilio.Client(person);
        var old = phone.Current!;
        await phone.DropAsync();
        old.Ended.ShouldBeFalse("Twilio has not noticed it");
        await phone.CallAsync(other, Session);
        await phone.WaitUntilTalkingWithAsync(TimeSpan.FromSeconds(10), host.Twilio.Client(other));
        await host.Twilio.WaitUntilAsync(_ => old.Ended, "the old leg has ended");
        await host.StateAsync(participant, "connected");
        var people = (await host.SessionAsync()).GetProperty("participants");
        people.GetArrayLength().ShouldBe(2);
        host.Twilio.Client("bob").Rings.ShouldBe(1, "no phone rings again");
        await host.Twilio.Client(other).HangUpAsync();
        await phone.IsIdleAsync();
        (await host.Twilio.AskAsync(cloud => Guarantees.Broken(cloud))).ShouldBeEmpty();
    }

    [Fact]
    public async Task The_voice_webhooks_of_both_legs_can_be_repeated_and_the_new_leg_places_no_other_call()
    {
        await using var host = await StartAsync(noticedAfter: TimeSpan.FromMinutes(5));
        await host.TalkAsync(Session);
        var (alice, bob) = (host.Twilio.Client("alice"), host.Twilio.Client("bob"));
        await alice.DropAsync();
        var back = await alice.CallAsync("bob", Session);
        await alice.WaitUntilTalkingWithAsync(TimeSpan.FromSeconds(10), bob);
        var sent = host.Twilio.Journal.Entries.OfType<WebhookSent>().Where(entry => entry.Webhook == WebhookKind.Voice).ToList();
        sent.Count.ShouldBe(2);
        (await ReplayAsync(host, sent[0])).ShouldContain("<Response><Hangup", Case.Sensitive, "of the earlier leg");
        var again = await ReplayAsync(host, sent[1]);
        again.ShouldContain("<Conference");
        again.ShouldContain($"participantLabel=\"caller~{back.Sid[^8..]}\"");
        await alice.HangUpAsync();
        await bob.IsIdleAsync();
        await host.EventuallyAsync(document => document.GetProperty("state").GetString() == "ended");
        var id = SessionId.TryParse(Session, out var parsed) ? parsed : throw new FormatException();
        await host.Services.GetRequiredService<IConnectionMultiplexer>().GetDatabase()
            .KeyDeleteAsync(RedisKeys.Session(id, RedisKeys.PartitionOf(id)));
        (await ReplayAsync(host, sent[1])).ShouldContain("it was placed before", Case.Sensitive, back.Sid);
        bob.Rings.ShouldBe(1);
    }

    [Fact]
    public async Task A_muted_person_comes_back_muted_to_a_call_that_goes_on()
    {
        await using var host = await StartAsync();
        await host.TalkAsync(Session);
        var bob = host.Twilio.Client("bob");
        await host.AddAndTalkAsync(Lawyer, Session);
        (await host.RestAsync(HttpMethod.Patch, $"/v1/sessions/{Session}/participants/callee", host.TokenFor("alice"),
            """{"muted": true, "hold": true}""")).Status.ShouldBe(HttpStatusCode.Accepted);
        await host.Twilio.WaitUntilAsync(_ => bob is { IsMuted: true, IsOnHold: true }, "bob is muted and on hold");
        await bob.HangUpAsync();
        await host.StateAsync(1, "left");
        await bob.CallAsync("alice", Session);
        await host.StateAsync(1, "connected");
        await host.Twilio.WaitUntilAsync(_ => bob.ConferenceName is not null, "bob is in the room");
        bob.IsMuted.ShouldBeTrue();
        bob.IsOnHold.ShouldBeFalse();
        var callee = (await host.SessionAsync()).GetProperty("participants")[1];
        callee.GetProperty("muted").GetBoolean().ShouldBeTrue();
        callee.GetProperty("hold").GetBoolean().ShouldBeFalse();
    }

    [Fact]
    public async Task While_the_call_waits_the_other_person_hears_ringback()
    {
        await using var host = await StartAsync(grace: "00:00:30");
        await host.TalkAsync(Session);
        var (alice, bob) = (host.Twilio.Client("alice"), host.Twilio.Client("bob"));
        await alice.DropAsync();
        await host.StateAsync(0, "reconnecting");
        await host.Twilio.WaitUntilAsync(
            _ => bob.IsOnHold && bob.Heard.Count > 0 && bob.Heard[^1].EndsWith("ringback.wav", StringComparison.Ordinal),
            "bob hears ringback");
        var document = await host.SessionAsync();
        document.GetProperty("state").GetString().ShouldBe("live");
        document.GetProperty("participants")[0].GetProperty("reason").GetString().ShouldBeNull();
        document.GetProperty("participants")[1].GetProperty("hold").GetBoolean().ShouldBeFalse("no person has put bob on hold");
        await alice.CallAsync("bob", Session);
        await alice.WaitUntilTalkingWithAsync(TimeSpan.FromSeconds(10), bob);
        bob.Rings.ShouldBe(1);
        await host.StateAsync(0, "connected");
    }

    [Fact]
    public async Task After_the_grace_the_call_ends_although_Twilio_answers_no_request_for_a_review()
    {
        await using var host = await StartAsync(grace: "00:00:01");
        await host.TalkAsync(Session);
        await host.Twilio.Client("alice").DropAsync();
        await host.StateAsync(0, "reconnecting");
        foreach (var read in Enum.GetValues<RestOperation>().Where(operation => operation.ToString() is ['F' or 'L', ..]))
            host.Twilio.Faults.Add(new RestFault { Operation = read, Kind = RestFaultKind.ServerError });
        await host.Twilio.Client("bob").IsIdleAsync();
        await host.EventuallyAsync(document => document.GetProperty("endReason").GetString() == "one-person-left"
            && document.GetProperty("participants")[0].GetProperty("state").GetString() == "left");
        await host.Twilio.Client("alice").CallAsync("bob", Session);
        await host.Twilio.Client("bob").RingsAsync();
        host.Twilio.Client("bob").Rings.ShouldBe(2, "the call has ended, so this is a new call");
    }

    [Fact]
    public async Task A_person_who_withdraws_while_the_call_waits_ends_it()
    {
        await using var host = await StartAsync(grace: "00:00:30");
        await host.TalkAsync(Session);
        await host.Twilio.Client("alice").HangUpAsync();
        await host.StateAsync(0, "reconnecting");
        (await host.RestAsync(HttpMethod.Delete, $"/v1/sessions/{Session}/participants/caller", host.TokenFor("alice"))).Status
            .ShouldBe(HttpStatusCode.NoContent);
        await host.Twilio.Client("bob").IsIdleAsync();
    }

    [Fact]
    public async Task Persons_who_were_removed_or_never_on_the_call_hear_that_the_session_is_in_use()
    {
        await using var host = await StartAsync();
        await host.TalkAsync(Session);
        await host.AddAndTalkAsync(Lawyer, Session);
        (await host.RestAsync(HttpMethod.Delete, $"/v1/sessions/{Session}/participants/callee", host.TokenFor("alice"))).Status
            .ShouldBe(HttpStatusCode.NoContent);
        await host.Twilio.Client("bob").IsIdleAsync();
        foreach (var who in new[] { "bob", "mallory" })
        {
            await host.Twilio.Client(who).CallAsync("alice", Session);
            await host.Twilio.WaitUntilAsync(_ => host.Twilio.Client(who).Heard.Contains(InUse), $"{who} hears the words");
        }

        host.Twilio.Phone(Lawyer).TalksWith.ShouldBe(["client:alice"]);
    }

    private async Task<SandboxHost> StartAsync(TimeSpan? noticedAfter = null, string grace = "00:00:00") =>
        await SandboxHost.StartAsync(new SandboxOptions
        {
            RedisConnectionString = await redis.NewDatabaseAsync(),
            Twilio = new() { DropNoticedAfter = noticedAfter ?? TimeSpan.FromMilliseconds(200) },
            Settings = [new("Calls:RejoinGrace", grace)],
        });

    private static async Task<string> ReplayAsync(SandboxHost host, WebhookSent sent) =>
        (await HostExtensions.SendAsync(
            HttpMethod.Post, new Uri(sent.Url), Signer.Sign(host.Twilio.Options.AuthToken, sent.Url, sent.Parameters),
            new FormUrlEncodedContent(sent.Parameters))).Body;
}
