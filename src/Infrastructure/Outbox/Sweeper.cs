using Calls.Application.Randomness;
using Calls.Application.Reviews;

namespace Calls.Infrastructure.Outbox;

/// <summary>Claims the due sessions of each partition in turn, and reviews them. A claim excludes other replicas for a lease.</summary>
/// <remarks>When the host stops, the sweeper claims no more and finishes its reviews. Otherwise dials would have unknown outcomes, and
/// hang-ups would wait for the lease.</remarks>
internal sealed partial class Sweeper(
    IDueSessions due, SessionReviewer reviewer, CallPolicy policy, Heartbeat heartbeat, TimeProvider clock, ILogger<Sweeper> logger)
    : BackgroundService
{
    private const int MaxReviews = 50;
    /// <summary>The time for all partitions.</summary>
    private static readonly TimeSpan RoundTime = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan FailurePause = TimeSpan.FromSeconds(1);
    private readonly SemaphoreSlim slots = new(MaxReviews);

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        var free = 0;
        try
        {
            for (; free < MaxReviews; free++)
                await slots.WaitAsync(cancellationToken);
        }
        catch (OperationCanceledException)
        {
            Log.StopTimedOut(logger);
        }
        finally
        {
            // A host can be stopped twice.
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
        var (storeIsDown, pause) = (false, TimeSpan.Zero);
        for (var turn = (int)(Chance.Jitter() * due.Partitions); !stoppingToken.IsCancellationRequested; turn++)
        {
            heartbeat.Beat();
            try
            {
                await Task.Delay(pause + (RoundTime / due.Partitions * (0.5 + Chance.Jitter())), clock, stoppingToken);
                pause = TimeSpan.Zero;
                await SweepAsync(turn % due.Partitions, stoppingToken);
                if (storeIsDown)
                    Log.StoreIsBack(logger);
                storeIsDown = false;
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
#pragma warning disable CA1031 // Only the worker loop catches every exception, and continues.
            catch (Exception e)
#pragma warning restore CA1031
            {
                // An outage of Redis is logged once, not in every second.
                if (!storeIsDown || e is not SessionStoreUnavailableException)
                    Log.SweepFailed(logger, e.Message);
                storeIsDown |= e is SessionStoreUnavailableException;
                pause = FailurePause;
            }
        }
    }

    /// <summary>Claims no more sessions than there are free slots. A claimed session that waits would only lose its lease.</summary>
    private async Task SweepAsync(int partition, CancellationToken stoppingToken)
    {
        await slots.WaitAsync(stoppingToken);
        slots.Release();
        foreach (var id in await due.ClaimAsync(partition, slots.CurrentCount + 1, policy.EffectLease, stoppingToken))
        {
            await slots.WaitAsync(stoppingToken);
            _ = ReviewAsync(id);
        }
    }

    private async Task ReviewAsync(SessionId id)
    {
        try
        {
            await reviewer.LookAtAsync(id, CancellationToken.None);
        }
#pragma warning disable CA1031 // The failed review of one session must not stop the others. The session is due again after its lease.
        catch (Exception e)
#pragma warning restore CA1031
        {
            Log.ReviewFailed(logger, e);
        }
        finally
        {
            slots.Release();
        }
    }

    private static partial class Log
    {
        [LoggerMessage(4002, LogLevel.Warning, "The sweeper could not read a partition: {Cause}")]
        public static partial void SweepFailed(ILogger logger, string cause);

        [LoggerMessage(4003, LogLevel.Warning, "A due session could not be reviewed. It is due again after its lease.")]
        public static partial void ReviewFailed(ILogger logger, Exception exception);

        [LoggerMessage(4004, LogLevel.Warning, "The time to stop is over. The sessions under review are due again after their lease.")]
        public static partial void StopTimedOut(ILogger logger);

        [LoggerMessage(4005, LogLevel.Information, "Redis is back. The sweeper continues.")]
        public static partial void StoreIsBack(ILogger logger);
    }
}
