using System.Globalization;
using System.Text.Json.Nodes;

namespace Calls.Sandbox.Twilio;

/// <summary>The Participant resource (twilio.com/docs/voice/api/conference-participant-resource).</summary>
internal sealed class ParticipantsResource(TwilioCloud cloud)
{
    private static readonly string[] DefaultEvents = ["start", "end"];

    /// <summary>Calls a phone and adds it to a conference.</summary>
    /// <remarks>A conference named by SID must be active; a friendly name may open a new one.</remarks>
    public JsonObject Create(string conference, Parameters form)
    {
        var (from, to) = form.Parties(cloud.Options);
        var label = form["Label"] is { Length: > 0 } given ? given : null;
        if (label is not null && !ParticipantLabel.IsValid(label))
        {
            throw RestRefusal.BadRequest(16024, $"Participant label {label} is invalid");
        }
        var statusCallback = form.StatusCallback();
        var timeout = form.Seconds("Timeout", 5, 600, 21208) ?? TimeSpan.FromSeconds(60);
        var timeLimit = form.Seconds("TimeLimit", 1, 86_400, 20001);
        var settings = new ParticipantSettings
        {
            Label = label,
            Muted = form.Bool("Muted") ?? false,
            StartConferenceOnEnter = form.Bool("StartConferenceOnEnter") ?? true,
            EndConferenceOnExit = form.Bool("EndConferenceOnExit") ?? false,
            EarlyMedia = form.Bool("EarlyMedia") ?? true,
            CallSidToCoach = form["CallSidToCoach"],
            WaitUrl = form["WaitUrl"] is null or "" ? form["WaitUrl"] : form.Target("WaitUrl", "WaitMethod")?.Url,
            WaitMethod = form["WaitMethod"] ?? "POST",
        };
        var callback = form.Target("ConferenceStatusCallback") is { } target
            ? target with { Events = form.List("ConferenceStatusCallbackEvent") is { Count: > 0 } events ? events : DefaultEvents }
            : null;
        var room = Room(conference, callback);
        if (label is not null && room.Participants.Any(other => other.Label == label))
        {
            throw RestRefusal.BadRequest(16026, $"Participant label {label} is already in use");
        }
        if (room.Participants.Count >= (form.Seconds("MaxParticipants", 2, 250, 20001)?.TotalSeconds ?? 250))
        {
            throw RestRefusal.BadRequest(16020, "Conference is full");
        }
        var leg = cloud.Calls.CallOut(new(from, to) { StatusCallback = statusCallback, Timeout = timeout, TimeLimit = timeLimit });
        return Body(cloud.Rooms.AddConnecting(room, leg, settings));
    }

    public JsonObject Fetch(RestRoute route) =>
        (Room(route)?.ParticipantsAt(ReadAt) ?? []).FirstOrDefault(seen => IsNamed(seen.Participant, seen.State, route))
            is { Participant: { } found, State: { } state }
            ? Body(found, state)
            : throw RestRefusal.NotFound(route.Path);

    public JsonObject Update(RestRoute route, Parameters form)
    {
        var participant = Find(route);
        if (form.Bool("Muted") is { } muted)
        {
            cloud.Rooms.SetMuted(participant, muted);
        }
        if (form.Bool("Hold") is { } hold)
        {
            cloud.Rooms.SetHold(participant, hold, form.Target("HoldUrl", "HoldMethod", "GET"));
        }
        var (end, coaching) = (form.Bool("EndConferenceOnExit"), form.Bool("Coaching"));
        participant.EndConferenceOnExit = end ?? participant.EndConferenceOnExit;
        participant.Coaching = coaching ?? participant.Coaching;
        participant.CallSidToCoach = form["CallSidToCoach"] ?? participant.CallSidToCoach;
        if (end is not null || coaching is not null || form.Has("BeepOnExit") || form.Has("WaitUrl"))
        {
            cloud.Rooms.Modified(participant);
        }
        if (form.Target("AnnounceUrl", "AnnounceMethod") is { } announcement)
        {
            var extra = new Parameters { { "AnnounceUrl", announcement.Url } };
            cloud.Sound.Play(participant, WebhookKind.Announcement, announcement, () => participant.IsIn, () =>
                cloud.Callbacks.ConferenceEvent(participant.Conference, "announcement", "announcement-end", participant, extra));
        }
        return Body(participant);
    }

    public Answer Delete(RestRoute route)
    {
        cloud.Rooms.Kick(Find(route));
        return new(204, null, null);
    }

    /// <summary>Lists the participants that are in the conference and those whose phones are still being called.</summary>
    public JsonObject List(RestRoute route)
    {
        var room = Room(route) ?? throw RestRefusal.NotFound(route.Path);
        return route.Page(
            "participants",
            room.ParticipantsAt(ReadAt).Where(seen =>
                route.Passes("Muted", seen.State.Muted)
                && route.Passes("Hold", seen.State.Hold)
                && route.Passes("Coaching", seen.Participant.Coaching)),
            seen => seen.Participant.Leg.Sid,
            seen => Body(seen.Participant, seen.State));
    }

    /// <summary>The time whose state a GET reads.</summary>
    private DateTimeOffset ReadAt => cloud.Scheduler.Now - cloud.Options.ParticipantReadLag;

    private Conference? Room(RestRoute route) => cloud.FindConference(route.Conference) ?? cloud.ActiveConference(route.Conference);

    private bool IsNamed(Participant participant, ParticipantState state, RestRoute route) =>
        participant.Leg.Sid == route.Participant
        || (participant.Label == route.Participant && (state.Status == "connected" || cloud.Options.FindsRingingByLabel));

    private Conference Room(string sidOrName, CallbackTarget? callback)
    {
        if (sidOrName.Length != 34 || !sidOrName.StartsWith("CF", StringComparison.Ordinal))
        {
            return cloud.ActiveConference(sidOrName) ?? cloud.Rooms.Open(sidOrName, callback);
        }
        var room = cloud.FindConference(sidOrName) ?? throw RestRefusal.NotFound($"/Conferences/{sidOrName}/Participants.json");
        return room.State != ConferenceState.Completed
            ? room
            : throw RestRefusal.BadRequest(16022, "Conference does not exist or is completed");
    }

    private Participant Find(RestRoute route)
    {
        var room = Room(route);
        var known = room is { State: not ConferenceState.Completed } ? room.Participants : [];
        return known.FirstOrDefault(participant => IsNamed(participant, participant.State, route))
            ?? throw RestRefusal.NotFound(route.Path);
    }

    private string Uri(Participant participant) =>
        $"/2010-04-01/Accounts/{cloud.Options.AccountSid}/Conferences/{participant.Conference.Sid}/Participants/{participant.Leg.Sid}.json";

    private JsonObject Body(Participant participant) => Body(participant, participant.State);

    private JsonObject Body(Participant participant, ParticipantState state) => new()
    {
        ["account_sid"] = cloud.Options.AccountSid,
        ["call_sid"] = participant.Leg.Sid,
        ["label"] = participant.Label,
        ["call_sid_to_coach"] = participant.CallSidToCoach,
        ["coaching"] = participant.Coaching,
        ["conference_sid"] = participant.Conference.Sid,
        ["date_created"] = Callbacks.Date(participant.Created),
        ["date_updated"] = Callbacks.Date(participant.Updated),
        ["end_conference_on_exit"] = participant.EndConferenceOnExit,
        ["muted"] = state.Muted,
        ["hold"] = state.Hold,
        ["start_conference_on_enter"] = participant.Settings.StartConferenceOnEnter,
        ["status"] = state.Status,
        ["queue_time"] = participant.ViaApi
            ? participant.Leg.QueueTime.TotalMilliseconds.ToString("0", CultureInfo.InvariantCulture)
            : null,
        ["uri"] = Uri(participant),
    };
}
