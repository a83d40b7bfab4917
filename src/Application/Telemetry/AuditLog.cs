using System.Security.Cryptography;
using System.Text;

namespace Calls.Application.Telemetry;

/// <summary>Who did what by REST, in lines of a category of their own: who added, removed, held and ended, and which operator read or had a
/// call forgotten. Requests that changed nothing write no line.</summary>
/// <remarks>A line has session ids, participant ids and SIDs. A bearer is a pseudonym: the beginning of the SHA-256 hash of
/// <c>calls:</c> and the subject (docs/privacy.md).</remarks>
public sealed partial class AuditLog(ILoggerFactory loggers)
{
    public const string Category = "Calls.Audit";
    private readonly ILogger logger = loggers.CreateLogger(Category);

    /// <summary>A request of a person or of an operator was carried out.</summary>
    internal void Done(IBearerCommand request, Decision decision)
    {
        if (decision is not { Changed: true, Refused: null, Session: { } session } || !logger.IsEnabled(LogLevel.Information))
            return;
        var (by, bearer, call) = (SenderOf(session, request.Asker), PseudonymOf(request.Asker), session.Id);
        switch (request)
        {
            case AddPhoneParticipant { Participant: var added }:
                Log.Added(logger, call, by, bearer, added);
                break;
            case AddOneOf { Participant: var added }:
                Log.Added(logger, call, by, bearer, added);
                break;
            case RemoveParticipant { Participant: var removed }:
                Log.Removed(logger, call, by, bearer, removed, session.Find(removed)?.Leg);
                break;
            case SetParticipantFlags { Participant: var changed } flags:
                Log.Changed(logger, call, by, bearer, changed, flags.Muted, flags.Hold, session.Find(changed)?.Leg);
                break;
            case EndCall:
                Log.Ended(logger, call, by, bearer, session.LastConference);
                break;
        }
    }

    /// <summary>A bearer read a call. Only the reads of operators are noted.</summary>
    internal void Read(CallSession session, Asker asker)
    {
        if (asker.IsOperator)
            Log.Read(logger, session.Id, SenderOf(session, asker), PseudonymOf(asker));
    }

    /// <summary>An operator read a page of the live calls.</summary>
    internal void Listed(int count, Asker asker) => Log.Listed(logger, count, PseudonymOf(asker));

    internal void Forgot(SessionId session, Asker asker) => Log.Forgot(logger, session, PseudonymOf(asker));

    private static ParticipantId SenderOf(CallSession session, Asker asker) => asker.Identity is { } identity
        ? session.Participants.LastOrDefault(p => p.Party is Party.Client client && client.Identity == identity)?.Id
            ?? ParticipantId.Operator
        : ParticipantId.Operator;

    private static string PseudonymOf(Asker asker) => Convert.ToHexStringLower(
        SHA256.HashData(Encoding.UTF8.GetBytes("calls:" + asker.Subject)).AsSpan(0, 8));

    private static partial class Log
    {
        [LoggerMessage(6001, LogLevel.Information, "Call {SessionId}: {By} (bearer {Bearer}) added {ParticipantId}")]
        public static partial void Added(ILogger logger, SessionId sessionId, ParticipantId by, string bearer, ParticipantId participantId);

        [LoggerMessage(6002, LogLevel.Information, "Call {SessionId}: {By} (bearer {Bearer}) removed {ParticipantId}, leg {CallSid}")]
        public static partial void Removed(
            ILogger logger, SessionId sessionId, ParticipantId by, string bearer, ParticipantId participantId, CallSid? callSid);

        [LoggerMessage(6003, LogLevel.Information,
            "Call {SessionId}: {By} (bearer {Bearer}) set mute {Muted} and hold {Hold} of {ParticipantId}, leg {CallSid}")]
        public static partial void Changed(
            ILogger logger, SessionId sessionId, ParticipantId by, string bearer, ParticipantId participantId, bool? muted, bool? hold,
            CallSid? callSid);

        [LoggerMessage(6004, LogLevel.Information, "Call {SessionId}: {By} (bearer {Bearer}) ended the call, conference {ConferenceSid}")]
        public static partial void Ended(
            ILogger logger, SessionId sessionId, ParticipantId by, string bearer, ConferenceSid? conferenceSid);

        [LoggerMessage(6005, LogLevel.Information, "Call {SessionId}: {By} (bearer {Bearer}), who is an operator, read the call")]
        public static partial void Read(ILogger logger, SessionId sessionId, ParticipantId by, string bearer);

        [LoggerMessage(6006, LogLevel.Information, "An operator (bearer {Bearer}) read a list of {Count} live calls")]
        public static partial void Listed(ILogger logger, int count, string bearer);

        [LoggerMessage(6007, LogLevel.Information, "Call {SessionId}: an operator (bearer {Bearer}) had the record forgotten")]
        public static partial void Forgot(ILogger logger, SessionId sessionId, string bearer);
    }
}

/// <summary>Around each request of a bearer: its line in the audit.</summary>
internal sealed class AuditOfRequests<TRequest, TResponse>(AuditLog audit) : IPipelineBehavior<TRequest, TResponse>
    where TRequest : IBearerCommand
{
    public async Task<TResponse> Handle(TRequest request, RequestHandlerDelegate<TResponse> next, CancellationToken cancellationToken)
    {
        var response = await next();
        if (response is Decision decision)
            audit.Done(request, decision);
        return response;
    }
}
