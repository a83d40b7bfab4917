namespace Calls.Application.Transactions;

/// <summary>Which state a first decision may use.</summary>
internal enum LoadOption
{
    /// <summary>The state that Redis has: one round trip.</summary>
    Stored,
    /// <summary>The state that this replica wrote last (<see cref="RecentSessions"/>), without a round trip; the stored state where there
    /// is none.</summary>
    Cached,
    /// <summary>No session: the request most likely creates it.</summary>
    AssumeNew,
}

/// <summary>Decides on one event. Production has <see cref="SessionDecider.Decide"/>; the simulation puts defects here.</summary>
internal delegate Decision Decide(CallSession? session, SessionEvent happened, CallPolicy policy, DateTimeOffset now);

/// <summary>The only code that loads a session, decides, saves, and decides again on a conflict. Every use case runs through it.</summary>
/// <remarks>
/// A save compares the etag, so it detects a state that was cached or assumed and is outdated. A decision that changes nothing has no save;
/// where its state was not read from Redis, it is made again on the stored state.
/// </remarks>
internal sealed class SessionTransaction(
    ISessionStore store,
    SessionQueue queue,
    RecentSessions recent,
    IEffectQueue effects,
    IQuotas quotas,
    ILegOwners owners,
    CallsTelemetry telemetry,
    CallLog log,
    Decide decide,
    CallPolicy policy,
    TimeProvider clock)
{
    private const int MaxAttempts = 12;

    /// <summary>Runs one use case.</summary>
    /// <param name="id">The session.</param>
    /// <param name="load">Which state the first decision may use.</param>
    /// <param name="decision">Decides on a state. It is called again after a conflict.</param>
    /// <param name="cancellationToken">Counts until the save is sent; a save that was sent is finished.</param>
    /// <param name="quota">What a change uses up; null where it costs nothing.</param>
    /// <exception cref="SessionStoreUnavailableException">Redis did not answer. Whether the change is stored is unknown.</exception>
    /// <exception cref="SessionConflictException">Other writers came first on every attempt. The change is not stored.</exception>
    public async Task<Decision> RunAsync(
        SessionId id, LoadOption load, Func<StoredSession, Decision> decision, CancellationToken cancellationToken, Quota? quota = null)
    {
        using var ticket = await queue.EnterAsync(id, cancellationToken);
        var (state, isStored) = await LoadAsync(id, load, cancellationToken);
        for (var attempt = 1; ; attempt++)
        {
            var decided = decision(state);
            if (decided.Changed && quota is not null && await quota.TakeAsync(decided, cancellationToken) is { } refusal)
                decided = Decision.Refuse(decided.Happened, state.Session, refusal.Reason, refusal.RetryAfter);
            if (!decided.Changed && !isStored)
            {
                (state, isStored) = (await store.LoadAsync(id, cancellationToken), true);
                ticket.StoreAnswered();
                continue;
            }

            try
            {
                await CommitAsync(state, decided, cancellationToken);
                ticket.StoreAnswered();
            }
            catch (LegHasPlacedCallException)
            {
                ticket.StoreAnswered();
                decided = Decision.Refuse(decided.Happened, state.Session, RefusalReason.LegHasPlacedCall);
                await CommitAsync(state, decided, cancellationToken);
            }
            catch (SessionConflictException conflict)
            {
                ticket.StoreAnswered();
                telemetry.Conflict(decided.Happened, isStored);
                if (attempt < MaxAttempts)
                {
                    (state, isStored) = (conflict.Found, true);
                    await BackOffAsync(ticket, attempt, cancellationToken);
                    continue;
                }

                await GiveBackAsync(quota, state.Session);
                throw;
            }

            if (quota?.IsUsedBy(decided) is false)
                await GiveBackAsync(quota, state.Session);
            return decided;
        }
    }

    /// <summary>The decision of the domain on a state, at this instant.</summary>
    public Decision Decide(StoredSession state, SessionEvent happened) => decide(state.Session, happened, policy, clock.GetUtcNow());

    private async ValueTask<(StoredSession State, bool IsStored)> LoadAsync(
        SessionId id, LoadOption load, CancellationToken cancellationToken)
    {
        if (load == LoadOption.AssumeNew)
            return (new StoredSession(id, null, 0, ""), false);
        if (load == LoadOption.Cached && recent.Find(id) is { } cached)
            return (cached, false);
        return (await store.LoadAsync(id, cancellationToken), true);
    }

    private async Task CommitAsync(StoredSession before, Decision decided, CancellationToken cancellationToken)
    {
        if (decided is { Changed: true, Session: { } after })
        {
            var saved = await store.SaveAsync(before, decided, cancellationToken);
            recent.Set(saved);
            NoteOwners(before.Session, after);
            foreach (var effect in after.Effects.Where(effect => IsRunnable(effect, before.Session, after)))
                effects.Enqueue(saved, effect);
            if (after.IsEnded && before.Session is { IsEnded: false } && StartCall.OwnerOf(after.Caller.Party) is { } owner)
                quotas.GivePlaceBack(owner, after.Id);
        }

        telemetry.Decided(before.Session, decided);
        log.Decided(before.Session, decided);
    }

    /// <summary>Notes the owner of each leg that this commit names for the first time: no other call may take it for its own. A leg that
    /// is only hung up belongs to this call too. The legs of callers are noted when they place a call
    /// (<see cref="IQuotas.TakeStartAsync"/>).</summary>
    private void NoteOwners(CallSession? before, CallSession after)
    {
        var known = before?.Nonce == after.Nonce ? before.Participants : [];
        for (var i = 0; i < after.Participants.Length; i++)
            if (after.Participants[i] is { Role: not Role.Caller, Leg: { } leg } named && (i >= known.Length || known[i].Leg is null))
                owners.Note(leg, new LegOwner(after.Id, after.Nonce, named.Id));
        foreach (var effect in after.Effects)
            if (effect is Effect.HangUp { Leg: var leg } && after.Find(leg) is null && before?.Find(leg) is null
                && before?.FindEffect<Effect.HangUp>(hangUp => hangUp.Leg == leg) is null)
                owners.Note(leg, new LegOwner(after.Id, after.Nonce, null));
    }

    private static Task GiveBackAsync(Quota? quota, CallSession? session) => quota?.GiveBackAsync(session) ?? Task.CompletedTask;

    /// <summary>Whether this commit makes the effect runnable: the effect is new, or it has waited for the room or for a person to enter
    /// it. A paced dial is the same dial with a later lease.</summary>
    private static bool IsRunnable(Effect effect, CallSession? before, CallSession after) =>
        effect.Attempt == 0 && Deadlines.CanRun(after, effect) && (before is null || !Deadlines.CanRun(before, effect)
            || !before.Effects.Any(known => known == effect || IsSameDial(known, effect)));

    private static bool IsSameDial(Effect known, Effect effect) => (known, effect) is
        (Effect.Dial { State: DialState.Planned } old, Effect.Dial { State: DialState.Planned } dial)
        && old.Participant == dial.Participant;

    /// <summary>Waits for the requests ahead in the queue; at the head of the queue for up to 40 ms, at random, since the other writer is
    /// another replica.</summary>
    private async Task BackOffAsync(SessionQueue.Ticket ticket, int attempt, CancellationToken cancellationToken)
    {
        if (!ticket.IsFirst)
            await ticket.WaitAsync(cancellationToken);
        else if (attempt > 1)
            await Task.Delay(TimeSpan.FromMilliseconds(Chance.Jitter() * Math.Min(40, 5 * attempt)), clock, cancellationToken);
    }
}

/// <summary>What a change of a session uses up. It is taken after the decision and before the save.</summary>
internal abstract class Quota
{
    private Task<Allowance>? taken;

    /// <summary>Takes the quota once, however often the decision is made again.</summary>
    /// <returns>Null where the quota was granted.</returns>
    public virtual async Task<CallReply.Refused?> TakeAsync(Decision decided, CancellationToken cancellationToken) =>
        (await (taken ??= TakeOnceAsync(cancellationToken))).Refused;

    /// <summary>Whether the decision uses the quota up. Otherwise it is given back.</summary>
    public virtual bool IsUsedBy(Decision decided) => decided.Changed;

    /// <summary>Gives the quota back, if it was granted: the change was not stored.</summary>
    /// <param name="session">The session as it is stored.</param>
    public async Task GiveBackAsync(CallSession? session)
    {
        if (taken is not null && await taken is { Refused: null, Taken.IsEmpty: false } allowance)
            await GiveBackOnceAsync(allowance, session);
    }

    protected abstract Task<Allowance> TakeOnceAsync(CancellationToken cancellationToken);

    protected abstract Task GiveBackOnceAsync(Allowance allowance, CallSession? session);
}
