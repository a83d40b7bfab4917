namespace Calls.Application.Reviews;

/// <summary>Finds the rooms whose session Redis has lost, and whose webhooks Twilio has lost too. It reads Twilio's own list of open
/// conferences and builds each session again that is not stored. It also finds people who are in the room of a call that has ended.
/// </summary>
/// <remarks>It knows the rooms of this service by the nonce, which begins with <see cref="Nonces.Mark"/>. So an account is used by one
/// deployment: the rooms of another one have sessions in another Redis.</remarks>
internal sealed class RoomReconciler(
    IVoiceGateway gateway, ISessionStore store, SessionRebuilder rebuilder, IReconcileTurns turns, ReconcileInterval interval)
{
    /// <summary>The reads of Redis at once.</summary>
    private const int LoadsAtOnce = 100;

    /// <summary>How often to ask for a turn. A replica that dies in its turn delays the next one by less than an interval.</summary>
    public TimeSpan Pause => interval.Time / 10;

    /// <summary>Sweeps, if it is this replica's turn.</summary>
    /// <exception cref="SessionNotRebuiltException">Twilio did not answer. The turn was given back.</exception>
    public async Task SweepAsync(CancellationToken cancellationToken)
    {
        if (!await turns.TryTakeAsync(interval.Time, cancellationToken))
            return;
        if (await gateway.ListOpenConferencesAsync(cancellationToken)
            is not GatewayOutcome<IReadOnlyList<ConferenceView>>.Accepted { Value: var open })
        {
            await turns.GiveBackAsync();
            throw new SessionNotRebuiltException("Twilio did not say which conferences are open");
        }

        foreach (var chunk in open.Select(room => LostCall.OfRoom(room.FriendlyName)).OfType<LostCall>().Chunk(LoadsAtOnce))
        {
            var live = await Task.WhenAll(chunk.Select(call => IsLiveAsync(call, cancellationToken)));
            foreach (var call in chunk.Where((_, i) => !live[i]))
                await TryRebuildAsync(call, cancellationToken);
        }
    }

    private async Task<bool> IsLiveAsync(LostCall call, CancellationToken cancellationToken)
    {
        try
        {
            return (await store.LoadAsync(call.Session, cancellationToken)).Session is { IsEnded: false } live
                && live.Nonce == call.Nonce;
        }
        catch (UnreadableSessionException)
        {
            return true;
        }
    }

    /// <summary>A call that cannot be read now is read in the next sweep.</summary>
    private async Task TryRebuildAsync(LostCall call, CancellationToken cancellationToken)
    {
        try
        {
            await rebuilder.RebuildAsync(call, cancellationToken);
        }
        catch (SessionNotRebuiltException)
        {
            // It is counted: calls.rebuilds.
        }
    }
}

/// <summary><c>Calls:Reconcile:Interval</c>.</summary>
public sealed record ReconcileInterval(TimeSpan Time);
