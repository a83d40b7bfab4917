using System.Globalization;
using System.Text.Json.Nodes;
using Calls.Sandbox.Twilio;

namespace Calls.Integration.Tests.Emulator;

/// <summary>Each switch of the emulator does what its position says (docs/emulator.md).</summary>
public sealed class GuessesTests
{
    private const string Guest = "+15551234567";
    private static readonly TimeSpan Long = TimeSpan.FromMinutes(5);

    [Fact]
    public void The_demonstrations_of_CI_play_every_position()
    {
        const string Loop = "for guesses in ";
        var loop = File.ReadLines(Path.Combine(Repository.Root, ".ci", "run"))
            .Single(line => line.StartsWith(Loop, StringComparison.Ordinal));
        var seeds = loop[Loop.Length..loop.IndexOf(';', StringComparison.Ordinal)].Split(' ');
        seeds.SelectMany(seed => new TwilioEmulatorOptions().Draw(new Random(int.Parse(seed, CultureInfo.InvariantCulture))).Drawn)
            .Distinct().Order(StringComparer.Ordinal)
            .ShouldBe(Guesses.All.SelectMany(guess => guess.Positions, (guess, position) => $"{guess.Name}={position.Name}")
                .Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Initiated_is_sent_when_Twilio_dials_or_when_the_call_enters_the_queue(bool whileQueued)
    {
        await using var world = await World.StartAsync(new() { InitiatedWhileQueued = whileQueued, CallsPerSecond = 1 / 300.0 });
        var form = new Parameters
        {
            { "Url", world.App.Url + "/answer" }, { "StatusCallback", world.App.Url + "/status" },
            { "StatusCallbackEvent", "initiated ringing" },
        };
        // The first call takes the turn, and the second one waits.
        await world.CallAsync("client:alice", form);
        await world.CallAsync("client:bob", form);
        await world.Twilio.Client("alice").RingsAsync();
        await world.EventAsync("ringing");
        if (whileQueued)
            await world.EventAsync("initiated", times: 2);
        world.App.At("/status").Count(sent => sent["CallStatus"] == "initiated").ShouldBe(whileQueued ? 2 : 1);
        world.App.At("/status").Select(sent => sent["CallStatus"]).ShouldBeSubsetOf(["initiated", "ringing"]);
        world.Twilio.Read(cloud => cloud.Phone("client:bob").Rings).ShouldBe(0);
    }

    [Theory]
    [InlineData(false, ConferencesWithoutStatus.All, "", 1)]
    [InlineData(false, ConferencesWithoutStatus.NotCompleted, "", 1)]
    [InlineData(false, ConferencesWithoutStatus.InProgress, "", 0)]
    [InlineData(false, ConferencesWithoutStatus.InProgress, "&Status=init", 1)]
    [InlineData(true, ConferencesWithoutStatus.InProgress, "", 1)]
    public async Task A_conference_of_one_is_listed_or_not(bool isInProgress, ConferencesWithoutStatus listed, string status, int found)
    {
        await using var world = await World.StartAsync(
            new() { ConferencesWithoutStatus = listed, RoomOfOneIsInProgress = isInProgress });
        await WaitAsync(world);
        Count((await world.GetAsync("/Conferences.json?FriendlyName=room" + status)).Body, "conferences").ShouldBe(found);
    }

    [Fact]
    public async Task A_completed_conference_is_listed_without_a_status_or_not()
    {
        foreach (var (listed, found) in new[] { (ConferencesWithoutStatus.All, 1), (ConferencesWithoutStatus.NotCompleted, 0) })
        {
            await using var world = await World.StartAsync(new() { ConferencesWithoutStatus = listed });
            await WaitAsync(world);
            await world.Twilio.Client("alice").HangUpAsync();
            Count((await world.GetAsync("/Conferences.json?FriendlyName=room")).Body, "conferences").ShouldBe(found);
            Count((await world.GetAsync("/Conferences.json?FriendlyName=room&Status=completed")).Body, "conferences").ShouldBe(1);
        }
    }

    [Fact]
    public async Task A_late_list_of_conferences_does_not_have_a_new_one_and_the_conference_itself_is_fetched()
    {
        await using var world = await World.StartAsync(new() { ConferenceListLag = Long });
        await WaitAsync(world);
        Count((await world.GetAsync("/Conferences.json?FriendlyName=room")).Body, "conferences").ShouldBe(0);
        var sid = world.Twilio.Client("alice").ConferenceSid;
        (await world.GetAsync($"/Conferences/{sid}.json")).Body!["status"]!.GetValue<string>().ShouldBe("init");
    }

    [Fact]
    public async Task A_late_read_of_a_call_does_not_find_a_new_one_and_its_update_does()
    {
        await using var world = await World.StartAsync(new() { CallReadLag = Long });
        var sid = await world.CallAsync("client:bob");
        (await world.GetAsync($"/Calls/{sid}.json")).Status.ShouldBe(404);
        Count((await world.GetAsync("/Calls.json")).Body, "calls").ShouldBe(0);
        (await world.PostAsync($"/Calls/{sid}.json", new() { { "Status", "completed" } })).Status.ShouldBe(200);
    }

    [Theory]
    [InlineData(true, 200)]
    [InlineData(false, 404)]
    public async Task A_participant_whose_phone_rings_is_found_by_its_label_or_not_and_the_list_has_it(bool found, int status)
    {
        await using var world = await World.StartAsync(new() { FindsRingingByLabel = found });
        await AddAsync(world);
        await world.Twilio.Phone(Guest).RingsAsync();
        (await world.GetAsync("/Conferences/room/Participants/doctor.json")).Status.ShouldBe(status);
        (await world.GetAsync("/Conferences/room/Participants.json")).Body!["participants"]!.AsArray()
            .ShouldContain(row => row!["label"]!.GetValue<string>() == "doctor");
        await world.Twilio.Phone(Guest).AnswerAsync();
        (await world.GetAsync("/Conferences/room/Participants/doctor.json")).Status.ShouldBe(200);
    }

    [Fact]
    public async Task A_late_read_of_the_participants_has_neither_a_new_one_nor_its_mute()
    {
        await using var world = await World.StartAsync(new() { ParticipantReadLag = Long });
        await AddAsync(world);
        Count((await world.GetAsync("/Conferences/room/Participants.json")).Body, "participants").ShouldBe(0);
        (await world.GetAsync("/Conferences/room/Participants/doctor.json")).Status.ShouldBe(404);
        var muted = await world.PostAsync("/Conferences/room/Participants/doctor.json", new() { { "Muted", "true" } });
        muted.Body!["muted"]!.GetValue<bool>().ShouldBeTrue("the answer to a change is not late");
    }

    [Theory]
    [InlineData(false, "canceled")]
    [InlineData(true, "completed")]
    public async Task A_leg_that_is_stopped_while_it_rings_is_canceled_or_completed(bool completed, string status)
    {
        await using var world = await World.StartAsync(new() { StoppedRingingIsCompleted = completed });
        var stopped = await world.CallAsync("client:bob");
        await world.Twilio.Client("bob").RingsAsync();
        (await world.PostAsync($"/Calls/{stopped}.json", new() { { "Status", "completed" } })).Body!["status"]!.GetValue<string>()
            .ShouldBe(status);
        var canceled = await world.CallAsync("client:bob");
        await world.Twilio.Client("bob").RingsAsync();
        (await world.PostAsync($"/Calls/{canceled}.json", new() { { "Status", "canceled" } })).Body!["status"]!.GetValue<string>()
            .ShouldBe("canceled");
    }

    [Theory]
    [InlineData(false, "participant_updated_via_api")]
    [InlineData(true, "participant_hung_up")]
    public async Task A_leg_that_REST_has_ended_leaves_with_one_of_two_reasons(bool hungUp, string reason)
    {
        await using var world = await World.StartAsync(new() { StoppedLegHungUp = hungUp });
        var leg = await WaitAsync(world);
        await world.PostAsync($"/Calls/{leg}.json", new() { { "Status", "completed" } });
        await world.EventAsync("participant-leave");
        world.App.At("/room").Single(sent => sent["StatusCallbackEvent"] == "participant-leave")["ReasonParticipantLeft"].ShouldBe(reason);
    }

    [Theory]
    [InlineData(RingingAfterTheEnd.KeepsRinging, LegState.Ringing)]
    [InlineData(RingingAfterTheEnd.IsCanceled, LegState.Canceled)]
    public async Task A_phone_that_rings_for_a_conference_that_is_over_keeps_ringing_or_stops(RingingAfterTheEnd choice, LegState state)
    {
        await using var world = await World.StartAsync(new() { RingingAfterTheEnd = choice });
        await WaitAsync(world);
        await AddAsync(world);
        await world.Twilio.Phone(Guest).RingsAsync();
        await world.Twilio.Client("alice").HangUpAsync();
        await world.EventAsync("conference-end");
        world.Twilio.Read(cloud => cloud.Legs.Single(leg => leg.To == Guest).State).ShouldBe(state);
    }

    [Theory]
    [InlineData(true, "client:bob?SessionID=s-42&CallerIdentity=a%2Bb")]
    [InlineData(false, "client:bob")]
    public async Task The_app_gets_the_parameters_of_its_address_and_the_call_list_has_them_or_not(bool has, string to)
    {
        await using var world = await World.StartAsync(new() { ClientToHasParameters = has });
        var sid = await world.CallAsync("client:bob?SessionID=s-42&CallerIdentity=a%2Bb");
        await world.Twilio.Client("bob").RingsAsync();
        var rung = world.Twilio.Client("bob").Incoming.Single();
        (rung.Custom["SessionID"], rung.Custom["CallerIdentity"]).ShouldBe(("s-42", "a+b"));
        (await world.GetAsync($"/Calls/{sid}.json")).Body!["to"]!.GetValue<string>().ShouldBe(to);
        foreach (var filter in new[] { "client:bob", "client:bob?SessionID=s-42&CallerIdentity=a%2Bb" })
            Count((await world.GetAsync("/Calls.json?To=" + Uri.EscapeDataString(filter))).Body, "calls").ShouldBe(filter == to ? 1 : 0);
        foreach (var tooLong in new[] { $"SessionID={new string('a', 129)}", $"{new string('a', 33)}=1" })
            (await world.PostAsync("/Calls.json", new()
            {
                { "To", "client:bob?" + tooLong }, { "From", "client:alice" }, { "Url", world.App.Url + "/answer" },
            })).Status.ShouldBe(400);
    }

    [Theory]
    [InlineData(false, 1)]
    [InlineData(true, 0)]
    public async Task A_leg_whose_participant_is_deleted_goes_on_or_hangs_up(bool hangsUp, int said)
    {
        await using var world = await World.StartAsync(new() { KickHangsUp = hangsUp });
        var leg = await WaitAsync(world);
        (await world.SendAsync(HttpMethod.Delete, $"/Conferences/room/Participants/{leg}.json", null)).Status.ShouldBe(204);
        await world.Twilio.Client("alice").IsIdleAsync();
        world.Twilio.Client("alice").Heard.Count(what => what == "\"bye\"").ShouldBe(said);
    }

    [Theory]
    [InlineData(false, 0)]
    [InlineData(true, 1)]
    public async Task The_action_of_a_redirected_leg_is_requested_or_not_and_its_answer_is_ignored(bool requested, int times)
    {
        await using var world = await World.StartAsync(new() { RedirectRequestsAction = requested });
        world.App.On("/voice", world.Room("room", dial: $"""action="{world.App.Url}/left" """));
        world.App.On("/left", "<Say>left</Say>");
        var leg = (await world.Twilio.Client("alice").PlaceCallAsync(null)).Sid;
        await world.EventAsync("participant-join");
        await world.PostAsync($"/Calls/{leg}.json", new() { { "Twiml", "<Response><Say>moved</Say><Pause length=\"1\"/></Response>" } });
        await world.Twilio.Client("alice").IsIdleAsync();
        world.App.At("/left").Count.ShouldBe(times);
        world.Twilio.Client("alice").Heard.ShouldBe(["\"moved\""]);
    }

    [Theory]
    [InlineData(false, "2")]
    [InlineData(true, "4")]
    public async Task An_event_that_is_not_sent_takes_a_number_or_not(bool taken, string last)
    {
        await using var world = await World.StartAsync(new() { UnsentEventsTakeNumbers = taken, FirstSequenceNumber = 0 });
        world.App.On("/voice", world.Room("room").Replace("mute hold modify", "", StringComparison.Ordinal));
        var leg = (await world.Twilio.Client("alice").PlaceCallAsync(null)).Sid;
        await world.EventAsync("participant-join");
        foreach (var muted in new[] { "true", "false" })
            await world.PostAsync($"/Conferences/room/Participants/{leg}.json", new() { { "Muted", muted } });
        await world.Twilio.Client("alice").HangUpAsync();
        await world.EventAsync("conference-end");
        world.App.At("/room").Single(sent => sent["StatusCallbackEvent"] == "conference-end")["SequenceNumber"].ShouldBe(last);
    }

    /// <summary>Alice waits alone in the room.</summary>
    private static async Task<string> WaitAsync(World world)
    {
        world.App.On("/voice", world.Room("room").Replace("<Hangup/>", "<Say>bye</Say>", StringComparison.Ordinal));
        var leg = await world.Twilio.Client("alice").PlaceCallAsync(null);
        await world.EventAsync("participant-join");
        return leg.Sid;
    }

    private static async Task AddAsync(World world) => (await world.PostAsync("/Conferences/room/Participants.json", new()
    {
        { "From", "+15550001111" }, { "To", Guest }, { "Label", "doctor" }, { "EarlyMedia", "false" },
    })).Status.ShouldBe(201);

    private static int Count(JsonNode? body, string list) => body![list]!.AsArray().Count;
}
