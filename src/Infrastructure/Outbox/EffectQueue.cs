using System.Diagnostics.Metrics;
using System.Threading.Channels;

namespace Calls.Infrastructure.Outbox;

/// <summary>Holds committed effects for the worker. Hang-ups, dials, changes of mute and hold, and questions to the group resolver have a
/// lane each, so that none of them waits behind another kind.</summary>
/// <remarks>A full queue drops the effect. The effect stays stored in its session, and a sweeper runs it after the lease.</remarks>
internal sealed class EffectQueue : IEffectQueue, IDisposable
{
    private const int Capacity = 10_000;
    private readonly Channel<QueuedEffect> endings = Lane();
    private readonly Channel<QueuedEffect> dials = Lane();
    private readonly Channel<QueuedEffect> changes = Lane();
    private readonly Channel<QueuedEffect> questions = Lane();
    /// <summary>For each participant with a change in the lane or under way: the newest change that waits behind it.</summary>
    private readonly Dictionary<(SessionId, ParticipantId), QueuedEffect?> newest = [];
    private readonly Meter meter;
    private readonly Counter<long> dropped;

    public EffectQueue(IMeterFactory meters)
    {
        meter = meters.Create("Calls.Outbox");
        dropped = meter.CreateCounter<long>("calls.effects.dropped", "{effect}", "Effects that the full queue left to the sweeper.");
        meter.CreateObservableGauge(
            "calls.effects.queued", () => Endings.Count + Dials.Count + Changes.Count + Questions.Count, "{effect}",
            "Effects that wait for the worker of this replica.");
    }

    public ChannelReader<QueuedEffect> Endings => endings.Reader;
    public ChannelReader<QueuedEffect> Dials => dials.Reader;
    public ChannelReader<QueuedEffect> Changes => changes.Reader;
    public ChannelReader<QueuedEffect> Questions => questions.Reader;

    /// <summary>An increase is seen only of a series that exists before it.</summary>
    public void StartAtZero() => dropped.Add(0);

    public void Enqueue(StoredSession committed, Effect effect)
    {
        var queued = new QueuedEffect(committed, effect);
        if (effect is Effect.SetFlags flags)
            Change(flags, queued);
        else
            Write(effect switch { Effect.HangUp => endings, Effect.ResolveGroup => questions, _ => dials }, queued);
    }

    /// <summary>A change has been run. Returns the newest change of the same participant that was queued in the meantime.</summary>
    public QueuedEffect? After(QueuedEffect done)
    {
        if (done.Effect is not Effect.SetFlags flags)
            return null;
        var key = (done.Session.Id, flags.Participant);
        lock (newest)
        {
            if (newest.TryGetValue(key, out var next) && next is not null)
            {
                newest[key] = null;
                return next;
            }

            newest.Remove(key);
            return null;
        }
    }

    public void Complete()
    {
        endings.Writer.TryComplete();
        dials.Writer.TryComplete();
        changes.Writer.TryComplete();
        questions.Writer.TryComplete();
    }

    public void Dispose() => meter.Dispose();

    /// <summary>A person may change mute and hold faster than Twilio answers. Of each participant one change is in the lane or under way,
    /// and one waits. A newer change has all values of the one that waits, and takes its place.</summary>
    private void Change(Effect.SetFlags flags, QueuedEffect queued)
    {
        var key = (queued.Session.Id, flags.Participant);
        lock (newest)
        {
            if (newest.ContainsKey(key))
                newest[key] = queued;
            else if (Write(changes, queued))
                newest.Add(key, null);
        }
    }

    private bool Write(Channel<QueuedEffect> lane, QueuedEffect queued)
    {
        if (lane.Writer.TryWrite(queued))
            return true;
        dropped.Add(1);
        return false;
    }

    private static Channel<QueuedEffect> Lane() => Channel.CreateBounded<QueuedEffect>(Capacity);
}

/// <summary>One effect, and the session as it was committed with it.</summary>
internal sealed record QueuedEffect(StoredSession Session, Effect Effect);
