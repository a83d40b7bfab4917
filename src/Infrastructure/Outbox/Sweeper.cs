using Calls.Application.Randomness;
using Calls.Application.Reviews;
using Calls.Application.Telemetry;

namespace Calls.Infrastructure.Outbox;

/// <summary>Claims the due sessions of each partition in turn, runs their effects and reviews them. A claim excludes other replicas for a
/// lease.</summary>
/// <remarks>When the host stops, the sweeper claims no more and finishes its reviews. Otherwise dials would have unknown outcomes, and
/// hang-ups would wait for the lease.</remarks>
internal sealed partial class Sweeper(
    IDueSessions due, SessionReviewer reviewer, ReviewSlots reviews, CallPolicy policy, Heartbeat heartbeat, FailingSessions failing,
    TimeProvider clock, ILogger<Sweeper> logger)
    : BackgroundService
{
    /// <summary>The places for sessions with due effects, beside the places for reviews. Reviews that wait for Twilio never take
    /// them.</summary>
    private const int PlacesForEffects = 64;
    /// <summary>The most claims of one partition while no review slot is free: to run due effects. Claimed reviews are postponed.</summary>
    private const int ClaimsForEffects = 4;
    /// <summary>The time for all partitions.</summary>
    private static readonly TimeSpan RoundTime = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan FailurePause = TimeSpan.FromSeconds(1);
    private readonly int places = reviews.Size + PlacesForEffects;
    private readonly SemaphoreSlim slots = new(reviews.Size + PlacesForEffects);
    private readonly Outage sweeps = new(clock, (count, lasted) => Log.SweepsAgain(logger, count, lasted.TotalSeconds));
    private readonly Outage looks = new(clock, (count, lasted) => Log.ReviewsAgain(logger, count, lasted.TotalSeconds));

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        var free = 0;
        try
        {
            for (; free < places; free++)
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
        var pause = TimeSpan.Zero;
        for (var turn = (int)(Chance.Jitter() * due.Partitions); !stoppingToken.IsCancellationRequested; turn++)
        {
            heartbeat.Beat();
            try
            {
                await Task.Delay(pause + (RoundTime / due.Partitions * (0.5 + Chance.Jitter())), clock, stoppingToken);
                pause = TimeSpan.Zero;
                await SweepAsync(turn % due.Partitions, stoppingToken);
                sweeps.Worked();
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
#pragma warning disable CA1031 // Only the worker loop catches every exception, and continues.
            catch (Exception e)
#pragma warning restore CA1031
            {
                sweeps.Failed(() => Log.SweepFailed(logger, e.Message));
                pause = FailurePause;
            }
        }
    }

    /// <summary>Claims no more sessions than the service can ask Twilio about. A claimed session that waits would only lose its
    /// lease.</summary>
    private async Task SweepAsync(int partition, CancellationToken stoppingToken)
    {
        await slots.WaitAsync(stoppingToken);
        slots.Release();
        var most = Math.Min(reviews.Free + ClaimsForEffects, slots.CurrentCount + 1);
        foreach (var id in await due.ClaimAsync(partition, most, policy.EffectLease, stoppingToken))
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
            looks.Worked();
            failing.Worked(id);
        }
#pragma warning disable CA1031 // The failed review of one session must not stop the others. The session is due again after its lease.
        catch (Exception e)
#pragma warning restore CA1031
        {
            looks.Failed(() => Log.ReviewFailed(logger, e));
            failing.Failed(id);
        }
        finally
        {
            slots.Release();
        }
    }

    private static partial class Log
    {
        [LoggerMessage(4002, LogLevel.Warning, "The sweeper could not read a partition: {Cause}. Further failures are not logged.")]
        public static partial void SweepFailed(ILogger logger, string cause);

        [LoggerMessage(4003, LogLevel.Warning,
            "A due session could not be reviewed. It is due again after its lease. Further failures are not logged.")]
        public static partial void ReviewFailed(ILogger logger, Exception exception);

        [LoggerMessage(4004, LogLevel.Warning, "The time to stop is over. The sessions under review are due again after their lease.")]
        public static partial void StopTimedOut(ILogger logger);

        [LoggerMessage(4005, LogLevel.Information,
            "The sweeper reads the partitions again. The outage had {Count} failures within {Seconds} seconds.")]
        public static partial void SweepsAgain(ILogger logger, int count, double seconds);

        [LoggerMessage(4007, LogLevel.Information,
            "Due sessions are reviewed again. The outage had {Count} failures within {Seconds} seconds.")]
        public static partial void ReviewsAgain(ILogger logger, int count, double seconds);
    }
}
