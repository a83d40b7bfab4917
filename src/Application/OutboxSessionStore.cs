using Calls.Application.Ports;
using Calls.Domain;

namespace Calls.Application;

/// <summary>Hands the effects of each commit to the queue: they run at once, in the replica that wrote them, and hold nobody.</summary>
/// <remarks>What was committed is remembered for the call's next report. Where such a one changes nothing, and so no save compares, the store is asked whether that was the truth;
/// but not where nothing that may have happened since could make a difference that counts, and the store cannot have forgotten what is remembered.</remarks>
internal sealed class OutboxSessionStore(
    StoreBehindOutbox behind, IEffectQueue queue, IQuotas quotas, IStoreMemory memory, CallTrace trace, RecentSessions recent, CallsTelemetry telemetry) : ISessionStore
{
    private readonly ISessionStore inner = behind.Store;

    public Task<StoredSession> LoadAsync(SessionId id, CancellationToken cancellationToken) =>
        trace.TryTake(id, out var ahead) ? ahead : inner.LoadAsync(id, cancellationToken);

    public Task<bool> IsCurrentAsync(StoredSession seen, CancellationToken cancellationToken) => inner.IsCurrentAsync(seen, cancellationToken);

    public async Task<StoredSession> SaveAsync(StoredSession loaded, Decision decision, CancellationToken cancellationToken)
    {
        if (!decision.Changed && trace.IsOnlyRemembered(loaded) && (memory.IsSuspect || !(decision.IsFinal || decision.MayBeMissed)) && !await inner.IsCurrentAsync(loaded, cancellationToken))
            throw new SessionConflictException(await inner.LoadAsync(loaded.Id, cancellationToken));
        var saved = await inner.SaveAsync(loaded, decision, cancellationToken);
        trace.Prove();
        trace.Decision = decision;
        telemetry.Decided(loaded.Session, decision);
        if (decision is not { Changed: true, Session: { } session })
            return saved;
        recent.Set(saved);
        foreach (var effect in session.Effects)
        {
            if (IsRunnable(effect, loaded.Session, session))
                queue.Enqueue(saved, effect);
        }

        if (session.IsEnded && loaded.Session is { IsEnded: false } && session.Caller.Party is Party.Client caller)
            quotas.GivePlaceBack(caller.Identity, session.Id);
        return saved;
    }

    /// <summary>Whether this commit has made it runnable: it is new, or a guest's dial whose room has opened.</summary>
    private static bool IsRunnable(Effect effect, CallSession? before, CallSession after)
    {
        if (effect.Attempt > 0)
            return false;
        var isNew = before is null || !before.Effects.Contains(effect);
        return effect is Effect.Dial dial && after.Find(dial.Participant) is { Role: Role.Guest }
            ? after.Conference is not null && (isNew || before?.Conference is null)
            : isNew;
    }
}

/// <summary>The store itself, which nobody but the outbox is to ask.</summary>
internal sealed record StoreBehindOutbox(ISessionStore Store);
