using Calls.Application.Effects;

namespace Calls.Infrastructure.Outbox;

/// <summary>Runs the effects of this replica after their commit. No webhook waits for them. It empties the queue before a stop.</summary>
internal sealed partial class OutboxWorker(
    EffectQueue queue, PacedDials paced, EffectExecutor executor, TimeProvider clock, ILogger<OutboxWorker> logger) : BackgroundService
{
    /// <summary>The most requests under way in each lane. The gateway has its own limits.</summary>
    private const int Concurrency = 64;
    private static readonly TimeSpan FailurePause = TimeSpan.FromSeconds(1);

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        queue.Complete();
        if (ExecuteTask is { } running)
            await Task.WhenAny(running, Task.Delay(Timeout.Infinite, cancellationToken));
        await base.StopAsync(cancellationToken);
    }

    protected override Task ExecuteAsync(CancellationToken stoppingToken) => Task.WhenAll(
        RunAsync(queue.Endings.ReadAllAsync(CancellationToken.None)), RunAsync(queue.Others.ReadAllAsync(CancellationToken.None)),
        RunAsync(InTurnAsync()));

    private async IAsyncEnumerable<QueuedEffect> InTurnAsync()
    {
        while (!queue.Dials.Completion.IsCompleted)
        {
            QueuedEffect? next = null;
            try
            {
                next = await paced.NextAsync(queue.Dials);
            }
            catch (SessionStoreUnavailableException e)
            {
                Log.NoTurn(logger, e.Message);
                await Task.Delay(FailurePause, clock);
            }

            if (next is not null)
                yield return next;
        }
    }

    private Task RunAsync(IAsyncEnumerable<QueuedEffect> lane) =>
        Parallel.ForEachAsync(lane, new ParallelOptions { MaxDegreeOfParallelism = Concurrency }, async (queued, _) =>
        {
            try
            {
                await executor.RunAsync(queued.Session, queued.Effect, CancellationToken.None);
            }
#pragma warning disable CA1031 // Only the worker loop catches every exception: the effect is stored, and the sweeper runs it.
            catch (Exception e)
#pragma warning restore CA1031
            {
                Log.Postponed(logger, e, queued.Effect.GetType().Name);
            }
        });

    private static partial class Log
    {
        [LoggerMessage(4001, LogLevel.Warning, "The effect {Kind} could not be finished. The sweeper will run it again.")]
        public static partial void Postponed(ILogger logger, Exception exception, string kind);

        [LoggerMessage(4020, LogLevel.Debug, "No dial gets a turn while Redis is away: {Cause}")]
        public static partial void NoTurn(ILogger logger, string cause);
    }
}
