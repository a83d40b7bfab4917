using System.Collections.Concurrent;
using System.Threading.Channels;

namespace Calls.Infrastructure.Webhooks;

/// <summary>The calls with news, for each receiver: the saves of this replica, and what its looks have found.</summary>
/// <remarks>Nothing depends on it: an entry that is lost here is in Redis, and the next look finds it. A call that waits in the queue is
/// not queued again.</remarks>
internal sealed class EventWakes(EventReceivers receivers)
{
    private const int Most = 10_000;
    private readonly Dictionary<string, Queue> queues =
        receivers.Names.ToDictionary(name => name, _ => new Queue(), StringComparer.Ordinal);

    /// <summary>A save has news for every receiver. It never waits.</summary>
    public void Wake(string member)
    {
        foreach (var queue in queues.Values)
            queue.Add(member);
    }

    public void Wake(string receiver, string member) => queues[receiver].Add(member);

    /// <summary>The members, until the process stops.</summary>
    public IAsyncEnumerable<string> ReadAsync(string receiver, CancellationToken cancellationToken) =>
        queues[receiver].ReadAsync(cancellationToken);

    private sealed class Queue
    {
        private readonly Channel<string> members = Channel.CreateUnbounded<string>();
        private readonly ConcurrentDictionary<string, bool> waiting = new(StringComparer.Ordinal);

        public void Add(string member)
        {
            if (waiting.Count < Most && waiting.TryAdd(member, true))
                members.Writer.TryWrite(member);
        }

        public async IAsyncEnumerable<string> ReadAsync(
            [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
        {
            await foreach (var member in members.Reader.ReadAllAsync(cancellationToken))
            {
                // From here on a save is news again.
                waiting.TryRemove(member, out _);
                yield return member;
            }
        }
    }
}
