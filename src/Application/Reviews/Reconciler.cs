using Microsoft.Extensions.Hosting;

namespace Calls.Application.Reviews;

/// <summary>Sweeps Twilio's open conferences, one replica at a time (<see cref="RoomReconciler"/>).</summary>
internal sealed partial class Reconciler(RoomReconciler rooms, TimeProvider clock, ILogger<Reconciler> logger) : BackgroundService
{
    private readonly Outage sweeps = new(clock, (count, lasted) => Log.SweepsAgain(logger, count, lasted.TotalSeconds));

    protected override Task ExecuteAsync(CancellationToken stoppingToken) => SweepForEverAsync(stoppingToken);

    internal async Task SweepForEverAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await Task.Delay(rooms.Pause * (0.5 + Chance.Jitter()), clock, stoppingToken);
                await rooms.SweepAsync(stoppingToken);
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
            }
        }
    }

    private static partial class Log
    {
        [LoggerMessage(4022, LogLevel.Warning,
            "The open conferences of Twilio could not be swept: {Cause}. Further failures are not logged.")]
        public static partial void SweepFailed(ILogger logger, string cause);

        [LoggerMessage(4023, LogLevel.Information,
            "The open conferences of Twilio are swept again. The outage had {Count} failures within {Seconds} seconds.")]
        public static partial void SweepsAgain(ILogger logger, int count, double seconds);
    }
}
