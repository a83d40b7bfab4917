namespace Calls.Sandbox.Twilio;

/// <summary>One run of TwiML on a leg. When the leg ends or is redirected, the run is abandoned and its results are ignored.</summary>
internal sealed class TwimlScript
{
    public bool IsAbandoned { get; private set; }

    /// <summary>Whether its TwiML was sent by REST.</summary>
    public bool IsInline { get; init; }

    public void Abandon() => IsAbandoned = true;
}

/// <summary>Runs TwiML verb by verb (twilio.com/docs/voice/twiml).</summary>
internal sealed class TwimlRunner(TwilioCloud cloud)
{
    /// <summary>The value of DialCallStatus after a conference. Twilio always sends this value.</summary>
    private const string Answered = "answered";

    /// <summary>Runs TwiML on a leg. An earlier run is abandoned.</summary>
    public void Run(Leg leg, TwimlSource source, WebhookKind kind)
    {
        leg.Script?.Abandon();
        var script = new TwimlScript { IsInline = source.Inline is not null };
        leg.Script = script;
        cloud.Launch(() => RunAsync(leg, script, source, kind));
    }

    /// <summary>REST redirects a leg to other TwiML. The leg leaves its conference at once.</summary>
    public void Redirect(Leg leg, TwimlSource source)
    {
        leg.Script?.Abandon();
        if (leg.Participant is { } participant)
        {
            cloud.Rooms.Leave(participant, LeaveReasons.UpdatedViaApi, DialEnd.Redirected);
        }
        Run(leg, source, WebhookKind.Answer);
    }

    private async Task RunAsync(Leg leg, TwimlScript script, TwimlSource source, WebhookKind kind)
    {
        var document = source.Url is { } url ? await FetchAsync(leg, script, kind, url) : Inline(leg, source.Inline ?? "");
        // An answer to a Redirect or a Dial action replaces the document. At the end of a document the leg hangs up.
        while (document is not null && !script.IsAbandoned)
        {
            document = await RunAsync(leg, script, document);
        }
    }

    /// <summary>Runs one document and gives the document that replaces it; null if there is none.</summary>
    private async Task<TwimlDocument?> RunAsync(Leg leg, TwimlScript script, TwimlDocument document)
    {
        if (leg.Vanished)
        {
            cloud.Calls.HangUp(leg, "the phone lost its connection");
            return null;
        }
        foreach (var verb in document.Verbs)
        {
            if (verb is not (Verb.Pause or Verb.Reject or Verb.Redirect))
            {
                cloud.Calls.PickUp(leg, "TwiML");
            }
            switch (verb)
            {
                case Verb.Say or Verb.Play or Verb.Pause:
                    await PlayAsync(leg, script, verb);
                    break;
                case Verb.Gather gather:
                    var keys = await GatherAsync(leg, script, gather);
                    if (script.IsAbandoned)
                    {
                        return null;
                    }
                    if (keys.Length > 0 || gather.ActionOnEmptyResult)
                    {
                        return await FetchAsync(leg, script, WebhookKind.Gather, gather.Action, new() { { "Digits", keys } });
                    }
                    break;
                case Verb.Redirect redirect:
                    return await FetchAsync(leg, script, WebhookKind.Redirect, redirect.To);
                case Verb.Reject reject:
                    cloud.Calls.End(leg, reject.Busy ? LegState.Busy : LegState.NoAnswer, "<Reject>", reject.Busy ? 486 : 480);
                    return null;
                case Verb.Hangup:
                    cloud.Calls.End(leg, LegState.Completed, "<Hangup>", 200);
                    return null;
                case Verb.Dial dial:
                    var end = await DialAsync(leg, dial);
                    if (end == DialEnd.Redirected && !cloud.Options.RedirectRequestsAction)
                    {
                        return null;
                    }
                    if (end != DialEnd.Refused && dial.Action is { } action)
                    {
                        var bridged = end == DialEnd.LeftConference || leg.AnsweredAt is not null;
                        var next = await FetchAsync(leg, script, WebhookKind.DialAction, action, new()
                        {
                            { "DialCallStatus", Answered },
                            { "DialBridged", bridged ? "true" : "false" },
                        });
                        return script.IsAbandoned ? null : next;
                    }
                    break;
            }
            if (script.IsAbandoned)
            {
                return null;
            }
        }
        cloud.Calls.PickUp(leg, "TwiML");
        cloud.Calls.End(leg, LegState.Completed, "end of TwiML", 200);
        return null;
    }

    private async Task PlayAsync(Leg leg, TwimlScript script, Verb verb)
    {
        switch (verb)
        {
            case Verb.Say say:
                leg.Phone.Hear(leg, $"\"{say.Text}\"");
                await cloud.DelayAsync(cloud.Options.SpeechTime);
                break;
            case Verb.Play play:
                leg.Phone.Hear(leg, play.Url);
                var time = script.IsInline ? cloud.Options.InlinePlayTime : cloud.Options.PlayTime;
                await cloud.DelayAsync(time * cloud.Options.PauseScale);
                break;
            case Verb.Pause pause:
                await cloud.DelayAsync(pause.Length * cloud.Options.PauseScale);
                break;
        }
    }

    /// <summary>Asks for one key, and gives it; an empty text if none was pressed. The time-out counts from the end of the words.</summary>
    /// <remarks>twilio.com/docs/voice/twiml/gather</remarks>
    private async Task<string> GatherAsync(Leg leg, TwimlScript script, Verb.Gather gather)
    {
        var pressed = leg.Question = new TaskCompletionSource<string>();
        leg.Phone.Asked(leg);
        foreach (var prompt in gather.Prompts)
        {
            if (!script.IsAbandoned && !pressed.Task.IsCompleted)
            {
                await PlayAsync(leg, script, prompt);
            }
        }
        using var timeout = cloud.Scheduler.Schedule(gather.Timeout * cloud.Options.PauseScale, () => pressed.TrySetResult(""));
        var keys = await pressed.Task;
        if (leg.Question == pressed)
        {
            leg.Question = null;
        }
        return keys;
    }

    private async Task<DialEnd> DialAsync(Leg leg, Verb.Dial dial)
    {
        var over = new TaskCompletionSource<DialEnd>();
        cloud.Rooms.Join(leg, dial.Conference, end => cloud.Post(() => over.TrySetResult(end)));
        using var limit = cloud.Scheduler.Schedule(dial.TimeLimit, () =>
        {
            if (leg.Participant is { } participant)
            {
                cloud.Rooms.Leave(participant, LeaveReasons.HungUp, DialEnd.LeftConference);
            }
        });
        return await over.Task;
    }

    private TwimlDocument Inline(Leg leg, string twiml)
    {
        try
        {
            return TwimlDocument.Parse(twiml, null);
        }
        catch (TwimlException broken)
        {
            cloud.LogError(broken.Code, broken.Message, null, leg.Sid);
            return TwimlDocument.ApplicationError;
        }
    }

    /// <summary>Requests TwiML. If that fails, it requests the fallback URL, else it gives the text of an application error.</summary>
    private async Task<TwimlDocument?> FetchAsync(
        Leg leg, TwimlScript script, WebhookKind kind, CallbackTarget url, Parameters? extra = null)
    {
        var parameters = cloud.Callbacks.Voice(leg, isFirst: kind == WebhookKind.Voice);
        if (kind == WebhookKind.Answer && leg.AnsweredBy is { } answeredBy)
        {
            parameters.Add("AnsweredBy", answeredBy);
        }
        parameters.AddRange(extra ?? Parameters.None);
        var response = await cloud.Webhooks.SendAsync(new(kind, "", url, parameters) { CallSid = leg.Sid });
        if (script.IsAbandoned)
        {
            return null;
        }
        try
        {
            return TwimlDocument.Read(response, ConnectionOverrides.Read(url.Url).Url);
        }
        catch (TwimlException broken)
        {
            cloud.LogError(broken.Code, broken.Message, url.Url, leg.Sid);
            return kind != WebhookKind.Fallback && leg.Fallback is { } fallback
                ? await FetchAsync(leg, script, WebhookKind.Fallback, fallback, new()
                {
                    { "ErrorCode", broken.Code.ToString(System.Globalization.CultureInfo.InvariantCulture) },
                    { "ErrorUrl", url.Url },
                })
                : TwimlDocument.ApplicationError;
        }
    }
}
