using System.Text.Json.Nodes;
using Calls.Sandbox.Twilio;

namespace Calls.Integration.Tests.Emulator;

/// <summary>Twilio's REST API: statuses, bodies, error codes, lists.</summary>
public sealed class RestTests
{
    private const string Guest = "+15551234567";
    private static readonly Parameters AddGuest = new() { { "From", "+15550001111" }, { "To", Guest }, { "EarlyMedia", "false" } };

    [Fact]
    public async Task A_wrong_password_is_401_with_20003()
    {
        await using var world = await World.StartAsync();
        var (status, body, headers) = await world.SendAsync(HttpMethod.Get, "/Calls.json", null, password: "wrong");
        status.ShouldBe(401);
        body!.ToJsonString().ShouldBe(
            """{"code":20003,"message":"Authenticate","more_info":"https://www.twilio.com/docs/errors/20003","status":401}""");
        headers.GetValues("Twilio-Request-Id").ShouldHaveSingleItem().ShouldStartWith("RQ");
    }

    [Theory]
    [InlineData("To", "", 21201)]
    [InlineData("To", "5551234", 21211)]
    [InlineData("To", "+15005550001", 21211)]
    [InlineData("To", "+15005550003", 21215)]
    [InlineData("From", "", 21213)]
    [InlineData("From", "nobody", 21212)]
    [InlineData("From", "+15559999999", 21210)]
    [InlineData("Url", "", 21205)]
    [InlineData("Url", "not a url", 21205)]
    [InlineData("Timeout", "601", 21208)]
    public async Task A_call_that_Twilio_would_refuse_is_refused_with_its_code(string name, string value, int code)
    {
        await using var world = await World.StartAsync(new() { OwnedNumbers = ["+15550001111"] });
        var form = new Parameters { { "To", "+15550100101" }, { "From", "+15550001111" }, { "Url", world.App.Url } };
        form.Set(name, value);
        var (status, body, _) = await world.PostAsync("/Calls.json", form);
        status.ShouldBe(400);
        body!["code"]!.GetValue<int>().ShouldBe(code);
        world.Twilio.Read(cloud => cloud.Legs.Count).ShouldBe(0);
    }

    [Fact]
    public async Task Ending_a_call_is_canceled_before_the_answer_and_completed_after_and_21220_when_it_is_over()
    {
        await using var world = await World.StartAsync(new() { QueueDelay = TimeSpan.FromMinutes(1) });
        var queued = await world.CallAsync(
            "client:bob", new() { { "Url", world.App.Url }, { "StatusCallback", world.App.Url + "/status" } });
        var (status, body, _) = await world.PostAsync($"/Calls/{queued}.json", new() { { "Status", "completed" } });
        (status, body!["status"]!.GetValue<string>()).ShouldBe((200, "canceled"));
        (await world.PostAsync($"/Calls/{queued}.json", new() { { "Status", "completed" } })).Body!["code"]!.GetValue<int>()
            .ShouldBe(21220);
        (await world.GetAsync("/Calls/CA00000000000000000000000000000000.json")).Status.ShouldBe(404);
        // A call canceled while queued has no status callback at all.
        world.Twilio.Journal.OfType<WebhookSent>().ShouldBeEmpty();
    }

    [Fact]
    public async Task A_participant_is_added_by_name_listed_while_it_rings_muted_held_and_taken_off()
    {
        await using var world = await World.StartAsync();
        world.App.On("/voice", world.Room("room"));
        await world.Twilio.Client("alice").PlaceCallAsync(null);
        await world.EventAsync("participant-join");
        var room = world.Twilio.Client("alice").ConferenceSid!;
        var form = new Parameters { { "Label", "the doctor" }, { "StatusCallback", world.App.Url + "/guest" },
            { "StatusCallbackEvent", "initiated ringing answered completed" } };
        form.AddRange(AddGuest);
        var (status, added, _) = await world.PostAsync($"/Conferences/{room}/Participants.json", form);
        status.ShouldBe(201);
        OpenApi.Check("api.v2010.account.conference.participant", added!);
        added!["status"]!.GetValue<string>().ShouldBe("queued");
        added["conference_sid"]!.GetValue<string>().ShouldBe(room);
        await world.Twilio.Phone(Guest).WaitForAsync(PhoneState.Ringing, World.Soon);

        var list = (await world.GetAsync($"/Conferences/{room}/Participants.json")).Body!["participants"]!.AsArray();
        list.Select(one => one!["status"]!.GetValue<string>()).ShouldBe(["connected", "ringing"]);
        (await world.PostAsync($"/Conferences/{room}/Participants.json", form)).Body!["code"]!.GetValue<int>().ShouldBe(16026);
        (await world.PostAsync($"/Conferences/{room}.json", new() { { "Status", "completed" } })).Body!["code"]!.GetValue<int>()
            .ShouldBe(16099);

        await world.Twilio.Phone(Guest).AnswerAsync();
        await world.EventAsync("conference-start");
        var one = $"/Conferences/{room}/Participants/the%20doctor.json";
        (await world.PostAsync(one, new() { { "Muted", "true" } })).Body!["muted"]!.GetValue<bool>().ShouldBeTrue();
        await world.EventAsync("participant-mute");
        world.Twilio.Client("alice").TalksWith.ShouldBeEmpty();
        world.Twilio.Phone(Guest).Hears.ShouldBe("client:alice");
        (await world.PostAsync(one, new() { { "Muted", "false" }, { "Hold", "true" } })).Status.ShouldBe(200);
        world.Twilio.Phone(Guest).Hears.ShouldBe("hold music");
        (await world.GetAsync($"/Conferences/{room}/Participants.json?Hold=true")).Body!["participants"]!.AsArray().Count.ShouldBe(1);
        (await world.SendAsync(HttpMethod.Delete, one, null)).Status.ShouldBe(204);
        (await world.GetAsync(one)).Status.ShouldBe(404);
        await world.EventAsync("participant-leave");
        await world.Twilio.Client("alice").HangUpAsync();
        (await world.PostAsync($"/Conferences/{room}/Participants.json", AddGuest)).Body!["code"]!.GetValue<int>().ShouldBe(16022);
        (await world.GetAsync($"/Conferences/{room}/Participants.json")).Body!["participants"]!.AsArray().ShouldBeEmpty();
        // Sent beside the conference's own webhooks, and not in line with them.
        string[] statuses = ["initiated", "ringing", "in-progress", "completed"];
        foreach (var callStatus in statuses)
            await world.EventAsync(callStatus);
        world.App.At("/guest").Select(request => request["CallStatus"]).ShouldBe(statuses, ignoreOrder: true);
    }

    [Fact]
    public async Task A_participant_who_never_answers_leaves_with_participant_add_failed()
    {
        await using var world = await World.StartAsync();
        world.App.On("/voice", world.Room("room"));
        await world.Twilio.Client("alice").PlaceCallAsync(null);
        await world.EventAsync("participant-join");
        await world.Twilio.Phone(Guest).BehaveAsync(PhoneBehaviour.Busy);
        await world.PostAsync("/Conferences/room/Participants.json", AddGuest);
        await world.EventAsync("participant-leave");
        var leave = world.App.At("/room").Single(request => request["StatusCallbackEvent"] == "participant-leave");
        leave["ReasonParticipantLeft"].ShouldBe("participant_add_failed");
        leave["ParticipantCallStatus"].ShouldBe("busy");
        world.Twilio.Read(cloud => cloud.ActiveConferences().Count).ShouldBe(1);
    }

    [Theory]
    [InlineData(ConferenceEndedViaApi.RunTwiml, 1)]
    [InlineData(ConferenceEndedViaApi.Hangup, 0)]
    public async Task A_conference_ended_over_REST_lets_TwiML_go_on_or_hangs_up(ConferenceEndedViaApi choice, int said)
    {
        await using var world = await World.StartAsync(new() { ConferenceEndedViaApi = choice });
        world.App.On("/voice", world.Room("room").Replace("<Hangup/>", "<Say>bye</Say>", StringComparison.Ordinal));
        await world.Twilio.Client("alice").PlaceCallAsync(null);
        await world.Twilio.WaitUntilAsync(cloud => cloud.ActiveConference("room") is not null, World.Soon);
        await world.Twilio.Client("bob").PlaceCallAsync(null);
        await world.EventAsync("conference-start");
        var (status, body, _) = await world.PostAsync(
            $"/Conferences/{world.Twilio.Client("bob").ConferenceSid}.json", new() { { "Status", "completed" } });
        status.ShouldBe(200);
        OpenApi.Check("api.v2010.account.conference", body!);
        body!["reason_conference_ended"]!.GetValue<string>().ShouldBe("conference-ended-via-api");
        await world.Twilio.WaitUntilAsync(cloud => cloud.LiveLegs().Count == 0, World.Soon);
        world.Twilio.Client("bob").Heard.Count(what => what == "\"bye\"").ShouldBe(said);
        await world.EventAsync("conference-end");
        await world.EventAsync("participant-leave", 2);
        world.App.At("/room").Where(
            request => request["StatusCallbackEvent"] == "participant-leave").Select(request => request["ReasonParticipantLeft"])
            .ShouldBe(["conference_ended_via_api", "conference_ended_via_api"]);
    }

    [Fact]
    public async Task Lists_are_filtered_and_paged()
    {
        await using var world = await World.StartAsync();
        for (var i = 0; i < 3; i++)
        {
            await world.CallAsync("client:bob");
        }
        var other = await world.CallAsync("client:carol");
        var (_, page, _) = await world.GetAsync("/Calls.json?To=client%3Abob&PageSize=2");
        page!["calls"]!.AsArray().Count.ShouldBe(2);
        var next = page["next_page_uri"]!.GetValue<string>();
        (await world.GetAsync(next)).Body!["calls"]!.AsArray().Count.ShouldBe(1);
        (await world.GetAsync(next)).Body!["next_page_uri"].ShouldBeNull();
        (await world.GetAsync("/Calls.json?StartTime%3E=2100-01-01")).Body!["calls"]!.AsArray().ShouldBeEmpty();
        (await world.GetAsync("/Conferences.json?Status=in-progress")).Body!["conferences"]!.AsArray().ShouldBeEmpty();
        OpenApi.Check("api.v2010.account.call", (await world.GetAsync($"/Calls/{other}.json")).Body!);
    }
}

/// <summary>Checks bodies against Twilio's own description.</summary>
internal static class OpenApi
{
    public static void Check(string schema, JsonNode body)
    {
        var schemas = JsonNode.Parse(Published.OpenApi)!["components"]!["schemas"]!;
        foreach (var (name, property) in schemas[schema]!["properties"]!.AsObject())
        {
            body.AsObject().ContainsKey(name).ShouldBeTrue($"{schema} lacks {name}");
            if (body[name] is not { } value)
            {
                continue;
            }
            var type = (property!["$ref"] is { } reference ? schemas[reference.GetValue<string>().Split('/')[^1]] : property)!;
            value.GetValueKind().ToString().ShouldBeOneOf(type["type"]!.GetValue<string>() switch
            {
                "boolean" => ["True", "False"],
                "object" => ["Object"],
                "integer" => ["Number"],
                _ => ["String"],
            });
            if (type["enum"] is JsonArray allowed)
            {
                allowed.Select(one => one!.GetValue<string>()).ShouldContain(value.GetValue<string>());
            }
        }
    }
}
