namespace Calls.Sandbox.Twilio;

/// <summary>A call that a REST request creates.</summary>
internal sealed record OutboundCall(string From, string To)
{
    public CallbackTarget? StatusCallback { get; init; }

    public CallbackTarget? Fallback { get; init; }

    /// <summary>The TwiML to run after the answer; null for a participant of a conference.</summary>
    public TwimlSource? OnAnswer { get; init; }

    /// <summary>The ring time-out, without <see cref="TwilioEmulatorOptions.RingBuffer"/>.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>The longest duration of the call after the answer; null: no limit.</summary>
    public TimeSpan? TimeLimit { get; init; }

    /// <summary><c>Enable</c> or <c>DetectMessageEnd</c>; null: Twilio detects no machines.</summary>
    public string? MachineDetection { get; init; }
}

/// <summary>
/// Moves a leg from state to state: queued, initiated, ringing, in progress, ended (twilio.com/docs/voice/api/call-resource).
/// </summary>
internal sealed class CallFlow(TwilioCloud cloud)
{
    private DateTimeOffset _nextSlot = DateTimeOffset.MinValue;

    /// <summary>A phone calls Twilio: a Voice SDK client calls the TwiML App, a telephone calls a number of the account.</summary>
    public Leg CallIn(Phone caller, string? to, Parameters custom)
    {
        var options = cloud.Options;
        var isNumber = !caller.IsClient && options.NumberVoiceUrl is not null;
        var leg = new Leg(cloud.Sids.Call(), caller, inbound: true, cloud.Scheduler.Now)
        {
            From = caller.ShownAs ?? caller.Address,
            To = to ?? "",
            Custom = custom,
            ApplicationSid = isNumber ? null : options.ApplicationSid,
            StatusCallback = (isNumber ? options.NumberStatusCallback : options.AppStatusCallback) is { } callback
                ? new(callback.AbsoluteUri, "POST", ["completed"]) : null,
            Fallback = options.VoiceFallbackUrl is { } fallback ? new(fallback.AbsoluteUri, "POST") : null,
            StartedAt = cloud.Scheduler.Now,
        };
        cloud.Register(leg);
        Move(leg, LegState.Ringing, isNumber ? "call to a number" : "call to the TwiML App");
        if ((isNumber ? options.NumberVoiceUrl : options.VoiceUrl) is { } voice)
        {
            cloud.Post(() => cloud.Twiml.Run(leg, new(new(voice.AbsoluteUri, options.VoiceMethod), null), WebhookKind.Voice));
        }
        else
        {
            cloud.LogError(11200, "The TwiML App has no Voice URL", null, leg.Sid);
            cloud.Post(() => End(leg, LegState.Failed, "no Voice URL", 404));
        }
        return leg;
    }

    /// <summary>A REST request creates a call.</summary>
    /// <remarks>The call waits in the queue for its turn under <see cref="TwilioEmulatorOptions.CallsPerSecond"/>.</remarks>
    public Leg CallOut(OutboundCall call)
    {
        var at = call.To.IndexOf('?', StringComparison.Ordinal);
        var (address, query) = at < 0 ? (call.To, "") : (call.To[..at], call.To[at..]);
        var leg = new Leg(cloud.Sids.Call(), cloud.Phone(address), inbound: false, cloud.Scheduler.Now)
        {
            From = call.From,
            To = cloud.Options.ClientToHasParameters ? call.To : address,
            Custom = Parameters.Parse(query),
            StatusCallback = call.StatusCallback,
            Fallback = call.Fallback,
            OnAnswer = call.OnAnswer,
            RingTimeout = call.Timeout,
            TimeLimit = call.TimeLimit,
            MachineDetection = call.MachineDetection,
            QueueTime = QueueTime(),
        };
        cloud.Register(leg);
        Move(leg, LegState.Queued, "REST");
        if (cloud.Options.InitiatedWhileQueued)
        {
            cloud.Post(() => cloud.Callbacks.CallProgress(leg, "initiated", "initiated"));
        }
        cloud.Scheduler.Schedule(leg.QueueTime, () => Initiate(leg));
        return leg;
    }

    /// <summary>The callee answers.</summary>
    public void Answer(Leg leg)
    {
        if (leg.State != LegState.Ringing || leg.Inbound)
        {
            return;
        }
        PickUp(leg, "answered by the callee");
        cloud.Callbacks.CallProgress(leg, "answered");
        if (leg.Participant is { } participant)
        {
            cloud.Rooms.Connect(participant);
        }
        else if (leg is { OnAnswer: { } recognised, MachineDetection: not null })
        {
            Detect(leg, recognised);
        }
        else if (leg.OnAnswer is { } twiml)
        {
            cloud.Twiml.Run(leg, twiml, WebhookKind.Answer);
        }
    }

    /// <summary>The leg is answered: by the callee, or by Twilio when the TwiML of an inbound call needs a connected caller.</summary>
    public void PickUp(Leg leg, string why)
    {
        if (leg.State != LegState.Ringing)
        {
            return;
        }
        leg.AnsweredAt = cloud.Scheduler.Now;
        Move(leg, LegState.InProgress, why);
        if (leg.TimeLimit is { } limit)
        {
            cloud.Scheduler.Schedule(limit, () => End(leg, LegState.Completed, "time limit", 200));
        }
    }

    /// <summary>The leg ends. If it has already ended, nothing changes.</summary>
    public void End(Leg leg, LegState state, string why, int sipResponseCode, string leaveReason = LeaveReasons.HungUp)
    {
        if (leg.Ended)
        {
            return;
        }
        var wasQueued = leg.State == LegState.Queued;
        leg.EndedAt = cloud.Scheduler.Now;
        leg.SipResponseCode = sipResponseCode;
        Move(leg, state, why);
        leg.Script?.Abandon();
        if (leg.Participant is { } participant)
        {
            cloud.Rooms.Leave(participant, leaveReason, DialEnd.LegEnded);
        }
        // Twilio sends no status callback for a call that was canceled in the queue.
        if (!wasQueued)
        {
            cloud.Callbacks.CallProgress(leg, "completed");
        }
        leg.Phone.Ended(leg);
    }

    /// <summary>The phone hangs up, declines, or cancels its own call before the answer.</summary>
    public void HangUp(Leg leg, string why)
    {
        if (leg.State == LegState.InProgress)
        {
            End(leg, LegState.Completed, why, 200);
        }
        else if (leg.Inbound)
        {
            End(leg, LegState.Canceled, why, 487);
        }
        else if (cloud.Options.DeclineIsBusy)
        {
            End(leg, LegState.Busy, why, 486);
        }
        else
        {
            End(leg, LegState.NoAnswer, why, 480);
        }
    }

    /// <summary>REST ends the leg: a leg in progress is completed, any other leg is canceled.</summary>
    public void EndViaRest(Leg leg, bool asCanceled = false)
    {
        var rang = leg.State is LegState.Initiated or LegState.Ringing && !asCanceled && cloud.Options.StoppedRingingIsCompleted;
        var (state, sipResponseCode) = leg.State == LegState.InProgress ? (LegState.Completed, 200)
            : (rang ? LegState.Completed : LegState.Canceled, 487);
        var reason = cloud.Options.StoppedLegHungUp ? LeaveReasons.HungUp : LeaveReasons.UpdatedViaApi;
        End(leg, state, "ended via REST", sipResponseCode, reason);
    }

    /// <summary>Twilio requests the answer URL when it knows who has answered; with <c>DetectMessageEnd</c> after the beep of a
    /// machine.</summary>
    /// <remarks>twilio.com/docs/voice/answering-machine-detection</remarks>
    private void Detect(Leg leg, TwimlSource twiml)
    {
        var time = cloud.Options.DetectionTime;
        var (answeredBy, takes) = leg.Phone.Behaviour switch
        {
            PhoneBehaviour.Voicemail when leg.MachineDetection == "DetectMessageEnd" =>
                ("machine_end_beep", leg.Phone.BeepAfter > time ? leg.Phone.BeepAfter : time),
            PhoneBehaviour.Voicemail => ("machine_start", time),
            PhoneBehaviour.Fax => ("fax", time),
            PhoneBehaviour.Unrecognised => ("unknown", time),
            _ => ("human", time),
        };
        cloud.Scheduler.Schedule(takes, () =>
        {
            if (leg.State == LegState.InProgress && leg.AnsweredBy is null)
            {
                leg.AnsweredBy = answeredBy;
                cloud.Twiml.Run(leg, twiml, WebhookKind.Answer);
            }
        });
    }

    private void Initiate(Leg leg)
    {
        if (leg.State != LegState.Queued)
        {
            return;
        }
        leg.StartedAt = cloud.Scheduler.Now;
        Move(leg, LegState.Initiated, "left the queue");
        if (!cloud.Options.InitiatedWhileQueued)
        {
            cloud.Callbacks.CallProgress(leg, "initiated");
        }
        cloud.Scheduler.Schedule(cloud.Options.RingDelay, () => Reach(leg));
    }

    private void Reach(Leg leg)
    {
        if (leg.State != LegState.Initiated)
        {
            return;
        }
        switch (leg.Phone.Behaviour)
        {
            case PhoneBehaviour.Unreachable:
                End(leg, LegState.Failed, "unreachable", 404);
                return;
            case PhoneBehaviour.Busy:
                End(leg, LegState.Busy, "line busy", 486);
                return;
        }
        Move(leg, LegState.Ringing, "ringing");
        cloud.Callbacks.CallProgress(leg, "ringing");
        if (leg.Participant is { Settings.EarlyMedia: true } participant)
        {
            cloud.Rooms.Enter(participant);
        }
        cloud.Scheduler.Schedule(leg.RingTimeout + cloud.Options.RingBuffer, () =>
        {
            if (leg.State == LegState.Ringing)
            {
                End(leg, LegState.NoAnswer, "no answer", 487);
            }
        });
        leg.Phone.Ring(leg);
    }

    private TimeSpan QueueTime()
    {
        var now = cloud.Scheduler.Now;
        if ((cloud.Faults.CallsPerSecond ?? cloud.Options.CallsPerSecond) is not { } rate)
        {
            return cloud.Options.QueueDelay;
        }
        var slot = _nextSlot > now ? _nextSlot : now;
        _nextSlot = slot + TimeSpan.FromSeconds(1 / rate);
        return slot - now + cloud.Options.QueueDelay;
    }

    private void Move(Leg leg, LegState state, string why)
    {
        leg.Enter(state, cloud.Scheduler.Now);
        leg.Participant?.Remember(cloud.Scheduler.Now);
        cloud.Journal.Append(new LegChanged(leg.Phone.Address, state, why)
        {
            CallSid = leg.Sid,
            ConferenceSid = leg.Participant?.Conference.Sid,
        });
    }
}
