namespace Calls.Sandbox.Twilio;

/// <summary>Plays wait documents, hold music and announcements to participants.</summary>
internal sealed class ConferenceSound(TwilioCloud cloud)
{
    /// <summary>Plays the wait document until the conference starts. If the waitUrl fails, the participant leaves.</summary>
    public void PlayWait(Participant participant, CallbackTarget url) => cloud.Launch(async () =>
    {
        var room = participant.Conference;
        if (!await PlayAsync(participant, WebhookKind.Wait, url, () => participant.IsIn && room.State == ConferenceState.Init))
        {
            cloud.Rooms.Leave(participant, LeaveReasons.HungUp, DialEnd.LeftConference);
            if (participant.ViaApi)
            {
                cloud.Calls.End(participant.Leg, LegState.Completed, "its waitUrl failed", 200);
            }
        }
    });

    /// <summary>Plays hold music or an announcement. A failure is logged, and the participant stays.</summary>
    public void Play(
        Participant participant, WebhookKind kind, CallbackTarget url, Func<bool> isActive, Action? afterwards = null) =>
        cloud.Launch(async () =>
        {
            await PlayAsync(participant, kind, url, isActive);
            afterwards?.Invoke();
        });

    /// <summary>Plays a waitUrl, HoldUrl or AnnounceUrl: audio, or TwiML with Play, Say, Pause and Redirect.</summary>
    /// <remarks>False if a request failed.</remarks>
    private async Task<bool> PlayAsync(Participant participant, WebhookKind kind, CallbackTarget url, Func<bool> isActive)
    {
        var leg = participant.Leg;
        participant.Playing = url.Url;
        for (CallbackTarget? next = url; next is not null && isActive();)
        {
            var response = await cloud.Webhooks.SendAsync(new(kind, "", next, cloud.Callbacks.Wait(participant))
            {
                CallSid = leg.Sid,
                ConferenceSid = participant.Conference.Sid,
            });
            if (!isActive())
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
            next = await PlayAsync(participant, document, isActive);
        }
        if (participant.Playing == url.Url)
        {
            participant.Playing = null;
        }
        return true;
    }

    private async Task<CallbackTarget?> PlayAsync(Participant participant, TwimlDocument document, Func<bool> isActive)
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
                    // A document that only redirects to itself would otherwise loop without any time passing.
                    if (cloud.Scheduler.Now == began)
                    {
                        await cloud.DelayAsync(cloud.Options.WaitPlayTime);
                    }
                    return redirect.To;
                case Verb.Hangup:
                    // Audio is read as Play and Hangup. Here the audio ends and the participant waits in silence.
                    return null;
                default:
                    cloud.LogError(13238, "A wait document may contain only Play, Say, Pause and Redirect", null, participant.Leg.Sid);
                    break;
            }
            if (!isActive())
            {
                break;
            }
        }
        return null;
    }
}
