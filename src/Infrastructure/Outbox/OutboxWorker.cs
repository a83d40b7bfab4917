using Calls.Application.Effects;
using Calls.Application.Telemetry;

namespace Calls.Infrastructure.Outbox;

/// <summary>Runs the effects of this replica after their commit. No webhook waits for them. It empties the queue before a stop.</summary>
internal sealed partial class OutboxWorker(
    EffectQueue queue, PacedDials paced, EffectExecutor executor, TimeProvider clock, ILogger<OutboxWorker> logger) : BackgroundService
{
    /// <summary>The most requests under way in each lane. The gateway has its own limits.</summary>
    private const int Concurrency = 64;
    private static readonly TimeSpan FailurePause = TimeSpan.FromSeconds(1);
    private readonly Outage outage = new(clock, (count, lasted) => Log.WorksAgain(logger, count, lasted.TotalSeconds));

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        queue.Complete();
        if (ExecuteTask is { } running)
            await Task.WhenAny(running, Task.Delay(Timeout.Infinite, cancellationToken));
        await base.StopAsync(cancellationToken);
    }

    public override Task StartAsync(CancellationToken cancellationToken)
    {
        queue.StartAtZero();
        return base.StartAsync(cancellationToken);
    }

    protected override Task ExecuteAsync(CancellationToken stoppingToken) => Task.WhenAll(
        RunAsync(queue.Endings.ReadAllAsync(CancellationToken.None)), RunAsync(queue.Changes.ReadAllAsync(CancellationToken.None)),
        RunAsync(queue.Questions.ReadAllAsync(CancellationToken.None)),
        RunAsync(paced.IsLimited ? InTurnAsync() : queue.Dials.ReadAllAsync(CancellationToken.None)));

    private async IAsyncEnumerable<QueuedEffect> InTurnAsync()
    {
        while (!queue.Dials.Completion.IsCompleted)
        {
            QueuedEffect? next = null;
            try
            {
                next = await paced.NextAsync(queue.Dials);
            }
#pragma warning disable CA1031 // An exception would end this lane. The dials are stored, and the sweeper runs them.
            catch (Exception e)
#pragma warning restore CA1031
            {
                outage.Failed(() => Log.NoTurn(logger, e));
                await Task.Delay(FailurePause, clock);
            }

            if (next is not null)
                yield return next;
        }
    }

    private Task RunAsync(IAsyncEnumerable<QueuedEffect> lane) =>
        Parallel.ForEachAsync(lane, new ParallelOptions { MaxDegreeOfParallelism = Concurrency }, async (queued, _) =>
        {
            for (var next = queued; next is not null; next = queue.After(next))
                await RunAsync(next);
        });

    private async Task RunAsync(QueuedEffect queued)
    {
        try
        {
            await executor.RunAsync(queued.Session, queued.Effect, CancellationToken.None);
            outage.Worked();
        }
#pragma warning disable CA1031 // Only the worker loop catches every exception: the effect is stored, and the sweeper runs it.
        catch (Exception e)
#pragma warning restore CA1031
        {
            outage.Failed(() => Log.Postponed(logger, e, queued.Effect.GetType().Name));
        }
    }

    private static partial class Log
    {
        [LoggerMessage(4001, LogLevel.Warning,
            "The effect {Kind} could not be finished. The sweeper will run it again. Further failures are not logged.")]
        public static partial void Postponed(ILogger logger, Exception exception, string kind);

        [LoggerMessage(4008, LogLevel.Information,
            "Effects are finished again. The outage had {Count} failures within {Seconds} seconds.")]
        public static partial void WorksAgain(ILogger logger, int count, double seconds);

        [LoggerMessage(4009, LogLevel.Warning, "No dial of this replica gets a turn. Further failures are not logged.")]
        public static partial void NoTurn(ILogger logger, Exception exception);
    }
}
