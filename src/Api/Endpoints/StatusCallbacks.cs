namespace Calls.Api.Endpoints;

/// <summary>The webhooks that only report. The answer is 204 once the report is stored. An unknown event is ignored, because a retry would
/// not help. While Redis is away the answer is 503, and the connection overrides in the URL make Twilio send the webhook again.</summary>
/// <remarks>A report counts even if Twilio no longer waits for the answer.</remarks>
internal sealed class StatusCallbacks(ISender mediator)
{
    public static WebhookAnswer Nothing { get; } = new(TypedResults.NoContent(), WebhookOutcomes.Accepted);

    /// <summary>Conference status callback (twilio.com/docs/voice/twiml/conference, "statusCallback"). The name of the room comes from the
    /// nonce in the URL, or from <c>FriendlyName</c> on the tutorial's path.</summary>
    public Task<WebhookAnswer> Conference(TwilioRequest request, SessionId session, string? room) => ReportAsync(
        (request.Event, request.ConferenceSid, request.CallSid) switch
        {
            ("participant-join", { } conference, { } leg) =>
                new ParticipantJoined(session, conference, room, leg, request.Label, request.Flags),
            ("participant-leave", { }, { } leg) => new ParticipantLeft(session, leg, request.Label, room, ReasonOf(request)),
            ("participant-mute" or "participant-unmute" or "participant-hold" or "participant-unhold", { } conference, { } leg)
                when request.Flags is { } flags => new ParticipantFlagsChanged(session, conference, room, leg, request.Label, flags),
            ("conference-start", { } conference, _) => new ConferenceStarted(session, conference, room),
            ("conference-end", { } conference, _) => new ConferenceEnded(session, conference, room),
            _ => null,
        });

    /// <summary>Call status callback of a leg that the service created (twilio.com/docs/voice/api/call-resource, "statusCallbackEvent").
    /// The nonce is null on the tutorial's path.</summary>
    public Task<WebhookAnswer> Call(TwilioRequest request, SessionId session, ParticipantId participant, string? nonce) =>
        ReportAsync(ReportOf(request, session, participant, nonce));

    /// <summary>The status callback of a phone number: the leg of a person who has called in is over.</summary>
    public Task<WebhookAnswer> Number(TwilioRequest request) => ReportAsync(
        request is { CallSid: { } leg, IsOfEndedLeg: true }
            ? new ParticipantLeft(SessionId.For(leg), leg, null, null, LeaveReason.HungUp) : null);

    /// <summary>The report in a status callback of a call. Null if it has none.</summary>
    public static ISessionReport? ReportOf(TwilioRequest request, SessionId session, ParticipantId participant, string? nonce) =>
        request.CallSid is not { } leg || !LegStatuses.TryParse(request.CallStatus, out var status) ? null : status switch
        {
            LegStatus.Busy or LegStatus.NoAnswer or LegStatus.Failed or LegStatus.Canceled => new CalleeRejected(
                session, participant, leg, LegStatuses.GoneOf(status, LegStatuses.DialledAppOf(request.To), request.SipResponseCode),
                nonce),
            // The end of a leg says too who had answered it. The request of the answer URL may have been lost.
            LegStatus.Completed when request.AnsweredBy is AnsweredBy.Machine => new CalleeRejected(
                session, participant, leg, LeaveReason.Voicemail, nonce),
            _ => new LegProgressed(session, participant, leg, LegStatuses.ProgressOf(status), nonce),
        };

    private async Task<WebhookAnswer> ReportAsync(ISessionReport? report) =>
        report is null ? Nothing : new(TypedResults.NoContent(), await mediator.Send(report, CancellationToken.None));

    /// <summary>A participant who could not be added leaves too, with the status of the call.</summary>
    private static LeaveReason ReasonOf(TwilioRequest request) =>
        LegStatuses.TryParse(request.ParticipantCallStatus, out var status)
        && status is LegStatus.Busy or LegStatus.NoAnswer or LegStatus.Failed or LegStatus.Canceled
            ? LegStatuses.GoneOf(status, null) : LeaveReason.HungUp;
}
