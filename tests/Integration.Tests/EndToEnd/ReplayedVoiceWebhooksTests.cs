using Calls.Application.Ports;
using Calls.Application.UseCases;
using Calls.Domain;
using Calls.Infrastructure.Redis;
using Calls.Integration.Tests.Outbox;
using Calls.Integration.Tests.Redis;
using Calls.Sandbox;
using Calls.Sandbox.Twilio;
using Microsoft.Extensions.DependencyInjection;
using StackExchange.Redis;

namespace Calls.Integration.Tests.EndToEnd;

/// <summary>A signed voice webhook stays valid for ever. It places one call, however often and however late it comes.</summary>
public sealed class ReplayedVoiceWebhooksTests(RedisFixture redis)
{
    private const string Session = "s-42";
    private const string Lawyer = "+15550100101";
    private const string WasPlaced = "it was placed before";

    [Fact]
    public async Task After_the_session_is_gone_a_replay_rings_no_phone()
    {
        await using var host = await StartAsync();
        var voice = await CallAndHangUpAsync(host);
        await ForgetAsync(host);
        (await ReplayAsync(host, voice)).ShouldContain(WasPlaced);
        (await RingsAsync(host)).ShouldBe(1);
        var expiry = await Database(host).KeyTimeToLiveAsync(RedisKeys.Placed(LegOf(voice), RedisKeys.PartitionOf(Id(Session))));
        expiry!.Value.ShouldBeGreaterThan(TimeSpan.FromHours(28), "longer than retention and duration");
    }

    [Fact]
    public async Task After_a_lost_call_was_built_again_a_replay_rings_no_phone()
    {
        await using var host = await StartAsync();
        var voice = await CallAndHangUpAsync(host, async lawyer =>
        {
            await lawyer.AnswerAsync();
            await lawyer.TalksAsync();
            await AllAreAnsweredAsync(host, _ => true);
            await host.FlushRedisAsync();
            // While both talk, Twilio still knows who the caller is.
            await ReplayAsync(host, host.Twilio.Journal.OfType<WebhookSent>().Last(sent => sent.Webhook == WebhookKind.Conference));
            await StateIsAsync(host, "live");
        });
        await ForgetAsync(host);
        (await ReplayAsync(host, voice)).ShouldContain(WasPlaced);
        (await RingsAsync(host)).ShouldBe(1);
    }

    [Fact]
    public async Task Two_webhooks_of_one_session_id_that_are_replayed_in_turn_ring_no_phone()
    {
        await using var host = await StartAsync();
        var (first, second) = (await CallAndHangUpAsync(host), await CallAndHangUpAsync(host));
        LegOf(second).ShouldNotBe(LegOf(first));
        (await RingsAsync(host)).ShouldBe(2);
        for (var i = 0; i < 3; i++)
        {
            (await ReplayAsync(host, first)).ShouldContain(WasPlaced);
            (await ReplayAsync(host, second)).ShouldContain("<Response><Hangup", Case.Sensitive, "the stored call is its own");
        }

        (await RingsAsync(host)).ShouldBe(2);
    }

    /// <summary>Twilio signs names and values without a separator. The same signature is valid for parameters that are split in another
    /// way, and these name another session.</summary>
    [Fact]
    public async Task A_replay_whose_parameters_are_split_in_another_way_rings_no_phone()
    {
        await using var host = await StartAsync();
        var voice = await CallAndHangUpAsync(host);
        await ForgetAsync(host);
        var form = voice.Parameters.Select(
            field => field.Key == "SessionID" ? KeyValuePair.Create(field.Key + field.Value, "") : field).ToList();
        (await ReplayAsync(host, voice, form)).ShouldContain(WasPlaced);
        (await RingsAsync(host)).ShouldBe(1);
    }

    [Fact]
    public async Task A_webhook_whose_first_save_failed_places_its_call_when_Twilio_repeats_it()
    {
        var store = new FailingStore();
        await using var rig = await OutboxRig.StartAsync(
            await redis.NewDatabaseAsync(), swept: false, configure: services => services.AddSingleton<ISessionStore>(store.Over));
        var session = OutboxRig.Started();
        var placed = new StartCall(
            session.Id, session.Caller.Leg!, session.Caller.Party, session.Participants[1].Party, null);
        foreach (var isDone in new[] { false, true })
        {
            store.Fail(isDone);
            await Should.ThrowAsync<SessionStoreUnavailableException>(() => rig.SendAsync(placed));
            (await rig.SendAsync(placed)).ShouldBeOfType<CallReply.JoinRoom>($"the save was {(isDone ? "done" : "not done")}");
            await rig.SendAsync(new ParticipantLeft(session.Id, session.Caller.Leg!, null, null, LeaveReason.HungUp));
            (session, placed) = Next(placed);
        }
    }

    [Fact]
    public async Task The_id_of_an_ended_call_is_not_taken_by_another_caller()
    {
        await using var host = await StartAsync();
        await CallAndHangUpAsync(host);
        var before = await host.RestAsync(HttpMethod.Get, "/v1/sessions/" + Session, host.TokenFor("alice"));
        (await host.SignedAsync(
            "/twilio/voice",
            ("CallSid", "CA" + new string('9', 32)), ("From", "client:mallory"), ("To", Lawyer), ("SessionID", Session))).Body
            .ShouldContain("its session belongs to another person");
        (await host.RestAsync(HttpMethod.Get, "/v1/sessions/" + Session, host.TokenFor("alice"))).ShouldBe(before);
        (await RingsAsync(host)).ShouldBe(1);
    }

    private static (CallSession Session, StartCall Placed) Next(StartCall like)
    {
        var session = OutboxRig.Started();
        return (session, like with { SessionId = session.Id, CallerLeg = session.Caller.Leg! });
    }

    private static async Task<WebhookSent> CallAndHangUpAsync(SandboxHost host, Func<PhoneHandle, Task>? meanwhile = null)
    {
        var (alice, lawyer) = (host.Twilio.Client("alice"), host.Twilio.Phone(Lawyer));
        var leg = await alice.CallAsync(Lawyer, Session);
        await lawyer.RingsAsync();
        if (meanwhile is not null)
            await meanwhile(lawyer);
        await alice.HangUpAsync();
        // After a flush, the last person waits for a review, because the first list may not have had all people.
        await lawyer.IsIdleAsync(TimeSpan.FromSeconds(60));
        await AllAreAnsweredAsync(host, cloud => !cloud.LiveLegs().Any());
        await StateIsAsync(host, "ended");
        return host.Twilio.Journal.OfType<WebhookSent>().Single(
            sent => sent.Webhook == WebhookKind.Voice && sent.Parameters["CallSid"] == leg.Sid);
    }

    private static Task AllAreAnsweredAsync(SandboxHost host, Func<TwilioCloud, bool> also) => host.Twilio.WaitUntilAsync(
        cloud => cloud.Journal.OfType<WebhookSent>().Count == cloud.Journal.OfType<WebhookAnswered>().Count && also(cloud),
        "every webhook has its answer");

    private static Task StateIsAsync(SandboxHost host, string state) => Eventually.TrueAsync(async () => (await host.RestAsync(
        HttpMethod.Get, "/v1/sessions/" + Session, host.TokenFor("alice"))).Body.Contains($"\"{state}\"", StringComparison.Ordinal));

    private static async Task<string> ReplayAsync(
        SandboxHost host, WebhookSent voice, IReadOnlyList<KeyValuePair<string, string>>? otherwise = null)
    {
        var signature = Signer.Sign(host.Twilio.Options.AuthToken, voice.Url, voice.Parameters);
        return (await HostExtensions.SendAsync(
            HttpMethod.Post, new Uri(voice.Url), signature, new FormUrlEncodedContent(otherwise ?? [.. voice.Parameters]))).Body;
    }

    private static Task<bool> ForgetAsync(SandboxHost host) => Database(host).KeyDeleteAsync(RedisKeys.Session(Id(Session)));

    private static async Task<int> RingsAsync(SandboxHost host) => (await host.Twilio.Phone(Lawyer).LookAsync()).Rings;

    private static IDatabase Database(SandboxHost host) => host.Services.GetRequiredService<IConnectionMultiplexer>().GetDatabase();

    private static CallSid LegOf(WebhookSent voice) =>
        CallSid.TryParse(voice.Parameters["CallSid"], out var leg) ? leg : throw new FormatException("CallSid");

    private static SessionId Id(string text) => SessionId.TryParse(text, out var id) ? id : throw new FormatException(text);

    private async Task<SandboxHost> StartAsync() =>
        await SandboxHost.StartAsync(new SandboxOptions { RedisConnectionString = await redis.NewDatabaseAsync() });

    /// <summary>The real store, one save of which fails: before it is done, or after.</summary>
    private sealed class FailingStore : ISessionStore
    {
        private ISessionStore? real;
        private bool? failing;

        public FailingStore Over(IServiceProvider services)
        {
            real = ActivatorUtilities.CreateInstance<RedisSessionStore>(services);
            return this;
        }

        public void Fail(bool isDone) => failing = isDone;

        public Task<StoredSession> LoadAsync(SessionId id, CancellationToken cancellationToken) => real!.LoadAsync(id, cancellationToken);

        public async Task<StoredSession> SaveAsync(StoredSession loaded, Decision decision, CancellationToken cancellationToken)
        {
            var fails = failing;
            failing = null;
            if (fails == false)
                throw new SessionStoreUnavailableException("save", new TimeoutException());
            var saved = await real!.SaveAsync(loaded, decision, cancellationToken);
            return fails == true ? throw new SessionStoreUnavailableException("save", new TimeoutException()) : saved;
        }
    }
}
