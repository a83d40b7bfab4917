using System.Net;
using System.Text.Json;
using Calls.Integration.Tests.Redis;
using Calls.Sandbox;
using Calls.Sandbox.Demo;
using Calls.Sandbox.Twilio;

namespace Calls.Integration.Tests.EndToEnd;

/// <summary>Redis loses every session in the middle of a call (issue 16, 5). The call continues.</summary>
public sealed class LostSessionTests(RedisFixture redis) : IAsyncLifetime
{
    private const string Lawyer = "+15550100101";
    private SandboxHost host = null!;

    private PhoneHandle Alice => host.Twilio.Client("alice");

    private PhoneHandle Bob => host.Twilio.Client("bob");

    public async ValueTask InitializeAsync() => host = await StartAsync(new TwilioEmulatorOptions());

    private async Task<SandboxHost> StartAsync(TwilioEmulatorOptions twilio) => await SandboxHost.StartAsync(new SandboxOptions
    {
        Twilio = twilio,
        RedisConnectionString = await redis.NewDatabaseAsync(),
        Settings = [new("Calls:ReviewInterval", "00:00:02"), new("Calls:Reconcile:Interval", "00:00:02")],
    });

    public ValueTask DisposeAsync() => host.DisposeAsync();

    [Fact]
    public async Task Two_people_talk_on_after_the_third_has_left_and_the_document_names_them_again()
    {
        await host.TalkAsync();
        await host.AddAndTalkAsync(Lawyer);
        await host.FlushRedisAsync();
        await host.Twilio.Phone(Lawyer).HangUpAsync();
        await host.EventuallyAsync(document => Names(document) is ["alice", "bob", ..]
            && document.GetProperty("participants").EnumerateArray().Count(p => p.GetProperty("state").GetString() == "connected") == 2);
        await Bob.TalksAsync();
        await Alice.HangUpAsync();
        await Bob.IsIdleAsync();
        (await host.Twilio.AskAsync(cloud => Guarantees.Broken(cloud, allCallsOver: true))).ShouldBeEmpty();
    }

    [Fact]
    public async Task A_callee_who_answers_after_the_loss_talks_and_was_rung_once()
    {
        await RingAsync("bob");
        await host.FlushRedisAsync();
        await Bob.AnswerAsync();
        await Bob.TalksAsync();
        (await Bob.LookAsync()).Rings.ShouldBe(1);
        await host.EventuallyAsync(document => Names(document) is ["alice", "bob"]);
        await Bob.HangUpAsync();
        await Alice.IsIdleAsync();
    }

    [Fact]
    public async Task The_caller_hears_the_busy_tone_and_the_line_ends_if_the_callee_declines_after_the_loss()
    {
        await RingAsync("bob");
        await host.FlushRedisAsync();
        await Bob.DeclineAsync();
        await host.HearsAsync("/twilio/tones/busy.wav");
        await Alice.IsIdleAsync();
    }

    [Theory]
    [InlineData("bob")]
    [InlineData(Lawyer)]
    public async Task No_phone_rings_for_a_caller_who_hangs_up_after_the_loss(string callee)
    {
        var rung = await RingAsync(callee);
        await host.FlushRedisAsync();
        await Alice.HangUpAsync();
        await rung.IsIdleAsync();
        (await rung.LookAsync()).Rings.ShouldBe(1);
        (await host.Twilio.AskAsync(cloud => Guarantees.Broken(cloud, allCallsOver: true))).ShouldBeEmpty();
    }

    /// <summary>Twilio's list of participants is four seconds old. It does not have the lawyer when the session is built again.</summary>
    [Fact]
    public async Task A_guest_whom_a_late_list_does_not_have_yet_is_not_thrown_out()
    {
        await host.DisposeAsync();
        host = await StartAsync(new TwilioEmulatorOptions { ParticipantReadLag = TimeSpan.FromSeconds(4) });
        await host.TalkAsync();
        await host.Twilio.WaitUntilAsync(cloud => cloud.FindLeg(cloud.Phone("client:bob").Current!.Sid)!.Conference!
            .ParticipantsAt(cloud.Scheduler.Now - cloud.Options.ParticipantReadLag).Count(seen => seen.State.Status == "connected") == 2,
            "Twilio lists both", TimeSpan.FromSeconds(15));
        var leg = (await Bob.LookAsync()).Current!.Sid;
        var path = await host.Twilio.AskAsync(cloud => cloud.FindLeg(leg)!.CallbackPath!);
        (await host.AddPhoneAsync("s-42", "alice", Lawyer)).Status.ShouldBe(HttpStatusCode.Created);
        await host.Twilio.Phone(Lawyer).RingsAsync();
        await host.StateAsync(2, "ringing");
        await host.FlushRedisAsync();
        (await host.SignedAsync(path, ("CallSid", leg), ("CallStatus", "in-progress"))).Status.ShouldBe(HttpStatusCode.NoContent);
        await host.Twilio.Phone(Lawyer).AnswerAsync();
        await host.EventuallyAsync(document => document.GetProperty("participants").EnumerateArray()
            .Count(person => person.GetProperty("state").GetString() == "connected") == 3);
        await host.Twilio.Phone(Lawyer).TalksAsync();
        await Alice.HangUpAsync();
        await Bob.TalksAsync();
        await Bob.HangUpAsync();
        await host.Twilio.Phone(Lawyer).IsIdleAsync(TimeSpan.FromSeconds(20));
    }

    [Fact]
    public async Task A_room_that_has_lost_every_webhook_is_found_by_the_sweep_of_open_conferences()
    {
        await host.TalkAsync();
        foreach (var kind in new[] { WebhookKind.CallStatus, WebhookKind.Conference, WebhookKind.DialAction })
            host.Faults(new WebhookFault { Kind = kind, Drop = true });
        await host.FlushRedisAsync();
        await host.EventuallyAsync(document => document.GetProperty("state").GetString() == "live" && Names(document) is ["alice", "bob"]);
        await Bob.HangUpAsync();
        await Alice.IsIdleAsync();
    }

    [Fact]
    public async Task A_late_callback_of_an_ended_call_is_settled_by_one_look_and_no_session_appears()
    {
        await host.TalkAsync();
        var leg = (await Bob.LookAsync()).Current!.Sid;
        var path = await host.Twilio.AskAsync(cloud => cloud.FindLeg(leg)!.CallbackPath!);
        await Alice.HangUpAsync();
        await Bob.IsIdleAsync();
        await host.EventuallyAsync(document => document.GetProperty("state").GetString() == "ended");
        await host.FlushRedisAsync();
        await LateAsync();
        var reads = await ReadsAsync();
        await LateAsync();
        (await ReadsAsync()).ShouldBe(reads, "the second late callback costs nothing");
        (await host.RestAsync(HttpMethod.Get, "/v1/sessions/s-42", host.TokenFor("alice"))).Status.ShouldBe(HttpStatusCode.NotFound);

        async Task LateAsync() => (await host.SignedAsync(path, ("CallSid", leg), ("CallStatus", "completed"))).Status
            .ShouldBe(HttpStatusCode.NoContent);
        Task<int> ReadsAsync() => host.Twilio.AskAsync(cloud => cloud.Journal.OfType<RestRequested>()
            .Count(request => request.Operation == RestOperation.FetchCall));
    }

    [Fact]
    public async Task Thirty_calls_of_all_stages_survive_a_flush()
    {
        var calls = Enumerable.Range(0, 30).Select(i => (Caller: host.Twilio.Client($"caller{i}"), Callee: host.Twilio.Client($"callee{i}"),
            Stage: i % 3)).ToList();
        foreach (var (call, i) in calls.Select((call, i) => (call, i)))
        {
            await call.Caller.CallAsync($"callee{i}", $"s-{i}");
            await call.Callee.RingsAsync();
            // The service has heard of the stage before the store forgets it.
            if (call.Stage == 0)
            {
                await call.Callee.AnswerAsync();
                await call.Callee.TalksAsync();
                await host.AllConnectedAsync($"s-{i}", $"caller{i}");
            }
            else
            {
                await host.StateAsync(1, "ringing", $"s-{i}", $"caller{i}");
            }
        }

        await host.FlushRedisAsync();
        await Task.WhenAll(calls.Select(async call =>
        {
            if (call.Stage == 1)
            {
                await call.Callee.AnswerAsync();
                await call.Callee.TalksAsync();
            }

            await (call.Stage == 2 ? call.Caller : call.Callee).HangUpAsync();
            await call.Caller.IsIdleAsync(TimeSpan.FromSeconds(20));
            await call.Callee.IsIdleAsync(TimeSpan.FromSeconds(20));
            (await call.Callee.LookAsync()).Rings.ShouldBe(1);
        }));
        (await host.Twilio.AskAsync(cloud => Guarantees.Broken(cloud, allCallsOver: true))).ShouldBeEmpty();
    }

    private static string?[] Names(JsonElement document) =>
        [.. document.GetProperty("participants").EnumerateArray().Select(person => person.GetProperty("identity").GetString())];

    private async Task<PhoneHandle> RingAsync(string callee)
    {
        var rung = callee == "bob" ? Bob : host.Twilio.Phone(callee);
        await Alice.CallAsync(callee, "s-42");
        await rung.RingsAsync();
        await host.StateAsync(1, "ringing");
        return rung;
    }
}
