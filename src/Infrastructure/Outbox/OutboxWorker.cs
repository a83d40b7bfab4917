using System.Threading.Channels;
using Calls.Application.Effects;

namespace Calls.Infrastructure.Outbox;

/// <summary>Runs the effects of this replica after their commit. No webhook waits for them. It empties the queue before a stop.</summary>
internal sealed partial class OutboxWorker(EffectQueue queue, EffectExecutor executor, ILogger<OutboxWorker> logger) : BackgroundService
{
    /// <summary>The most requests under way in each lane. The gateway has its own limits.</summary>
    private const int Concurrency = 64;

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        queue.Complete();
        if (ExecuteTask is { } running)
            await Task.WhenAny(running, Task.Delay(Timeout.Infinite, cancellationToken));
        await base.StopAsync(cancellationToken);
    }

    protected override Task ExecuteAsync(CancellationToken stoppingToken) => Task.WhenAll(RunAsync(queue.Endings), RunAsync(queue.Others));

    private Task RunAsync(ChannelReader<QueuedEffect> lane) =>
        Parallel.ForEachAsync(lane.ReadAllAsync(), new ParallelOptions { MaxDegreeOfParallelism = Concurrency }, async (queued, _) =>
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
    }
}
