using Calls.Sandbox.Twilio;

namespace Calls.Integration.Tests.Emulator;

/// <summary>Retries by the URL's overrides, and what the network can do to a webhook.</summary>
public sealed class WebhookFaultTests
{
    [Fact]
    public async Task A_5xx_is_retried_only_where_the_overrides_say_so_and_under_the_same_token()
    {
        await using var world = await World.StartAsync();
        var answers = 0;
        world.App.On("/status", _ => (++answers < 3 ? 503 : 204, ""));
        world.App.On("/plain", _ => (503, ""));
        await world.Twilio.Client("bob").BehaveAsync(PhoneBehaviour.Busy);
        await world.CallAsync(
            "client:bob", new() { { "Url", world.App.Url }, { "StatusCallback", world.App.Url + "/status?a=b#rc=5&rp=5xx,ct,rt" } });
        await world.CallAsync("client:bob", new() { { "Url", world.App.Url }, { "StatusCallback", world.App.Url + "/plain" } });
        await world.Twilio.WaitUntilAsync(cloud => cloud.Journal.Has<WebhookAnswered>(entry => entry.Status == 204), World.Soon);
        await world.Twilio.WaitUntilAsync(cloud => cloud.Journal.Has<TwilioErrorLogged>(entry => entry.Code == 15003), World.Soon);
        var tries = world.App.At("/status");
        tries.Count.ShouldBe(3);
        tries.Select(request => request.Token).Distinct().ShouldHaveSingleItem();
        tries.ShouldAllBe(request => request.Url == world.App.Url + "/status?a=b"
            && request.Signature == Signer.Sign(world.Twilio.Options.AuthToken, request.Url, request.Form));
        world.App.At("/plain").ShouldHaveSingleItem();
    }

    [Fact]
    public async Task A_connection_that_fails_is_tried_twice_and_a_slow_answer_is_not_asked_for_again()
    {
        await using var world = await World.StartAsync(new() { WebhookTimeScale = 0.02 });
        world.Twilio.Options.VoiceUrl = new("http://127.0.0.1:1/voice");
        await world.Twilio.Client("alice").PlaceCallAsync("bob");
        await world.Twilio.WaitUntilAsync(cloud => cloud.Journal.Has<TwilioErrorLogged>(entry => entry.Code == 11205), World.Soon);
        world.Twilio.Journal.OfType<WebhookSent>().Select(entry => entry.Attempt).ShouldBe([1, 2]);

        var answer = new TaskCompletionSource();
        world.App.Before = _ => answer.Task;
        world.Twilio.Options.VoiceUrl = new(world.App.Url + "/voice");
        await world.Twilio.Client("carol").PlaceCallAsync("bob");
        await world.Twilio.WaitUntilAsync(cloud => cloud.Journal.Has<TwilioErrorLogged>(entry => entry.Code == 11200), World.Soon);
        answer.SetResult();
        world.App.At("/voice").ShouldHaveSingleItem();
    }

    [Fact]
    public async Task A_duplicate_is_the_same_request_twice()
    {
        await using var world = await World.StartAsync();
        world.App.On("/voice", world.Room("room"));
        world.Twilio.Faults.Add(new WebhookFault { Kind = WebhookKind.Conference, Event = "participant-join", Duplicates = 2, Times = 1 });
        await world.Twilio.Client("alice").PlaceCallAsync("bob");
        await world.EventAsync("participant-join", 3);
        world.App.At("/room").Select(request => request.Token + request.Form).Distinct().ShouldHaveSingleItem();
    }

    [Fact]
    public async Task A_dropped_webhook_never_arrives_and_the_rule_ends_after_its_times()
    {
        await using var world = await World.StartAsync();
        world.App.On("/voice", world.Room("room"));
        world.Twilio.Faults.Add(new WebhookFault { Event = "participant-join", UrlContains = "/room", Drop = true, Times = 1 });
        await world.Twilio.Client("alice").PlaceCallAsync("bob");
        await world.Twilio.WaitUntilAsync(cloud => cloud.Journal.Has<WebhookFaulted>(entry => entry.Fault == "drop"), World.Soon);
        await world.Twilio.Client("bob").PlaceCallAsync("alice");
        await world.EventAsync("conference-start");
        await world.EventAsync("participant-join");
        world.App.At("/room").Count(request => request["StatusCallbackEvent"] == "participant-join").ShouldBe(1);
    }

    [Fact]
    public async Task Reordered_webhooks_change_places()
    {
        await using var world = await World.StartAsync();
        world.App.On("/voice", world.Room("room"));
        world.Twilio.Faults.Add(new WebhookFault { Kind = WebhookKind.Conference, Reorder = true, Times = 1, ReorderWindow = World.Soon });
        await world.Twilio.Client("alice").PlaceCallAsync("bob");
        await world.Twilio.WaitUntilAsync(cloud => cloud.ActiveConference("room") is not null, World.Soon);
        await world.Twilio.Client("alice").HangUpAsync();
        await world.EventAsync("participant-join");
        world.App.At("/room").Select(request => request["StatusCallbackEvent"]).ToList().IndexOf("participant-join").ShouldBeGreaterThan(0);
    }

    [Fact]
    public async Task A_delay_holds_back_the_original_and_a_lost_answer_is_a_time_out_for_Twilio()
    {
        await using var world = await World.StartAsync();
        world.App.On("/voice", world.Room("room"));
        world.Twilio.Faults.Add(new WebhookFault
        {
            Kind = WebhookKind.Conference,
            MinDelay = TimeSpan.FromMilliseconds(20),
            MaxDelay = TimeSpan.FromMilliseconds(60),
            LoseAnswer = true
        });
        await world.Twilio.Client("alice").PlaceCallAsync("bob");
        await world.EventAsync("participant-join");
        world.App.At("/room").ShouldHaveSingleItem();
        var journal = world.Twilio.Journal;
        journal.OfType<WebhookAnswered>().Single(entry => entry.Event == "participant-join").Failure.ShouldBe(WebhookFailure.Read);
        var joined = journal.OfType<ConferenceChanged>().Single(entry => entry.Change == "joined by");
        (journal.OfType<WebhookSent>().Single(entry => entry.Event == "participant-join").At - joined.At).ShouldBeGreaterThanOrEqualTo(
            TimeSpan.FromMilliseconds(19));
    }
}
