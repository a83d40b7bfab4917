using System.Diagnostics;
using Calls.Api.Twilio;
using Calls.Application;
using Calls.Application.Ports;
using Calls.Application.UseCases;
using Calls.Domain;
using Calls.Infrastructure.Dialing;
using Calls.Infrastructure.Twilio;
using MediatR;

namespace Calls.Api.Endpoints;

/// <summary>The webhooks that want TwiML: what is a leg to do now? They never wait for Twilio's own API, and they always answer something that Twilio can play.</summary>
internal sealed partial class VoiceWebhooks(ISender mediator, TwiML twiml, CallbackUrls urls, CallTrace trace, WebhookTelemetry telemetry, ILogger<VoiceWebhooks> logger)
{
    /// <summary>How often a caller is asked to hold on while the session store is away, and for how long each time: ten seconds in all.</summary>
    private const int MaxHolds = 5;

    private static readonly TimeSpan HoldFor = TimeSpan.FromSeconds(2);

    /// <summary>The TwiML App's Voice URL: an app user places a call.</summary>
    public async Task<IResult> Voice(HttpContext http, TwilioRequest request)
    {
        if (request.CallSid is not { } leg)
            return Unusable("no CallSid", "This call cannot be placed, because it has no call identifier.");
        if (request.From is not { } from || !from.StartsWith("client:", StringComparison.Ordinal) || !ClientIdentity.TryParse(from, out var caller))
            return Unusable("From", "This call cannot be placed, because it does not come from an app user.");
        var session = SessionId.For(leg);
        if (request.SessionId is { Length: > 0 } named && !SessionId.TryParse(named, out session))
            return Unusable("SessionID", "This call cannot be placed, because its session identifier is not valid.");
        if (ParseCallee(request.To) is not { } callee)
            return Unusable("To", "This call cannot be placed, because nobody is named whom it should reach.");
        return await AnswerAsync(http, request, session, new StartCall(session, leg, caller, callee));
    }

    /// <summary>The answer URL of a call that we created: somebody has picked up.</summary>
    public async Task<IResult> Join(HttpContext http, TwilioRequest request, SessionId session, ParticipantId participant) => request.CallSid is { } leg
        ? await AnswerAsync(http, request, session, new JoinCall(session, participant, leg, request.Nonce))
        : TwiML.HangUp();

    /// <summary>The end of a leg's <c>&lt;Dial&gt;</c>: a second, independent word of a leave. Asked also when the leg has hung up already.</summary>
    public async Task<IResult> Left(TwilioRequest request, SessionId session, ParticipantId participant)
    {
        try
        {
            if (request.CallSid is { } leg)
                await mediator.Send(new ParticipantLeft(session, leg, null, null, LeaveReason.HungUp), CancellationToken.None);
        }
        catch (Exception e) when (e is SessionStoreUnavailableException or SessionConflictException)
        {
            Log.LeaveNotStored(logger, participant.Value);
        }

        return TwiML.HangUp();
    }

    private async Task<IResult> AnswerAsync(HttpContext http, TwilioRequest request, SessionId session, IRequest<CallReply> command)
    {
        try
        {
            return await mediator.Send(command, http.RequestAborted) switch
            {
                CallReply.JoinRoom join => twiml.Join(session, join.Room, join.Participant, join.TraceParent),
                CallReply.Refused refused => Unusable(refused.Because.ToString(), Problems.Words(refused.Because)),
                CallReply.HangUp => TwiML.HangUp(),
                var reply => throw new UnreachableException($"{reply.GetType().Name} is no answer to a leg"),
            };
        }
        catch (Exception e) when (e is SessionStoreUnavailableException or SessionConflictException)
        {
            return Hold(http, request.Retry);
        }
    }

    /// <summary>The store is away: the caller stays on the line and Twilio asks again, a bounded number of times.</summary>
    private IResult Hold(HttpContext http, int retry)
    {
        Activity.Current = trace.Span;
        trace.IsHeld = true;
        telemetry.Held();
        Log.Held(logger, retry);
        if (retry >= MaxHolds)
            return TwiML.Refuse("We are sorry, the call cannot be connected right now. Please call again.");
        var query = http.Request.Query.Where(p => p.Key is TwilioRequest.NonceKey or TwilioRequest.SessionIdKey)
            .Select(p => KeyValuePair.Create(p.Key, (string?)p.Value.ToString()))
            .Append(KeyValuePair.Create(TwilioRequest.RetryKey, (string?)(retry + 1).ToString(System.Globalization.CultureInfo.InvariantCulture)));
        return TwiML.Hold(urls.Origin + http.Request.Path.ToUriComponent() + QueryString.Create(query), HoldFor);
    }

    private IResult Unusable(string cause, string words)
    {
        trace.Begin(null);
        Activity.Current = trace.Span;
        telemetry.Unusable(cause);
        Log.Unusable(logger, cause);
        return TwiML.Refuse(words);
    }

    private static Party? ParseCallee(string? to) =>
        to is ['+', ..] ? PhoneNumbers.TryNormalise(to, out var number, out _) ? new Party.Phone(number) : null
        : ClientIdentity.TryParse(to, out var identity) ? new Party.Client(identity)
        : null;

    private static partial class Log
    {
        [LoggerMessage(3002, LogLevel.Information, "A voice request was answered with words and a hang-up: {Cause}")]
        public static partial void Unusable(ILogger logger, string cause);

        [LoggerMessage(3003, LogLevel.Warning, "The session store is away; a caller is asked to hold on, for the time no. {Retry} after the first")]
        public static partial void Held(ILogger logger, int retry);

        [LoggerMessage(3004, LogLevel.Warning, "The session store is away; a leave of {Participant} was not noted and is left to the review")]
        public static partial void LeaveNotStored(ILogger logger, string participant);
    }
}
