using System.Diagnostics.Metrics;
using System.Threading.Channels;

namespace Calls.Infrastructure.Outbox;

/// <summary>Holds committed effects for the worker. Hang-ups have their own lane, because they are more urgent than dials. Dials have their
/// own lane if they are paced, because they wait.</summary>
/// <remarks>A full queue drops the effect. The effect stays stored in its session, and a sweeper runs it after the lease.</remarks>
internal sealed class EffectQueue : IEffectQueue, IDisposable
{
    private const int Capacity = 10_000;
    private readonly Channel<QueuedEffect> endings = Lane();
    private readonly Channel<QueuedEffect> others = Lane();
    private readonly Channel<QueuedEffect> dials = Lane();
    private readonly IDialPace pace;
    private readonly Meter meter;
    private readonly Counter<long> dropped;

    public EffectQueue(IMeterFactory meters, IDialPace pace)
    {
        this.pace = pace;
        meter = meters.Create("Calls.Outbox");
        dropped = meter.CreateCounter<long>("calls.effects.dropped", "{effect}", "Effects that the full queue left to the sweeper.");
        meter.CreateObservableGauge(
            "calls.effects.queued", () => Endings.Count + Others.Count + Dials.Count, "{effect}",
            "Effects that wait for the worker of this replica.");
    }

    public ChannelReader<QueuedEffect> Endings => endings.Reader;
    public ChannelReader<QueuedEffect> Others => others.Reader;
    public ChannelReader<QueuedEffect> Dials => dials.Reader;

    public void Enqueue(StoredSession committed, Effect effect)
    {
        var lane = effect is Effect.HangUp ? endings : effect is Effect.Dial && pace.IsLimited ? dials : others;
        if (!lane.Writer.TryWrite(new QueuedEffect(committed, effect)))
            dropped.Add(1);
    }

    public void Complete()
    {
        endings.Writer.TryComplete();
        others.Writer.TryComplete();
        dials.Writer.TryComplete();
    }

    public void Dispose() => meter.Dispose();

    private static Channel<QueuedEffect> Lane() => Channel.CreateBounded<QueuedEffect>(Capacity);
}

/// <summary>One effect, and the session as it was committed with it.</summary>
internal sealed record QueuedEffect(StoredSession Session, Effect Effect);
