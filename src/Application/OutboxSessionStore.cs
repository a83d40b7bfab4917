using Calls.Application.Ports;
using Calls.Domain;
using Microsoft.Extensions.Logging;

namespace Calls.Application;

/// <summary>Hands the effects of each commit to the queue: they run at once, in the replica that wrote them, and hold nobody.</summary>
internal sealed partial class OutboxSessionStore(
    ISessionStore inner, IEffectQueue queue, IQuotas quotas, RequestTrail trail, CallsTelemetry telemetry, ILogger<OutboxSessionStore> logger) : ISessionStore
{
    public async Task<StoredSession> LoadAsync(SessionId id, CancellationToken cancellationToken)
    {
        var loaded = await (trail.TryTake(id, out var read) ? read : inner.LoadAsync(id, cancellationToken));
        CallsTelemetry.LinkTo(loaded.Session);
        return loaded;
    }

    public async Task<StoredSession> SaveAsync(StoredSession loaded, Decision decision, CancellationToken cancellationToken)
    {
        var saved = await inner.SaveAsync(loaded, decision, cancellationToken);
        trail.Decided = decision;
        telemetry.Decided(loaded.Session, decision);
        Tell(loaded.Session, decision);
        if (decision is not { Changed: true, Session: { } session })
            return saved;
        foreach (var effect in Runnable(loaded.Session, session))
            queue.Enqueue(session, effect);
        if (session.IsEnded && loaded.Session is { IsEnded: false } && session.Caller.Party is Party.Client caller)
            quotas.GivePlaceBack(caller.Identity, session.Id);
        return saved;
    }

    /// <summary>One line for the start of a call and one for its end; the rest is for whoever debugs.</summary>
    private void Tell(CallSession? before, Decision decision)
    {
        Log.Decided(logger, decision.Happened.GetType().Name, CallsTelemetry.OutcomeOf(decision), CallsTelemetry.BecauseOf(decision));
        if (decision is not { Changed: true, Session: { } after })
            return;
        var known = before?.Nonce == after.Nonce ? before : null;
        if (known is null)
            Log.Started(logger, after.Id.Value);
        if (after is { EndedAt: { } endedAt } && known is not { IsEnded: true })
            Log.Ended(logger, after.Id.Value, after.EndReason, after.EndEvidence, (endedAt - after.StartedAt).TotalSeconds);
    }

    /// <summary>What this commit has made runnable: new effects, and guests whose room has opened.</summary>
    private static IEnumerable<Effect> Runnable(CallSession? before, CallSession after)
    {
        var opened = before?.Conference is null && after.Conference is not null;
        return after.Effects.Where(effect => effect switch
        {
            { Attempt: > 0 } => false,
            Effect.Dial dial when after.Find(dial.Participant) is { Role: Role.Guest } => after.Conference is not null && (opened || IsNew(effect)),
            _ => IsNew(effect),
        });

        bool IsNew(Effect effect) => before is null || !before.Effects.Contains(effect);
    }

    private static partial class Log
    {
        [LoggerMessage(2002, LogLevel.Information, "The call {SessionId} has started")]
        public static partial void Started(ILogger logger, string sessionId);

        [LoggerMessage(2003, LogLevel.Information, "The call {SessionId} has ended: {Reason}, known by {Evidence}, after {Seconds} s")]
        public static partial void Ended(ILogger logger, string sessionId, EndReason? reason, Evidence? evidence, double seconds);

        [LoggerMessage(2004, LogLevel.Debug, "{Event}: {Outcome} {Because}")]
        public static partial void Decided(ILogger logger, string @event, string outcome, string because);
    }
}
