using Calls.Api.Twilio;
using Calls.Application;
using Calls.Application.Ports;
using Calls.Application.UseCases;
using Calls.Domain;
using MediatR;

namespace Calls.Api.Endpoints;

/// <summary>The webhooks that only tell: 204 once it is stored. An event that we do not know, or cannot use, is noted and forgotten: a retry would not help.</summary>
/// <remarks>What has been told counts, whether or not somebody still waits for the answer. With the session store away they fail with 503, and the connection overrides in our URLs have Twilio bring them again.</remarks>
internal sealed class StatusCallbacks(ISender mediator)
{
    /// <summary>Conference status callback (twilio.com/docs/voice/twiml/conference, "statusCallback").</summary>
    public async Task<IResult> Conference(TwilioRequest request, SessionId session)
    {
        IRequest<CallReply>? command = (request.Event, request.ConferenceSid, request.CallSid) switch
        {
            ("participant-join", { } conference, { } leg) => new ParticipantJoined(session, conference, request.FriendlyName, leg, request.Label, request.Flags),
            ("participant-leave", { }, { } leg) => new ParticipantLeft(session, leg, request.Label, request.FriendlyName, LeftBecause(request)),
            ("participant-mute" or "participant-unmute" or "participant-hold" or "participant-unhold", { } conference, { } leg) when request.Flags is { } flags =>
                new ParticipantFlagsChanged(session, conference, request.FriendlyName, leg, request.Label, flags),
            ("conference-start", { } conference, _) => new ConferenceStarted(session, conference, request.FriendlyName),
            ("conference-end", { } conference, _) => new ConferenceEnded(session, conference, request.FriendlyName),
            _ => null,
        };
        if (command is not null)
            await mediator.Send(command, CancellationToken.None);
        return TypedResults.NoContent();
    }

    /// <summary>Call status callback of a leg that we created (twilio.com/docs/voice/api/call-resource, "statusCallbackEvent").</summary>
    public async Task<IResult> Call(TwilioRequest request, SessionId session, ParticipantId participant)
    {
        if (request.CallSid is not { } leg || !LegStatuses.TryParse(request.CallStatus, out var status))
            return TypedResults.NoContent();
        var party = request.To is { } to && to.StartsWith("client:", StringComparison.Ordinal) && ClientIdentity.TryParse(to, out var identity) ? new Party.Client(identity) : null;
        IRequest<CallReply> command = status switch
        {
            LegStatus.Completed => new LegCompleted(session, participant, leg, request.Nonce),
            LegStatus.Busy or LegStatus.NoAnswer or LegStatus.Failed or LegStatus.Canceled =>
                new CalleeRejected(session, participant, leg, LegStatuses.GoneOf(status, party, request.SipResponseCode), request.Nonce),
            _ => new LegProgressed(session, participant, leg, LegStatuses.ProgressOf(status), request.Nonce),
        };
        await mediator.Send(command, CancellationToken.None);
        return TypedResults.NoContent();
    }

    /// <summary>A participant that could never be added leaves too, with the status of its call.</summary>
    private static LeaveReason LeftBecause(TwilioRequest request) =>
        LegStatuses.TryParse(request.ParticipantCallStatus, out var status) && status is LegStatus.Busy or LegStatus.NoAnswer or LegStatus.Failed or LegStatus.Canceled
            ? LegStatuses.GoneOf(status, null)
            : LeaveReason.HungUp;
}
