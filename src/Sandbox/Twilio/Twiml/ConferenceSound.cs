namespace Calls.Sandbox.Twilio;

/// <summary>What participants are played: the waitUrl's document, hold music, announcements.</summary>
internal sealed class ConferenceSound(TwilioCloud cloud)
{
    /// <summary>A participant waits for the conference to start. If the waitUrl fails, it drops out.</summary>
    public void PlayWait(Participant participant, CallbackTarget url) => cloud.Launch(async () =>
    {
        if (!await PlayAsync(participant, WebhookKind.Wait, url, () => participant.IsIn && participant.Conference.State == ConferenceState.Init))
        {
            cloud.Rooms.Leave(participant, LeaveReasons.HungUp, DialEnd.LeftConference);
            if (participant.ViaApi)
            {
                cloud.Calls.End(participant.Leg, LegState.Completed, "its waitUrl failed", 200);
            }
        }
    });

    /// <summary>Hold music or an announcement: a failure is logged, and costs only the sound.</summary>
    public void Play(Participant participant, WebhookKind kind, CallbackTarget url, Func<bool> goesOn, Action? afterwards = null) => cloud.Launch(async () =>
    {
        await PlayAsync(participant, kind, url, goesOn);
        afterwards?.Invoke();
    });

    /// <summary>Plays a waitUrl, HoldUrl or AnnounceUrl: audio, or TwiML of Play, Say, Pause and Redirect. False: it could not be had.</summary>
    private async Task<bool> PlayAsync(Participant participant, WebhookKind kind, CallbackTarget url, Func<bool> goesOn)
    {
        var leg = participant.Leg;
        participant.Playing = url.Url;
        for (CallbackTarget? next = url; next is not null && goesOn();)
        {
            var response = await cloud.Webhooks.SendAsync(new(kind, "", next, cloud.Callbacks.Wait(participant)) { CallSid = leg.Sid, ConferenceSid = participant.Conference.Sid });
            if (!goesOn())
            {
                break;
            }
            TwimlDocument document;
            try
            {
                document = TwimlDocument.Read(response, ConnectionOverrides.Read(next.Url).Url);
            }
            catch (TwimlException broken)
            {
                cloud.LogError(broken.Code, broken.Message, next.Url, leg.Sid);
                return false;
            }
            next = await PlayAsync(participant, document, goesOn);
        }
        if (participant.Playing == url.Url)
        {
            participant.Playing = null;
        }
        return true;
    }

    private async Task<CallbackTarget?> PlayAsync(Participant participant, TwimlDocument document, Func<bool> goesOn)
    {
        var began = cloud.Scheduler.Now;
        foreach (var verb in document.Verbs)
        {
            switch (verb)
            {
                case Verb.Say say:
                    participant.Leg.Phone.Hear(participant.Leg, $"\"{say.Text}\"");
                    await cloud.DelayAsync(cloud.Options.WaitPlayTime);
                    break;
                case Verb.Play play:
                    participant.Leg.Phone.Hear(participant.Leg, play.Url);
                    await cloud.DelayAsync(cloud.Options.WaitPlayTime);
                    break;
                case Verb.Pause pause:
                    await cloud.DelayAsync(pause.Length * cloud.Options.PauseScale);
                    break;
                case Verb.Redirect redirect:
                    // A document of nothing but a redirect to itself must not stop the clock.
                    if (cloud.Scheduler.Now == began)
                    {
                        await cloud.DelayAsync(cloud.Options.WaitPlayTime);
                    }
                    return redirect.To;
                case Verb.Hangup:
                    // Audio, which a leg would hang up after; a wait ends in silence.
                    return null;
                default:
                    cloud.LogError(13238, "Only Play, Say, Pause and Redirect may be waited with", null, participant.Leg.Sid);
                    break;
            }
            if (!goesOn())
            {
                break;
            }
        }
        return null;
    }
}
