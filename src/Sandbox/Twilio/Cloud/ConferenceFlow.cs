namespace Calls.Sandbox.Twilio;

/// <summary>The values of the parameter ReasonParticipantLeft that the emulator sends.</summary>
internal static class LeaveReasons
{
    public const string HungUp = "participant_hung_up";
    public const string UpdatedViaApi = "participant_updated_via_api";
    public const string EndedViaApi = "conference_ended_via_api";
    public const string ModeratorEnded = "moderator_ended_conference";
    public const string AddFailed = "participant_add_failed";
}

/// <summary>Opens, starts and ends conferences, and lets participants join and leave (twilio.com/docs/voice/twiml/conference).</summary>
internal sealed class ConferenceFlow(TwilioCloud cloud)
{
    /// <summary>Opens a conference. Its status callback is that of the first participant, and it never changes.</summary>
    public Conference Open(string friendlyName, CallbackTarget? statusCallback)
    {
        var first = cloud.Options.FirstSequenceNumber ?? cloud.Chance.Next(2);
        var room = new Conference(cloud.Sids.Conference(), friendlyName, cloud.Scheduler.Now, first) { StatusCallback = statusCallback };
        cloud.Register(room);
        Record(room, "opened");
        return room;
    }

    /// <summary>A leg joins by <c>&lt;Dial&gt;&lt;Conference&gt;</c>.</summary>
    /// <remarks><paramref name="onExit"/> is called once, when it leaves or cannot join.</remarks>
    public void Join(Leg leg, ConferenceNoun noun, Action<DialEnd> onExit)
    {
        var room = cloud.ActiveConference(noun.Name) ?? Open(noun.Name, noun.StatusCallback);
        if (noun.Settings.Label is { } label && room.Participants.Any(other => other.Label == label))
        {
            // The leg does not join, and goes on with its next verb.
            cloud.LogError(16025, $"The participant label {label} is in use", null, leg.Sid);
            onExit(DialEnd.Refused);
            return;
        }
        if (room.Participants.Count >= noun.MaxParticipants)
        {
            cloud.LogError(16020, "The conference is full", null, leg.Sid);
            onExit(DialEnd.Refused);
            return;
        }
        var participant = new Participant(leg, room, noun.Settings, cloud.Scheduler.Now) { OnExit = onExit };
        room.Add(participant);
        leg.Participant = participant;
        Enter(participant);
        StartWaiting(participant);
    }

    /// <summary>REST adds a leg. It is a participant at once, and it enters the conference when its phone is answered.</summary>
    public Participant AddConnecting(Conference room, Leg leg, ParticipantSettings settings)
    {
        var participant = new Participant(leg, room, settings, cloud.Scheduler.Now);
        room.Add(participant);
        leg.Participant = participant;
        participant.Remember(cloud.Scheduler.Now);
        Record(room, "is calling", participant);
        return participant;
    }

    /// <summary>The phone of a leg that REST added was answered.</summary>
    public void Connect(Participant participant)
    {
        if (participant.Conference.State == ConferenceState.Completed)
        {
            cloud.LogError(16022, "The conference is over", null, participant.Leg.Sid);
            cloud.Calls.End(participant.Leg, LegState.Completed, "answered into a conference that is over", 200);
            return;
        }
        Enter(participant);
        StartWaiting(participant);
    }

    /// <summary>A participant enters the conference: at its answer, or while it rings with early media.</summary>
    public void Enter(Participant participant)
    {
        var room = participant.Conference;
        if (participant.IsIn || room.State == ConferenceState.Completed)
        {
            return;
        }
        participant.IsIn = true;
        room.WasEntered = true;
        participant.Updated = cloud.Scheduler.Now;
        participant.Remember(cloud.Scheduler.Now);
        var starts = room.State == ConferenceState.Init
            && room.Connected.Count() >= 2
            && room.Connected.Any(other => other.Settings.StartConferenceOnEnter);
        if (starts && cloud.Options.StartBeforeSecondJoin)
        {
            Start(room);
        }
        Record(room, "joined by", participant);
        cloud.Callbacks.ConferenceEvent(room, "join", "participant-join", participant);
        if (starts && !cloud.Options.StartBeforeSecondJoin)
        {
            Start(room);
        }
    }

    /// <summary>A participant leaves. The conference ends with its last participant, or with one that has EndConferenceOnExit.</summary>
    public void Leave(Participant participant, string reason, DialEnd end, bool kicked = false)
    {
        var room = participant.Conference;
        var wasIn = participant.IsIn;
        if (!Remove(participant, participant.ViaApi && participant.Leg.AnsweredAt is null ? LeaveReasons.AddFailed : reason))
        {
            participant.Leg.Participant = null;
            return;
        }
        participant.OnExit?.Invoke(end);
        var how = kicked ? "kicked" : "left";
        if (wasIn && participant.EndConferenceOnExit)
        {
            Complete(room, $"participant-with-end-conference-on-exit-{how}", LeaveReasons.ModeratorEnded, participant);
        }
        else if (!room.Connected.Any() && (wasIn || room.Participants.Count == 0))
        {
            Complete(room, $"last-participant-{how}", LeaveReasons.ModeratorEnded, participant);
        }
    }

    public void EndViaApi(Conference room) => Complete(room, "conference-ended-via-api", LeaveReasons.EndedViaApi, null);

    /// <summary>REST deletes a participant. A leg that REST added ends.</summary>
    public void Kick(Participant participant)
    {
        var hangUp = participant.ViaApi || cloud.Options.KickHangsUp;
        Leave(participant, LeaveReasons.UpdatedViaApi, hangUp ? DialEnd.LegEnded : DialEnd.LeftConference, kicked: true);
        if (hangUp)
        {
            cloud.Calls.EndViaRest(participant.Leg);
        }
    }

    public void SetMuted(Participant participant, bool muted)
    {
        if (participant.Muted != muted)
        {
            participant.Muted = muted;
            Changed(participant, muted ? "mute" : "unmute", "mute");
        }
    }

    public void SetHold(Participant participant, bool hold, CallbackTarget? holdUrl)
    {
        if (participant.Hold == hold)
        {
            return;
        }
        participant.Hold = hold;
        participant.Playing = hold ? "hold music" : null;
        Changed(participant, hold ? "hold" : "unhold", "hold");
        if (hold && holdUrl is not null)
        {
            cloud.Sound.Play(participant, WebhookKind.Hold, holdUrl, () => participant.Hold);
        }
    }

    /// <summary>BeepOnExit, EndConferenceOnExit, Coaching or WaitUrl was changed.</summary>
    public void Modified(Participant participant) => Changed(participant, "modify", "modify");

    private void Changed(Participant participant, string what, string subscription)
    {
        participant.Updated = cloud.Scheduler.Now;
        participant.Remember(cloud.Scheduler.Now);
        Record(participant.Conference, what, participant);
        cloud.Callbacks.ConferenceEvent(participant.Conference, subscription, "participant-" + what, participant);
    }

    private void Start(Conference room)
    {
        room.Enter(ConferenceState.InProgress, cloud.Scheduler.Now);
        foreach (var participant in room.Connected)
        {
            participant.Playing = null;
        }
        Record(room, "started");
        cloud.Callbacks.ConferenceEvent(room, "start", "conference-start");
    }

    private void StartWaiting(Participant participant)
    {
        if (participant.Conference.State != ConferenceState.Init || participant.Playing is not null)
        {
            return;
        }
        switch (participant.Settings.WaitUrl)
        {
            case null:
                participant.Playing = "Twilio's wait music";
                participant.Leg.Phone.Hear(participant.Leg, participant.Playing);
                break;
            case "":
                participant.Playing = null;
                break;
            case { } url:
                cloud.Sound.PlayWait(participant, new(url, participant.Settings.WaitMethod));
                break;
        }
    }

    /// <summary>Removes a participant and sends <c>participant-leave</c>; false if the conference was already over.</summary>
    private bool Remove(Participant participant, string reason)
    {
        var room = participant.Conference;
        if (room.State == ConferenceState.Completed || !room.Participants.Contains(participant))
        {
            return false;
        }
        room.Remove(participant, cloud.Scheduler.Now);
        room.Updated = cloud.Scheduler.Now;
        participant.IsIn = false;
        participant.Playing = null;
        participant.Leg.Participant = null;
        Record(room, $"left ({reason}) by", participant);
        cloud.Callbacks.ConferenceEvent(room, "leave", "participant-leave", participant, new()
        {
            { "ParticipantCallStatus", participant.Leg.CallStatus },
            { "ReasonParticipantLeft", reason },
        });
        return true;
    }

    private void Complete(Conference room, string reason, string leaveReason, Participant? ending)
    {
        var removed = room.Connected.ToList();
        foreach (var participant in removed)
        {
            Remove(participant, leaveReason);
        }
        room.Enter(ConferenceState.Completed, cloud.Scheduler.Now);
        room.ReasonEnded = reason;
        room.CallSidEnding = ending?.Leg.Sid;
        Record(room, $"ended ({reason})");
        if (room.WasEntered)
        {
            cloud.Callbacks.ConferenceEvent(room, "end", "conference-end", extra: new()
            {
                { "CallSidEndingConference", ending?.Leg.Sid },
                { "ParticipantLabelEndingConference", ending?.Label },
                { "Reason", ending is null ? "Conference ended via API" : $"Participant {ending.Label ?? ending.Leg.Sid} left" },
                { "ReasonConferenceEnded", reason },
            });
        }
        foreach (var participant in removed)
        {
            ReleaseLeg(participant, reason);
        }
        if (cloud.Options.RingingAfterTheEnd == RingingAfterTheEnd.IsCanceled)
        {
            foreach (var connecting in room.Participants.ToList())
            {
                cloud.Calls.End(connecting.Leg, LegState.Canceled, "its conference ended", 487, LeaveReasons.UpdatedViaApi);
            }
        }
    }

    /// <summary>Lets a leg go on with its TwiML, or ends it, after the end of its conference.</summary>
    private void ReleaseLeg(Participant participant, string reason)
    {
        var hangUp = reason == "conference-ended-via-api" && cloud.Options.ConferenceEndedViaApi == ConferenceEndedViaApi.Hangup;
        if (participant.ViaApi || hangUp)
        {
            var state = participant.Leg.AnsweredAt is null ? LegState.Canceled : LegState.Completed;
            cloud.Calls.End(participant.Leg, state, "its conference ended", 200);
            participant.OnExit?.Invoke(DialEnd.LegEnded);
        }
        else
        {
            participant.OnExit?.Invoke(DialEnd.LeftConference);
        }
    }

    private void Record(Conference room, string change, Participant? participant = null) =>
        cloud.Journal.Append(new ConferenceChanged(room.FriendlyName, change, participant?.Leg.Phone.Address)
        {
            ConferenceSid = room.Sid,
            CallSid = participant?.Leg.Sid,
        });
}
