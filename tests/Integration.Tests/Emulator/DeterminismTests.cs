using Calls.Sandbox.Twilio;

namespace Calls.Integration.Tests.Emulator;

/// <summary>The core in virtual time, with a service in memory: no socket, no thread, no waiting.</summary>
public sealed class DeterminismTests
{
    [Fact]
    public void The_same_seed_and_script_give_the_same_journal_to_the_letter()
    {
        var (one, again, other) = (Play(7), Play(7), Play(8));
        one.ShouldNotBeEmpty();
        again.ShouldBe(one);
        other.ShouldNotBe(one);
    }

    [Fact]
    public void Nobody_answers_within_the_time_out_and_its_five_seconds()
    {
        var (scheduler, cloud) = Cloud(1);
        Create(cloud, "client:bob", ("Timeout", "30"), ("StatusCallback", "http://app/status"));
        scheduler.RunFor(TimeSpan.FromSeconds(34));
        cloud.Phone("client:bob").State.ShouldBe(PhoneState.Ringing);
        scheduler.RunFor(TimeSpan.FromSeconds(2));
        cloud.Phone("client:bob").State.ShouldBe(PhoneState.Idle);
        var status = cloud.Journal.OfType<WebhookSent>().ShouldHaveSingleItem().Parameters;
        (status["CallStatus"], status["SipResponseCode"], status["SequenceNumber"], status["CallDuration"]).ShouldBe(
            ("no-answer", "487", "0", "0"));
    }

    [Fact]
    public void An_offline_client_rings_for_Twilio_alone_and_a_declined_one_is_busy()
    {
        var (scheduler, cloud) = Cloud(1);
        cloud.Phone("client:off").Behaviour = PhoneBehaviour.Offline;
        (cloud.Phone("client:no").Behaviour, cloud.Phone("client:no").After) = (PhoneBehaviour.Decline, TimeSpan.FromSeconds(1));
        cloud.Phone("+15551234567").Behaviour = PhoneBehaviour.Unreachable;
        foreach (var to in (string[])["client:off", "client:no", "+15551234567"])
        {
            Create(cloud, to, ("StatusCallback", "http://app/status"), ("StatusCallbackEvent", "ringing completed"));
        }
        scheduler.RunUntilIdle(TimeSpan.FromMinutes(2)).ShouldBeTrue();
        cloud.Legs.Select(leg => leg.State).ShouldBe([LegState.NoAnswer, LegState.Busy, LegState.Failed]);
        cloud.RingCounts().ShouldBe(new Dictionary<string, int> { ["client:no"] = 1 });
        cloud.Journal.OfType<WebhookSent>().Select(entry => entry.Event).ShouldBe(["ringing", "ringing", "failed", "busy", "no-answer"]);
    }

    [Fact]
    public void Calls_leave_the_queue_one_a_second_where_the_account_may_do_no_more()
    {
        var (scheduler, cloud) = Cloud(1, new() { CallsPerSecond = 1 });
        foreach (var to in (string[])["client:a", "client:b", "client:c"])
        {
            Create(cloud, to);
        }
        scheduler.RunFor(TimeSpan.FromSeconds(1.5));
        cloud.Legs.Select(leg => leg.Status).ShouldBe(["ringing", "ringing", "queued"]);
    }

    [Fact]
    public void A_phone_that_vanishes_before_its_TwiML_never_joins_and_one_that_vanishes_later_is_noticed_later()
    {
        var (scheduler, cloud) = Cloud(1);
        var alice = cloud.Phone("client:alice");
        alice.PlaceCall("bob");
        alice.Drop();
        scheduler.RunFor(TimeSpan.FromSeconds(1));
        cloud.Conferences.ShouldBeEmpty();
        cloud.LiveLegs().ShouldBeEmpty();
        alice.PlaceCall("bob");
        scheduler.RunFor(TimeSpan.FromSeconds(1));
        alice.Drop();
        cloud.LonelyLegs().Count.ShouldBe(1);
        scheduler.RunFor(TimeSpan.FromSeconds(1));
        cloud.LiveLegs().Count.ShouldBe(1);
        scheduler.RunFor(TimeSpan.FromSeconds(1.5));
        cloud.LiveLegs().ShouldBeEmpty();
    }

    [Fact]
    public void With_early_media_a_ringing_leg_joins_before_the_answer()
    {
        var (scheduler, cloud) = Cloud(1);
        cloud.Phone("client:alice").PlaceCall("bob");
        scheduler.RunFor(TimeSpan.FromSeconds(1));
        Send(cloud, "/Conferences/room/Participants.json", new() { { "From", "+15550001111" }, { "To", "+15551234567" } });
        scheduler.RunFor(TimeSpan.FromSeconds(1));
        cloud.Phone("+15551234567").State.ShouldBe(PhoneState.Ringing);
        cloud.ActiveConference("room")!.State.ShouldBe(ConferenceState.InProgress);
        cloud.Phone("+15551234567").Decline();
        scheduler.RunFor(TimeSpan.FromSeconds(1));
        cloud.Journal.OfType<WebhookSent>().Last(
            entry => entry.Event == "participant-leave").Parameters["ReasonParticipantLeft"].ShouldBe("participant_add_failed");
    }

    [Fact]
    public void A_moderator_s_exit_ends_the_conference_for_all()
    {
        var (scheduler, cloud) = Cloud(1, twiml: "endConferenceOnExit='true'");
        cloud.Phone("client:alice").PlaceCall("bob");
        cloud.Phone("client:bob").PlaceCall("alice");
        scheduler.RunFor(TimeSpan.FromSeconds(1));
        cloud.Phone("client:alice").HangUp();
        scheduler.RunFor(TimeSpan.FromSeconds(1));
        cloud.LiveLegs().ShouldBeEmpty();
        var sent = cloud.Journal.OfType<WebhookSent>();
        sent.Where(entry => entry.Event == "participant-leave").Select(
            entry => entry.Parameters["ReasonParticipantLeft"]).ShouldBe(["participant_hung_up", "moderator_ended_conference"]);
        sent.Single(entry => entry.Event == "conference-end").Parameters["ReasonConferenceEnded"].ShouldBe(
            "participant-with-end-conference-on-exit-left");
    }

    private static string Play(int seed)
    {
        var (scheduler, cloud) = Cloud(seed);
        cloud.Faults.Add(new WebhookFault { Probability = 0.3, Duplicates = 1, MaxDelay = TimeSpan.FromSeconds(1) });
        cloud.Faults.Add(new WebhookFault { Probability = 0.3, MaxDelay = TimeSpan.FromSeconds(1) });
        cloud.Faults.Add(
            new RestFault { Probability = 0.5, Kind = RestFaultKind.ServerErrorAfterActing, MaxLatency = TimeSpan.FromSeconds(1) });
        (cloud.Phone("client:bob").Behaviour, cloud.Phone("client:bob").After) = (PhoneBehaviour.Answer, TimeSpan.FromSeconds(2));
        for (var i = 0; i < 5; i++)
        {
            cloud.Phone("client:alice").PlaceCall("bob", new() { { "SessionID", $"s-{i}" } });
            Create(cloud, "client:bob", ("StatusCallback", "http://app/status"));
            scheduler.RunFor(TimeSpan.FromSeconds(5));
            cloud.Phone("client:alice").HangUp();
            cloud.Phone("client:bob").HangUp();
        }
        scheduler.RunUntilIdle(TimeSpan.FromHours(1)).ShouldBeTrue();
        cloud.Defects.ShouldBeEmpty();
        return cloud.Journal.Timeline();
    }

    private static (VirtualScheduler, TwilioCloud) Cloud(int seed, TwilioEmulatorOptions? options = null, string twiml = "")
    {
        var scheduler = new VirtualScheduler();
        var cloud = new TwilioCloud(
            scheduler, new InMemory(scheduler, twiml), (options ?? new()) with { Seed = seed, VoiceUrl = new("http://app/voice") });
        return (scheduler, cloud);
    }

    private static void Create(TwilioCloud cloud, string to, params (string Name, string Value)[] more)
    {
        var form = new Parameters { { "From", "+15550001111" }, { "To", to }, { "Url", "http://app/answer" } };
        foreach (var (name, value) in more)
        {
            form.Add(name, value);
        }
        Send(cloud, "/Calls.json", form);
    }

    private static void Send(TwilioCloud cloud, string path, Parameters form)
    {
        var basic = Convert.ToBase64String(System.Text.Encoding.UTF8.GetBytes($"{cloud.Options.AccountSid}:{cloud.Options.AuthToken}"));
        _ = cloud.SendAsync(new("POST", $"/2010-04-01/Accounts/{cloud.Options.AccountSid}{path}", form, "Basic " + basic));
    }

    /// <summary>A service that puts everybody into one room, after 30 ms of virtual time.</summary>
    private sealed class InMemory(VirtualScheduler scheduler, string attributes) : IWebhookTransport
    {
        public Task<WebhookResponse> SendAsync(WebhookRequest request, CancellationToken cancellationToken)
        {
            var answer = new TaskCompletionSource<WebhookResponse>();
            scheduler.Schedule(TimeSpan.FromMilliseconds(30), () => answer.SetResult(request.Kind is WebhookKind.Voice or WebhookKind.Answer
                ? WebhookResponse.Answered(200, "text/xml",
                    "<Response><Dial><Conference waitUrl='' statusCallback='http://app/room' "
                    + $"statusCallbackEvent='start end join leave' {attributes}>room</Conference></Dial></Response>")
                : WebhookResponse.Answered(204, null, "")));
            return answer.Task;
        }
    }
}
