namespace Calls.Api.Endpoints;

/// <summary>The webhooks that answer TwiML. They never wait for Twilio's API, and always answer a document that Twilio can play.</summary>
internal sealed partial class VoiceWebhooks(
    ISender mediator, TwiML twiml, CallbackUrls urls, CallTones tones, InboundNumbers numbers, CalledGroups groups,
    WebhookTelemetry telemetry, HoldOutages outages, ILogger<VoiceWebhooks> logger)
{
    /// <summary>How long a caller gets ringback while the session is not available.</summary>
    private static readonly TimeSpan LongestHold = TimeSpan.FromSeconds(30);
    private const string TooLong = "We are sorry, the call cannot be connected right now. Please call again.";
    private const string NoSuchGroup = "This call cannot be placed, because there is no such group.";
    /// <summary>The leg ends here, and no decision was needed.</summary>
    public static WebhookAnswer HangUp { get; } = new(TwiML.HangUp, WebhookOutcomes.Accepted);

    /// <summary>The Voice URL of the TwiML App: an app user places a call.</summary>
    /// <param name="request">The signed request. After a hold it does not have the app's own parameters.</param>
    /// <param name="held">The call that was held, from the URL; null on the first request.</param>
    public async Task<WebhookAnswer> Voice(TwilioRequest request, HeldCall? held = null)
    {
        if (request.CallSid is not { } leg)
            return Unusable("no CallSid", "This call cannot be placed, because it has no call identifier.");
        var session = held?.Session ?? SessionId.For(leg);
        if (held is null && request.SessionId is { Length: > 0 } named && !SessionId.TryParse(named, out session))
            return Unusable("SessionID", "This call cannot be placed, because its session identifier is not valid.");
        if (request.IsStatusCallback)
            return await ReportAsync(
                request, new ParticipantLeft(session, leg, null, null, LeaveReason.HungUp), ParticipantId.Caller);
        if (request.IsOutbound)
            return Unusable("Direction", "This call cannot be placed, because it does not come from an app user.");
        if (LegStatuses.ClientOf(request.From) is not { Identity: var caller })
            return Unusable("From", "This call cannot be placed, because it does not come from an app user.");
        var why = "";
        if ((held?.Callee ?? Recipient.Parse(request.To, out why)) is not { } callee)
            return Unusable("To", why);
        var group = callee.Group is { } name ? groups.Find(name) : null;
        if (callee.Group is not null && group is null)
            return Unusable("group", NoSuchGroup);
        if (!AppAddress.Fits(session, new Party.Client(caller)))
            return Unusable("CallerIdentity", "This call cannot be placed, because the name of the caller is too long.");
        var retry = held?.Retry ?? 0;
        // An invalid language is ignored. The call is still placed.
        var language = held?.Language ?? (Language.TryParse(request.Language, out var spoken) ? spoken : null);
        var call = new StartCall(session, leg, new Party.Client(caller), callee.Party, request.SpanContext)
        {
            Language = language,
            Group = group,
        };
        return await AnswerAsync(call, retry, () => urls.VoiceAgain(session, callee, language, retry + 1, request.SpanContext));
    }

    /// <summary>The Voice URL of a phone number: a person calls in from a phone. The session is the caller's leg, and no session id is
    /// taken from outside.</summary>
    /// <param name="request">The signed request.</param>
    /// <param name="held">The call that was held, from the URL; null on the first request.</param>
    public async Task<WebhookAnswer> Number(TwilioRequest request, HeldCall? held = null)
    {
        if (request.CallSid is not { } leg)
            return Unusable("no CallSid", "This call cannot be placed, because it has no call identifier.");
        var session = SessionId.For(leg);
        if (request.IsStatusCallback)
            return await ReportAsync(
                request, new ParticipantLeft(session, leg, null, null, LeaveReason.HungUp), ParticipantId.Caller);
        if (request.IsOutbound || LegStatuses.ClientOf(request.From) is not null)
            return Unusable("From", "This call cannot be placed, because it does not come from a phone.");
        var caller = LegStatuses.CallerOf(request.From) ?? Party.Unknown.Instance;
        if (numbers.IsBlocked(caller))
            return Unusable("blocked caller", "Calls from your number are not accepted.");
        if ((held?.Callee ?? numbers.CalleeOf(request.To)) is not { } callee)
            return Unusable("number", "The number you have called is not in service.");
        var group = callee.Group is { } name ? groups.Find(name) : null;
        if (callee.Group is not null && group is null)
            return Unusable("group", NoSuchGroup);
        var retry = held?.Retry ?? 0;
        var call = new StartCall(session, leg, caller, callee.Party, request.SpanContext) { Group = group };
        return await AnswerAsync(call, retry, () => urls.NumberAgain(session, callee, retry + 1, request.SpanContext));
    }

    /// <summary>The answer URL of a call that the service created, and the <c>action</c> of a question. The nonce is null on the tutorial's
    /// path.</summary>
    /// <param name="request">The signed request.</param>
    /// <param name="session">The session.</param>
    /// <param name="participant">The participant.</param>
    /// <param name="nonce">The nonce.</param>
    /// <param name="retry">How often the person has heard ringback, because Redis is away.</param>
    /// <param name="question">The question that the person has answered.</param>
    /// <param name="held">What the first of the held requests said.</param>
    public async Task<WebhookAnswer> Join(
        TwilioRequest request, SessionId session, ParticipantId participant, string? nonce, int retry = 0, int? question = null,
        HeldAnswer? held = null)
    {
        if (request.CallSid is not { } leg)
            return HangUp;
        if (request.IsStatusCallback)
            return await ReportAsync(request, StatusCallbacks.ReportOf(request, session, participant, nonce), participant);
        var by = held?.AnsweredBy ?? request.AnsweredBy;
        var key = question is { } asked ? new KeyPress(asked, held?.IsKeyOne ?? request.IsKeyOne) : null;
        Func<string>? again = nonce is null ? null
            : () => urls.JoinAgain(new(session, nonce, request.Trace), participant, retry + 1, by, key);
        return await AnswerAsync(new JoinCall(session, participant, leg, nonce) { AnsweredBy = by, Key = key }, retry, again);
    }

    /// <summary>The end of a leg's <c>&lt;Dial&gt;</c>: a second, independent report of a leave. Twilio requests it even if the leg has
    /// already hung up.</summary>
    public Task<WebhookAnswer> Left(
        TwilioRequest request, SessionId session, ParticipantId participant, string nonce, Party? callee = null)
    {
        // A status callback that came here by mistake may say that the leg rings.
        if (request.CallSid is not { } leg || (request.IsStatusCallback && !request.IsOfEndedLeg))
            return Task.FromResult(HangUp);
        var left = new ParticipantLeft(session, leg, null, CallSession.RoomOf(session, nonce), LeaveReason.HungUp) { Callee = callee };
        return LeaveAsync(left, participant);
    }

    /// <summary>A status callback that came to a URL for TwiML, because that URL was configured as its address. It places no call and
    /// admits no leg. If it says that a leg of the session is over, it counts as that report.</summary>
    private async Task<WebhookAnswer> ReportAsync(TwilioRequest request, ISessionReport? report, ParticipantId participant)
    {
        telemetry.Unusable("status callback");
        Log.IsStatusCallback(logger);
        return request.IsOfEndedLeg && report is not null
            ? await LeaveAsync(report, participant)
            : new(TwiML.HangUp, WebhookOutcomes.Ignored);
    }

    private async Task<WebhookAnswer> LeaveAsync(ISessionReport left, ParticipantId participant)
    {
        try
        {
            var decision = await mediator.Send(left, CancellationToken.None);
            outages.Leaves.Worked();
            return new(TwiML.HangUp, decision);
        }
        catch (Exception e) when (e is SessionStoreUnavailableException or SessionConflictException)
        {
            outages.Leaves.Failed(() => Log.LeaveNotStored(logger, participant.Value));
            return new(TwiML.HangUp, WebhookOutcomes.Unavailable);
        }
    }

    private async Task<WebhookAnswer> AnswerAsync(ISessionCommand command, int retry, Func<string>? again)
    {
        try
        {
            var decided = await mediator.Send(command, CancellationToken.None);
            outages.Holds.Worked();
            return decided switch
            {
                { Reply: CallReply.JoinRoom join, Session: { } session } decision => new(twiml.Join(session, join.Participant), decision),
                { Reply: CallReply.Ask ask, Session: { } session } decision =>
                    new(twiml.Ask(session, ask.Participant, ask.Question), decision),
                { Reply: CallReply.LeaveMessage } decision => new(twiml.LeaveMessage(decision.Session?.Language), decision),
                { Reply: CallReply.AnsweredElsewhere } decision =>
                    new(twiml.AnsweredElsewhere(decision.Session?.Language), decision),
                { Reply: CallReply.Refused refused } => Unusable(refused.Reason.ToString(), Problems.Words(refused.Reason)),
                { Reply: CallReply.HangUp } decision => new(TwiML.HangUp, decision),
                var decision => throw new UnreachableException($"{decision.Reply.GetType().Name} is no answer to a leg"),
            };
        }
        catch (Exception e) when (e is SessionStoreUnavailableException or SessionConflictException)
        {
            telemetry.Held();
            outages.Holds.Failed(() => Log.Held(logger, retry));
            var document = again is not null && (retry + 1) * tones.RingbackCycle <= LongestHold
                ? TwiML.Hold(urls.Ringback(), again()) : TwiML.Refuse(TooLong);
            return new(document, WebhookOutcomes.Unavailable);
        }
    }

    private WebhookAnswer Unusable(string cause, string words)
    {
        telemetry.Unusable(cause);
        Log.Unusable(logger, cause);
        return new(TwiML.Refuse(words), WebhookOutcomes.Refused);
    }

    private static partial class Log
    {
        [LoggerMessage(3002, LogLevel.Information, "A voice webhook was answered with words and a hang-up, because of: {Cause}")]
        public static partial void Unusable(ILogger logger, string cause);
        [LoggerMessage(
            3003, LogLevel.Warning, "The session is not available. The caller hears ringback, after {Retry} earlier times")]
        public static partial void Held(ILogger logger, int retry);
        [LoggerMessage(
            3004, LogLevel.Warning, "The session is not available. The leave of {Participant} was not stored. The next review finds it")]
        public static partial void LeaveNotStored(ILogger logger, string participant);
        [LoggerMessage(3005, LogLevel.Information,
            "A status callback came to a URL that answers TwiML. It placed no call. Give the status callback another URL")]
        public static partial void IsStatusCallback(ILogger logger);
    }
}

/// <summary>A call that was held because Redis was away, as the URL of its <c>&lt;Redirect&gt;</c> names it.</summary>
/// <param name="Session">The session.</param>
/// <param name="Callee">The callee. Null in a URL of a version that left this to the app's parameters.</param>
/// <param name="Retry">How often the caller has got ringback.</param>
/// <param name="Language">The language that the app named. Null if it named none.</param>
internal sealed record HeldCall(SessionId Session, Recipient? Callee, int Retry, Language? Language = null);

/// <summary>The answer of a phone while Redis was away, as the URL of its <c>&lt;Redirect&gt;</c> names it.</summary>
internal sealed record HeldAnswer(AnsweredBy AnsweredBy, bool IsKeyOne);

/// <summary>The outages of the session store, as the webhooks that answer TwiML meet them. They are logged once, and counted by
/// <c>calls.webhooks.held</c> and <c>calls.webhooks</c>.</summary>
internal sealed partial class HoldOutages(TimeProvider clock, ILogger<VoiceWebhooks> logger)
{
    public Outage Holds { get; } = new(clock, (count, lasted) => Log.NoLongerHeld(logger, count, lasted.TotalSeconds));
    public Outage Leaves { get; } = new(clock, (count, lasted) => Log.LeavesStored(logger, count, lasted.TotalSeconds));

    private static partial class Log
    {
        [LoggerMessage(3006, LogLevel.Information, "Calls are answered again. {Count} answers were ringback within {Seconds} seconds.")]
        public static partial void NoLongerHeld(ILogger logger, int count, double seconds);
        [LoggerMessage(3007, LogLevel.Information, "Leaves are stored again. {Count} leaves were not stored within {Seconds} seconds.")]
        public static partial void LeavesStored(ILogger logger, int count, double seconds);
    }
}
