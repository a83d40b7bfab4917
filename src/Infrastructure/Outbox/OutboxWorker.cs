using System.Threading.Channels;
using Calls.Application.Effects;

namespace Calls.Infrastructure.Outbox;

/// <summary>Runs the effects that this replica has committed, at once and many at a time, and holds no webhook for it. When the host stops, it finishes what is queued.</summary>
internal sealed partial class OutboxWorker(EffectQueue queue, IServiceScopeFactory scopes, ILogger<OutboxWorker> logger) : BackgroundService
{
    /// <summary>Requests under way at once in each lane; the gateway has limits of its own.</summary>
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
                await using var scope = scopes.CreateAsyncScope();
                await scope.ServiceProvider.GetRequiredService<EffectExecutor>().RunAsync(queued.Session, queued.Effect, CancellationToken.None);
            }
#pragma warning disable CA1031 // The worker loop is the one place that catches everything: the effect is stored, and the sweeper takes it.
            catch (Exception e)
#pragma warning restore CA1031
            {
                Log.Postponed(logger, e, queued.Effect.GetType().Name);
            }
        });

    private static partial class Log
    {
        [LoggerMessage(4001, LogLevel.Warning, "The effect {Kind} could not be finished; it is left to the sweeper")]
        public static partial void Postponed(ILogger logger, Exception exception, string kind);
    }
}
