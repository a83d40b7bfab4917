using System.Text.Json.Nodes;

namespace Calls.Sandbox.Twilio;

/// <summary>The Conference resource (twilio.com/docs/voice/api/conference-resource).</summary>
internal sealed class ConferencesResource(TwilioCloud cloud)
{
    private const string InProgress = "in-progress";

    public JsonObject Fetch(string sid) => Body(Find(sid));

    /// <summary>Ends a conference, or plays an announcement to it.</summary>
    /// <remarks>
    /// Twilio does not document the error for a conference that is not in progress. Here it is 400 with code 16099 for <c>init</c>, and 400
    /// with code 16022 for <c>completed</c>.
    /// </remarks>
    public JsonObject Update(string sid, Parameters form)
    {
        var room = Find(sid);
        if (room.State == ConferenceState.Completed)
        {
            throw RestRefusal.BadRequest(16022, "Conference does not exist or is completed");
        }
        if (form["Status"] is { Length: > 0 } status)
        {
            if (status != "completed")
            {
                throw RestRefusal.BadRequest(20001, $"Status {status} is not valid");
            }
            if (StatusOf(room, room.State) != InProgress)
            {
                throw RestRefusal.BadRequest(16099, "Conference has an unexpected status: it is not in progress");
            }
            cloud.Rooms.EndViaApi(room);
        }
        else if (form.Target("AnnounceUrl", "AnnounceMethod") is { } announcement && room.Connected.FirstOrDefault() is { } first)
        {
            var extra = new Parameters { { "AnnounceUrl", announcement.Url } };
            cloud.Sound.Play(first, WebhookKind.Announcement, announcement, () => room.State != ConferenceState.Completed, () =>
                cloud.Callbacks.ConferenceEvent(room, "announcement", "announcement-end", extra: extra));
        }
        return Body(room);
    }

    public JsonObject List(RestRoute route)
    {
        var at = cloud.Scheduler.Now - cloud.Options.ConferenceListLag;
        return route.Page(
            "conferences",
            cloud.Conferences.Reverse().Where(room => room.StateAt(at) is { } state
                && route.Passes("FriendlyName", room.FriendlyName) && PassesStatus(route, StatusOf(room, state))
                && route.Passes("DateCreated", room.Created) && route.Passes("DateUpdated", room.Updated)),
            room => room.Sid,
            room => Body(room, room.StateAt(at)!.Value));
    }

    private bool PassesStatus(RestRoute route, string status) => route.Query["Status"] is { Length: > 0 } wanted
        ? wanted == status
        : cloud.Options.ConferencesWithoutStatus switch
        {
            ConferencesWithoutStatus.All => true,
            ConferencesWithoutStatus.NotCompleted => status != Conference.StatusOf(ConferenceState.Completed),
            _ => status == InProgress,
        };

    private string StatusOf(Conference room, ConferenceState state) =>
        Conference.StatusOf(state == ConferenceState.Init && room.WasEntered && cloud.Options.RoomOfOneIsInProgress
            ? ConferenceState.InProgress
            : state);

    private Conference Find(string sid) =>
        cloud.FindConference(sid) ?? throw RestRefusal.NotFound($"/2010-04-01/Accounts/{cloud.Options.AccountSid}/Conferences/{sid}.json");

    private JsonObject Body(Conference room) => Body(room, room.State);

    private JsonObject Body(Conference room, ConferenceState state)
    {
        var isOver = state == ConferenceState.Completed;
        var uri = $"/2010-04-01/Accounts/{cloud.Options.AccountSid}/Conferences/{room.Sid}";
        return new()
        {
            ["sid"] = room.Sid,
            ["account_sid"] = cloud.Options.AccountSid,
            ["friendly_name"] = room.FriendlyName,
            ["status"] = StatusOf(room, state),
            ["region"] = "us1",
            ["reason_conference_ended"] = isOver ? room.ReasonEnded : null,
            ["call_sid_ending_conference"] = isOver ? room.CallSidEnding : null,
            ["api_version"] = "2010-04-01",
            ["date_created"] = Callbacks.Date(room.Created),
            ["date_updated"] = Callbacks.Date(room.Updated),
            ["uri"] = uri + ".json",
            ["subresource_uris"] = new JsonObject
            {
                ["participants"] = uri + "/Participants.json",
                ["recordings"] = uri + "/Recordings.json",
            },
        };
    }
}
