using System.Diagnostics.Metrics;
using System.Threading.Channels;

namespace Calls.Infrastructure.Outbox;

/// <summary>Effects on their way from a commit to the worker. Hang-ups have a lane of their own: ending is worth more than starting.</summary>
/// <remarks>Bounded. What finds no place is dropped here, stays in its session, and is taken by a sweeper when its lease is out.</remarks>
internal sealed class EffectQueue : IEffectQueue, IDisposable
{
    private const int Capacity = 10_000;

    private readonly Channel<QueuedEffect> endings = Lane();
    private readonly Channel<QueuedEffect> others = Lane();
    private readonly Meter meter;
    private readonly Counter<long> dropped;

    public EffectQueue(IMeterFactory meters)
    {
        meter = meters.Create("Calls.Outbox");
        dropped = meter.CreateCounter<long>("calls.effects.dropped", "{effect}", "Effects that found the queue full and were left to the sweeper.");
        meter.CreateObservableGauge("calls.effects.queued", () => endings.Reader.Count + others.Reader.Count, "{effect}", "Effects that wait for the worker.");
    }

    public ChannelReader<QueuedEffect> Endings => endings.Reader;

    public ChannelReader<QueuedEffect> Others => others.Reader;

    public void Enqueue(StoredSession committed, Effect effect)
    {
        var lane = effect is Effect.HangUp ? endings : others;
        if (!lane.Writer.TryWrite(new QueuedEffect(committed, effect)))
            dropped.Add(1);
    }

    public void Complete()
    {
        endings.Writer.TryComplete();
        others.Writer.TryComplete();
    }

    public void Dispose() => meter.Dispose();

    private static Channel<QueuedEffect> Lane() => Channel.CreateBounded<QueuedEffect>(new BoundedChannelOptions(Capacity) { FullMode = BoundedChannelFullMode.Wait });
}

/// <summary>One effect, and the session as it was committed with it.</summary>
internal sealed record QueuedEffect(StoredSession Session, Effect Effect);
