using Calls.Application.Reviews;
using Calls.Application.Randomness;

namespace Calls.Infrastructure.Outbox;

/// <summary>Goes round the partitions for ever, takes the sessions that are due, and has them looked at. Every replica does; a claim keeps them apart for a while.</summary>
/// <remarks>When the host stops, it claims no more and finishes what it has begun: an answer of Twilio's that is thrown away is a dial of which nobody knows, and a hang-up
/// that waits a lease for the next replica.</remarks>
internal sealed partial class Sweeper(IDueSessions due, IServiceScopeFactory scopes, CallPolicy policy, Heartbeat pulse, TimeProvider clock, ILogger<Sweeper> logger) : BackgroundService
{
    private const int MostAtOnce = 50;

    /// <summary>One round over all partitions.</summary>
    private static readonly TimeSpan Round = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan AfterFailure = TimeSpan.FromSeconds(1);

    private readonly SemaphoreSlim slots = new(MostAtOnce);

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        var free = 0;
        try
        {
            for (; free < MostAtOnce; free++)
                await slots.WaitAsync(cancellationToken);
        }
        catch (OperationCanceledException)
        {
            Log.HandedOver(logger);
        }
        finally
        {
            // A host may be stopped twice.
            if (free > 0)
                slots.Release(free);
        }
    }

    public override void Dispose()
    {
        slots.Dispose();
        base.Dispose();
    }

    protected override Task ExecuteAsync(CancellationToken stoppingToken) => SweepForEverAsync(stoppingToken);

    internal async Task SweepForEverAsync(CancellationToken stoppingToken)
    {
        var isAway = false;
        for (var turn = (int)(Chance.Jitter() * due.Partitions); !stoppingToken.IsCancellationRequested; turn++)
        {
            pulse.Beat();
            try
            {
                await Task.Delay(Round / due.Partitions * (0.5 + Chance.Jitter()), clock, stoppingToken);
                await SweepAsync(turn % due.Partitions, stoppingToken);
                if (isAway)
                    Log.SweepsAgain(logger);
                isAway = false;
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (SessionStoreUnavailableException e)
            {
                // Said once, not each second of an outage.
                if (!isAway)
                    Log.SweepFailed(logger, e.Message);
                isAway = true;
                await PauseAsync(stoppingToken);
            }
#pragma warning disable CA1031 // The worker loop is the one place that catches everything, and goes on.
            catch (Exception e)
#pragma warning restore CA1031
            {
                Log.SweepFailed(logger, e.Message);
                await PauseAsync(stoppingToken);
            }
        }
    }

    private async Task PauseAsync(CancellationToken stoppingToken)
    {
        try
        {
            await Task.Delay(AfterFailure, clock, stoppingToken);
        }
        catch (OperationCanceledException)
        {
            // The loop's own condition ends it.
        }
    }

    /// <summary>Claims no more than there are free hands for: what is claimed and waits would only run its lease out.</summary>
    private async Task SweepAsync(int partition, CancellationToken stoppingToken)
    {
        await slots.WaitAsync(stoppingToken);
        slots.Release();
        foreach (var id in await due.ClaimAsync(partition, slots.CurrentCount + 1, policy.EffectLease, stoppingToken))
        {
            await slots.WaitAsync(stoppingToken);
            _ = LookAtAsync(id);
        }
    }

    private async Task LookAtAsync(SessionId id)
    {
        try
        {
            await using var scope = scopes.CreateAsyncScope();
            await scope.ServiceProvider.GetRequiredService<SessionReviewer>().LookAtAsync(id, CancellationToken.None);
        }
#pragma warning disable CA1031 // One session that cannot be looked at must not stop the others; its lease brings it up again.
        catch (Exception e)
#pragma warning restore CA1031
        {
            Log.LookFailed(logger, e);
        }
        finally
        {
            slots.Release();
        }
    }

    private static partial class Log
    {
        [LoggerMessage(4002, LogLevel.Warning, "A partition could not be swept: {Cause}")]
        public static partial void SweepFailed(ILogger logger, string cause);

        [LoggerMessage(4005, LogLevel.Information, "The session store is back; the sweeper goes on")]
        public static partial void SweepsAgain(ILogger logger);

        [LoggerMessage(4003, LogLevel.Warning, "A session that is due could not be looked at; it comes up again when its lease is out")]
        public static partial void LookFailed(ILogger logger, Exception exception);

        [LoggerMessage(4004, LogLevel.Warning, "The host's time to stop is out; what is still under way comes up again elsewhere when its lease is out")]
        public static partial void HandedOver(ILogger logger);
    }
}
