using System.Globalization;
using System.Xml.Linq;

namespace Calls.Sandbox.Twilio;

public sealed partial class TwilioCloud
{
    /// <summary>The conference that is open under a name; at most one is.</summary>
    private Conference? Open(string name) =>
        conferencesByName.TryGetValue(name, out var all) && all[^1].Status != "completed" ? all[^1] : null;

    private Conference OpenOrCreate(string name)
    {
        if (Open(name) is { } open)
            return open;
        var conference = new Conference(NewSid("CF"), name, Now, Options.FirstSequenceNumber ?? random.Next(2)) { MaxParticipants = Options.MaxParticipants };
        conferences.Add(conference.Sid, conference);
        if (!conferencesByName.TryGetValue(name, out var all))
            conferencesByName[name] = all = [];
        all.Add(conference);
        Journal.Add(JournalKind.Room, name, $"created as {conference.Sid}");
        return conference;
    }

    /// <summary><c>&lt;Dial&gt;&lt;Conference&gt;</c>. False where the leg could not enter, and goes on with its next verb.</summary>
    private bool Enter(Leg leg, XElement dial, XElement noun)
    {
        string? Attribute(string name) => noun.Attribute(name)?.Value;
        var conference = OpenOrCreate(noun.Value.Trim());
        var label = Attribute("participantLabel");
        if (label is not null && conference.Taken.Any(seat => seat.Label == label))
        {
            Journal.Add(JournalKind.Error, leg.Phone.Address, $"16025: label {label} is in use", leg.Sid);
            return false;
        }

        if (conference.Taken.Count >= conference.MaxParticipants)
        {
            Journal.Add(JournalKind.Error, leg.Phone.Address, "16020: the conference is full", leg.Sid);
            return false;
        }

        leg.Dial = dial;
        var seat = new Seat(conference, leg, label, Now)
        {
            Muted = Attribute("muted") == "true",
            StartOnEnter = Attribute("startConferenceOnEnter") != "false",
            EndOnExit = Attribute("endConferenceOnExit") == "true",
            WaitUrl = Attribute("waitUrl"),
            WaitMethod = Attribute("waitMethod") ?? "POST",
        };
        if (int.TryParse(Attribute("maxParticipants"), CultureInfo.InvariantCulture, out var max))
            conference.MaxParticipants = Math.Min(max, Options.MaxParticipants);
        Subscribe(conference, Attribute("statusCallback"), Attribute("statusCallbackMethod"), Attribute("statusCallbackEvent"), "");
        leg.Seat = seat;
        conference.Taken.Add(seat);
        Connect(seat);
        return true;
    }

    /// <summary>The first participant's callback is the conference's; later ones are ignored.</summary>
    private static void Subscribe(Conference conference, string? url, string? method, string? events, string defaultEvents)
    {
        if (conference.Events is not null)
            return;
        conference.Events = [.. (events ?? defaultEvents).Split(' ', StringSplitOptions.RemoveEmptyEntries)];
        conference.StatusCallback = string.IsNullOrEmpty(url) ? null : new Uri(url);
        conference.StatusCallbackMethod = method ?? "POST";
    }

    private void Connect(Seat seat)
    {
        if (seat.Connected || seat.Conference.Status == "completed")
            return;
        var (conference, leg) = (seat.Conference, seat.Leg);
        seat.Connected = true;
        leg.Conference = conference;
        conference.Updated = Now;
        Journal.Add(JournalKind.Room, conference.FriendlyName, $"{leg.Phone.Address} joins as {seat.Label ?? "nobody in particular"}", leg.Sid);
        ConferenceEvent(conference, "join", "participant-join", seat);
        if (conference.Status == "init" && conference.Connected.Count() >= 2 && conference.Connected.Any(s => s.StartOnEnter))
        {
            conference.Status = "in-progress";
            Journal.Add(JournalKind.Room, conference.FriendlyName, "starts");
            ConferenceEvent(conference, "start", "conference-start");
        }
        else if (conference.Status == "init" && seat.WaitUrl is { Length: > 0 } wait)
            RequestWaitDocument(seat, new Uri(wait));
    }

    private void Leave(Seat seat, string reason)
    {
        var (conference, leg) = (seat.Conference, seat.Leg);
        if (!conference.Taken.Remove(seat))
            return;
        leg.Seat = null;
        leg.Conference = null;
        conference.Updated = Now;
        Journal.Add(JournalKind.Room, conference.FriendlyName, $"{leg.Phone.Address} leaves: {reason}", leg.Sid);
        ConferenceEvent(conference, "leave", "participant-leave", seat,
            [new("ParticipantCallStatus", leg.Status), new("ReasonParticipantLeft", reason)]);
        if (seat is { Connected: true, EndOnExit: true } && conference.Taken.Count > 0)
            Complete(conference, "participant-with-end-conference-on-exit-left", seat, "moderator_ended_conference", runTwiml: true);
        else if (conference.Taken.Count == 0)
            Complete(conference, "last-participant-left", seat, reason, runTwiml: true);
    }

    private void Complete(Conference conference, string reason, Seat? by, string reasonLeft, bool runTwiml)
    {
        if (conference.Status == "completed")
            return;
        conference.Status = "completed";
        conference.ReasonEnded = reason;
        conference.CallSidEnding = by?.Leg.Sid;
        conference.Updated = Now;
        foreach (var seat in conference.Taken.ToList())
        {
            conference.Taken.Remove(seat);
            var leg = seat.Leg;
            (leg.Seat, leg.Conference) = (null, null);
            ConferenceEvent(conference, "leave", "participant-leave", seat, [new("ParticipantCallStatus", leg.Status), new("ReasonParticipantLeft", reasonLeft)]);
            if (leg.Dial is not null && runTwiml)
                DialIsOver(leg);
            else
                End(leg, leg.AnsweredAt is null ? "canceled" : "completed", reasonLeft);
        }

        Journal.Add(JournalKind.Room, conference.FriendlyName, $"ends: {reason}");
        var details = new List<KeyValuePair<string, string>> { new("ReasonConferenceEnded", reason), new("Reason", $"Conference ended: {reason}") };
        if (by is not null)
        {
            details.Add(new("CallSidEndingConference", by.Leg.Sid));
            if (by.Label is not null)
                details.Add(new("ParticipantLabelEndingConference", by.Label));
        }

        ConferenceEvent(conference, "end", "conference-end", null, details);
    }

    private void SetFlags(Seat seat, bool? muted, bool? hold)
    {
        if (muted is { } m && m != seat.Muted)
        {
            seat.Muted = m;
            ConferenceEvent(seat.Conference, "mute", m ? "participant-mute" : "participant-unmute", seat);
        }

        if (hold is { } h && h != seat.Hold)
        {
            seat.Hold = h;
            ConferenceEvent(seat.Conference, "hold", h ? "participant-hold" : "participant-unhold", seat);
        }
    }

    private void ConferenceEvent(Conference conference, string subscription, string name, Seat? seat = null, IReadOnlyList<KeyValuePair<string, string>>? details = null)
    {
        if (conference.StatusCallback is null || conference.Events?.Contains(subscription) != true)
            return;
        List<KeyValuePair<string, string>> parameters =
        [
            new("ConferenceSid", conference.Sid), new("FriendlyName", conference.FriendlyName), new("AccountSid", Options.AccountSid),
            new("SequenceNumber", (conference.SequenceNumber++).ToString(CultureInfo.InvariantCulture)), new("Timestamp", Rfc2822(Now)), new("StatusCallbackEvent", name),
        ];
        if (seat is not null)
        {
            parameters.AddRange(
            [
                new("CallSid", seat.Leg.Sid), new("Muted", Text(seat.Muted)), new("Hold", Text(seat.Hold)), new("Coaching", "false"),
                new("EndConferenceOnExit", Text(seat.EndOnExit)), new("StartConferenceOnEnter", Text(seat.StartOnEnter)),
            ]);
            if (seat.Label is not null)
                parameters.Add(new("ParticipantLabel", seat.Label));
        }

        Send(WebhookKind.Conference, conference.StatusCallback, conference.StatusCallbackMethod, [.. parameters, .. details ?? []], seat?.Leg.Sid, name);
    }

    private static string Text(bool value) => value ? "true" : "false";
}
