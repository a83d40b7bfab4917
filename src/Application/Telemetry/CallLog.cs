namespace Calls.Application.Telemetry;

/// <summary>One log line for each event of a call: an engineer who has only the logs can follow the call.</summary>
/// <remarks>A line has the session id, the SIDs and the trace id. It has no name, no identity, no phone number and no label.</remarks>
public sealed partial class CallLog(ILogger<CallLog> logger)
{
    /// <summary>Logs what a stored decision has changed. A decision that changed nothing writes no line.</summary>
    public void Decided(CallSession? before, Decision decision)
    {
        if (decision is not { Changed: true, Session: { } after } || !logger.IsEnabled(LogLevel.Information))
            return;
        before = before?.Nonce == after.Nonce ? before : null;
        var trace = TraceIdOf(after);
        if (before is null && decision.Happened is SessionEvent.SessionRebuilt)
            Log.Rebuilt(logger, after.Id, after.Participants.Count(participant => participant.Progress != Progress.Gone), trace);
        else if (before is null)
            Log.Started(logger, after.Id, after.Caller.Leg, trace);
        foreach (var participant in after.Participants)
        {
            var known = before?.Find(participant.Id);
            if (decision.Happened is SessionEvent.SessionObserved && known is not null && known.Progress < participant.Progress)
                Log.Found(logger, after.Id, participant.Id, participant.Progress, participant.Leg, trace);
            if (before is not null)
                Moved(after, known, participant, trace);
        }

        if (after is { EndedAt: { } endedAt } && before?.IsEnded != true)
        {
            var (duration, people) = (
                (endedAt - after.StartedAt).TotalSeconds, after.Participants.Count(participant => participant.Answered));
            Log.Ended(
                logger, after.Id, after.EndReason, after.EndEvidence, duration, people, after.Conference ?? before?.Conference, trace);
        }
    }

    /// <summary>Twilio refused an effect, for good.</summary>
    public void EffectRefused(CallSession session, Effect effect, CallSid? leg, int? code) =>
        Log.EffectRefused(logger, session.Id, effect.GetType().Name, code, leg, session.Conference, TraceIdOf(session));

    private void Moved(CallSession session, Participant? before, Participant after, string trace)
    {
        if (before is not null && after.EarlierLegs.Length > before.EarlierLegs.Length)
            Log.Returned(logger, session.Id, after.Id, after.Leg, before.Leg, trace);
        if (after.Progress == Progress.Ringing && !(before?.Progress >= Progress.Ringing))
            Log.Ringing(logger, session.Id, after.Id, after.Leg, trace);
        if (after.Answered && before?.Answered != true)
            Log.Answered(logger, session.Id, after.Id, after.Leg, trace);
        if (after.EverJoined && before?.EverJoined != true)
            Log.Joined(logger, session.Id, after.Id, after.Leg, session.Conference, trace);
        if (after.Progress == Progress.Gone && before?.Progress != Progress.Gone)
            Log.Left(logger, session.Id, after.Id, after.Reason, after.Leg, trace);
    }

    /// <summary>The trace id of a W3C <c>traceparent</c>; empty where the call is not traced.</summary>
    private static string TraceIdOf(CallSession session) => session.TraceParent is { Length: > 35 } parent ? parent.Substring(3, 32) : "";

    private static partial class Log
    {
        [LoggerMessage(1001, LogLevel.Information, "Call {SessionId} started: caller's leg {CallSid}, trace {TraceId}")]
        public static partial void Started(ILogger logger, SessionId sessionId, CallSid? callSid, string traceId);

        [LoggerMessage(1002, LogLevel.Information, "Call {SessionId}: {ParticipantId} rings, leg {CallSid}, trace {TraceId}")]
        public static partial void Ringing(
            ILogger logger, SessionId sessionId, ParticipantId participantId, CallSid? callSid, string traceId);

        [LoggerMessage(1003, LogLevel.Information, "Call {SessionId}: {ParticipantId} answered, leg {CallSid}, trace {TraceId}")]
        public static partial void Answered(
            ILogger logger, SessionId sessionId, ParticipantId participantId, CallSid? callSid, string traceId);

        [LoggerMessage(1004, LogLevel.Information,
            "Call {SessionId}: {ParticipantId} joined conference {ConferenceSid}, leg {CallSid}, trace {TraceId}")]
        public static partial void Joined(
            ILogger logger,
            SessionId sessionId,
            ParticipantId participantId,
            CallSid? callSid,
            ConferenceSid? conferenceSid,
            string traceId);

        [LoggerMessage(1005, LogLevel.Information,
            "Call {SessionId}: {ParticipantId} left, reason {Reason}, leg {CallSid}, trace {TraceId}")]
        public static partial void Left(
            ILogger logger, SessionId sessionId, ParticipantId participantId, LeaveReason? reason, CallSid? callSid, string traceId);

        [LoggerMessage(1006, LogLevel.Information,
            "Call {SessionId} ended: reason {Reason}, evidence {Evidence}, after {Seconds:0.0} s, participants on the line {Participants}, "
            + "conference {ConferenceSid}, trace {TraceId}")]
        public static partial void Ended(
            ILogger logger,
            SessionId sessionId,
            EndReason? reason,
            Evidence? evidence,
            double seconds,
            int participants,
            ConferenceSid? conferenceSid,
            string traceId);

        [LoggerMessage(1021, LogLevel.Warning,
            "Call {SessionId} was not stored and was built again from Twilio: participants {Participants}, trace {TraceId}")]
        public static partial void Rebuilt(ILogger logger, SessionId sessionId, int participants, string traceId);

        [LoggerMessage(1007, LogLevel.Information,
            "Call {SessionId}: Twilio refused the effect {Kind}, code {Code}, leg {CallSid}, conference {ConferenceSid}, trace {TraceId}")]
        public static partial void EffectRefused(
            ILogger logger, SessionId sessionId, string kind, int? code, CallSid? callSid, ConferenceSid? conferenceSid, string traceId);

        [LoggerMessage(1008, LogLevel.Information,
            "Call {SessionId}: a review found {ParticipantId} {Progress}, which no webhook had reported, leg {CallSid}, trace {TraceId}")]
        public static partial void Found(
            ILogger logger, SessionId sessionId, ParticipantId participantId, Progress progress, CallSid? callSid, string traceId);

        [LoggerMessage(1009, LogLevel.Information,
            "Call {SessionId}: {ParticipantId} came back with leg {CallSid}, after leg {EarlierCallSid}, trace {TraceId}")]
        public static partial void Returned(
            ILogger logger, SessionId sessionId, ParticipantId participantId, CallSid? callSid, CallSid? earlierCallSid, string traceId);
    }
}
