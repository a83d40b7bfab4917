using Calls.Sandbox.Twilio;
using Twilio.Security;

namespace Calls.Integration.Tests.Emulator;

/// <summary>A call of two through real HTTP: what Twilio asks, what it says, and what the phones notice.</summary>
public sealed class TwoPartyCallTests
{
    [Fact]
    public async Task Two_clients_talk_in_a_conference_and_every_request_is_signed()
    {
        await using var world = await World.StartAsync(new() { FirstSequenceNumber = 0 });
        var (alice, bob) = (world.Twilio.Client("alice"), world.Twilio.Client("bob"));
        world.App.On("/voice", world.Room("s-1", """participantLabel="caller" """));
        world.App.On("/answer", world.Room("s-1", """participantLabel="callee" """));

        var leg = await alice.PlaceCallAsync("bob", new() { { "SessionID", "s-1" } });
        await world.EventAsync("participant-join");
        alice.State.ShouldBe(PhoneState.InCall);
        alice.TalksWith.ShouldBeEmpty();
        var callee = await world.CallAsync("client:bob", new()
        {
            { "Url", world.App.Url + "/answer" },
            { "StatusCallback", world.App.Url + "/status" },
            { "StatusCallbackEvent", "initiated" },
            { "StatusCallbackEvent", "ringing answered completed" },
        });
        await bob.WaitForAsync(PhoneState.Ringing, World.Soon);
        await bob.AnswerAsync();
        await alice.WaitUntilTalkingWithAsync(World.Soon, bob);
        await world.EventAsync("conference-start");
        bob.Hears.ShouldBe("client:alice");

        await alice.HangUpAsync();
        await world.EventAsync("participant-leave");
        world.Twilio.Read(cloud => cloud.LonelyLegs().Select(lonely => lonely.Sid).ToArray()).ShouldBe([callee]);
        await bob.HangUpAsync();
        await world.EventAsync("conference-end");
        await world.Twilio.WaitUntilAsync(cloud => cloud.Journal.Has<WebhookAnswered>(entry => entry.Event == "completed"), World.Soon);
        // They are sent side by side, and the last need not be the last to come in.
        await Eventually.TrueAsync(() => Task.FromResult(world.App.At("/room").Count >= 6 && world.App.At("/status").Count >= 4));

        var voice = world.App.At("/voice").ShouldHaveSingleItem();
        voice.Form.Select(pair => pair.Key).ShouldBe(
            ["AccountSid", "ApiVersion", "ApplicationSid", "CallSid", "CallStatus", "Called", "Caller", "Direction", "From", "To",
                "SessionID"], ignoreOrder: true);
        voice["CallSid"].ShouldBe(leg.Sid);
        voice["To"].ShouldBe("bob");
        voice["Called"].ShouldBe("");
        voice["From"].ShouldBe("client:alice");
        voice["Direction"].ShouldBe("inbound");
        voice["CallStatus"].ShouldBe("ringing");
        var answer = world.App.At("/answer").ShouldHaveSingleItem();
        answer["CallStatus"].ShouldBe("in-progress");
        answer["Direction"].ShouldBe("outbound-api");
        var room = world.App.At("/room").OrderBy(request => int.Parse(request["SequenceNumber"]!, null)).ToList();
        room.Select(request => request["StatusCallbackEvent"]).ShouldBe(
            ["participant-join", "participant-join", "conference-start", "participant-leave", "participant-leave", "conference-end"]);
        room.Select(request => request["SequenceNumber"]).ShouldBe(["0", "1", "2", "3", "4", "5"]);
        room[3]["ReasonParticipantLeft"].ShouldBe("participant_hung_up");
        room[3]["ParticipantCallStatus"].ShouldBe("completed");
        room[3]["ParticipantLabel"].ShouldBe("caller");
        room[5]["ReasonConferenceEnded"].ShouldBe("last-participant-left");
        room[5]["CallSidEndingConference"].ShouldBe(callee);
        world.App.At("/status").OrderBy(
            request => request["SequenceNumber"], StringComparer.Ordinal).Select(request => request["CallStatus"])
            .ShouldBe(["initiated", "ringing", "in-progress", "completed"]);
        foreach (var request in world.App.Requests)
        {
            request.Signature.ShouldBe(Signer.Sign(world.Twilio.Options.AuthToken, request.Url, request.Form));
            var fields = request.Form.ToDictionary(field => field.Key, field => field.Value, StringComparer.Ordinal);
            new RequestValidator(world.Twilio.Options.AuthToken).Validate(request.Url, fields, request.Signature).ShouldBeTrue();
        }
        world.Twilio.Read(cloud => cloud.LiveLegs().Count + cloud.ActiveConferences().Count + cloud.Defects.Count).ShouldBe(0);
        bob.Rings.ShouldBe(1);
    }

    [Fact]
    public async Task The_first_participant_s_callbacks_win()
    {
        await using var world = await World.StartAsync();
        world.App.On("/voice", request =>
        {
            var events = request["SessionID"] == "first" ? "leave" : "join leave";
            var callback = $"statusCallback='{world.App.Url}/{request["SessionID"]}' statusCallbackEvent='{events}'";
            return (200, $"<Response><Dial><Conference waitUrl='' {callback}>room</Conference></Dial></Response>");
        });
        await world.Twilio.Client("alice").PlaceCallAsync(null, new() { { "SessionID", "first" } });
        await world.Twilio.WaitUntilAsync(cloud => cloud.ActiveConference("room") is not null, World.Soon);
        await world.Twilio.Client("bob").PlaceCallAsync(null, new() { { "SessionID", "second" } });
        await world.Twilio.Client("alice").WaitUntilTalkingWithAsync(World.Soon, world.Twilio.Client("bob"));
        await world.Twilio.Client("bob").HangUpAsync();
        await world.EventAsync("participant-leave");
        world.App.At("/second").ShouldBeEmpty();
        world.App.At("/first").ShouldHaveSingleItem()["StatusCallbackEvent"].ShouldBe("participant-leave");
    }

    [Fact]
    public async Task A_dial_action_is_asked_even_when_the_leg_is_gone()
    {
        await using var world = await World.StartAsync();
        world.App.On("/voice", world.Room("room", "", "action='/left?of=alice' method='GET'"));
        await world.Twilio.Client("alice").PlaceCallAsync("bob");
        await world.EventAsync("participant-join");
        await world.Twilio.Client("alice").HangUpAsync();
        await world.Twilio.WaitUntilAsync(
            cloud => cloud.Journal.Has<WebhookAnswered>(entry => entry.Webhook == WebhookKind.DialAction), World.Soon);
        var action = world.App.At("/left").ShouldHaveSingleItem();
        action.Method.ShouldBe("GET");
        action["of"].ShouldBe("alice");
        action["CallStatus"].ShouldBe("completed");
        action["DialCallStatus"].ShouldBe("answered");
        action["DialCallSid"].ShouldBeNull();
        action.Signature.ShouldBe(Signer.Sign(world.Twilio.Options.AuthToken, action.Url, []));
    }

    [Fact]
    public async Task A_label_in_use_keeps_the_second_call_out_and_its_next_verb_runs()
    {
        await using var world = await World.StartAsync();
        world.App.On("/voice", $"<Dial><Conference waitUrl='' participantLabel='same'>room</Conference></Dial><Say>sorry</Say>");
        await world.Twilio.Client("alice").PlaceCallAsync(null);
        await world.Twilio.WaitUntilAsync(cloud => cloud.ActiveConference("room") is not null, World.Soon);
        await world.Twilio.Client("bob").PlaceCallAsync(null);
        await world.Twilio.WaitUntilAsync(cloud => cloud.Phone("client:bob").Heard.Contains("\"sorry\""), World.Soon);
        await world.Twilio.Client("bob").WaitForAsync(PhoneState.Idle, World.Soon);
        world.Twilio.Journal.Has<TwilioErrorLogged>(entry => entry.Code == 16025).ShouldBeTrue();
    }

    [Fact]
    public async Task An_error_in_the_TwiML_goes_to_the_fallback_and_without_one_ends_the_call()
    {
        await using var world = await World.StartAsync();
        world.App.On("/voice", _ => (503, ""));
        world.App.On("/fallback", "<Say>sorry</Say>");
        await world.Twilio.Client("alice").PlaceCallAsync("bob");
        await world.Twilio.WaitUntilAsync(cloud =>
            cloud.Phone("client:alice").Heard.Any(words => words.Contains("application error", StringComparison.Ordinal)), World.Soon);
        world.Twilio.Options.VoiceFallbackUrl = new(world.App.Url + "/fallback");
        await world.Twilio.Client("carol").PlaceCallAsync("bob");
        await world.Twilio.WaitUntilAsync(cloud => cloud.Phone("client:carol").Heard.Contains("\"sorry\""), World.Soon);
        var fallback = world.App.At("/fallback").ShouldHaveSingleItem();
        fallback["ErrorCode"].ShouldBe("11200");
        fallback["ErrorUrl"].ShouldBe(world.App.Url + "/voice");
        await world.Twilio.WaitUntilAsync(cloud => cloud.LiveLegs().Count == 0, World.Soon);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_redirect_is_followed_with_the_apps_own_parameters_only_if_the_options_say_so(bool repeats)
    {
        await using var world = await World.StartAsync(new() { RepeatsAppParameters = repeats, PauseScale = 0.001 });
        world.App.On("/voice", "<Play>/ringback.wav</Play><Redirect>/again</Redirect>");
        world.App.On("/again", "<Hangup/>");
        await world.Twilio.Client("alice").PlaceCallAsync("bob", new() { { "SessionID", "s-1" } });
        await world.Twilio.Client("alice").IsIdleAsync();
        var again = world.App.At("/again").ShouldHaveSingleItem();
        (again["To"], again["SessionID"]).ShouldBe(repeats ? ("bob", "s-1") : ("", null));
        (again["From"], again["CallStatus"]).ShouldBe(("client:alice", "in-progress"));
    }

    [Fact]
    public async Task A_waiting_caller_hears_the_wait_document_until_somebody_joins()
    {
        await using var world = await World.StartAsync(new() { WaitPlayTime = TimeSpan.FromMilliseconds(1) });
        world.App.On("/voice", "<Dial><Conference waitUrl='/wait' waitMethod='GET'>room</Conference></Dial>");
        world.App.On("/wait", "<Play>/ringback.mp3</Play><Redirect method='GET'>/wait</Redirect>");
        await world.Twilio.Client("alice").PlaceCallAsync("bob");
        await world.Twilio.WaitUntilAsync(cloud => cloud.Phone("client:alice").Heard.Count > 2, World.Soon);
        world.Twilio.Client("alice").Hears.ShouldBe(world.App.Url + "/wait");
        var wait = world.App.At("/wait")[0];
        wait["From"].ShouldBe("");
        wait["Direction"].ShouldBe("outbound-dial");
        wait["ConferenceSid"].ShouldNotBeNull().ShouldStartWith("CF");
        await world.Twilio.Phone("+15551234567").BehaveAsync(PhoneBehaviour.Answer, TimeSpan.Zero);
        await world.PostAsync("/Conferences/room/Participants.json", new() { { "From", "+15550001111" }, { "To", "+15551234567" } });
        await world.Twilio.Client("alice").WaitUntilTalkingWithAsync(World.Soon, world.Twilio.Phone("+15551234567"));
        world.Twilio.Client("alice").Hears.ShouldBe("+15551234567");
    }

    [Fact]
    public async Task A_wait_document_that_fails_drops_the_caller()
    {
        await using var world = await World.StartAsync();
        world.App.On("/voice", "<Dial><Conference waitUrl='/wait'>room</Conference></Dial>");
        world.App.On("/wait", _ => (500, ""));
        await world.Twilio.Client("alice").PlaceCallAsync("bob");
        await world.Twilio.WaitUntilAsync(cloud => cloud.Legs is [{ Ended: true }], World.Soon);
    }
}
