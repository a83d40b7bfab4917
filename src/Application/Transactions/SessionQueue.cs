using System.Collections.Concurrent;

namespace Calls.Application.Transactions;

/// <summary>A queue for each session: the requests of this process for one session run one after another while Redis answers.</summary>
/// <remarks>The queue saves conflicts, each of which costs a second decision and a second save. No guarantee depends on it: the lock is the
/// compare-and-set.</remarks>
internal sealed class SessionQueue(TimeProvider time)
{
    /// <summary>Longer than a load and a save take while Redis answers. Where no request of the queue has heard from Redis for so long, the
    /// waiting requests
    /// go ahead, so that each of them notices that Redis is away.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(50);

    private readonly TimeProvider clock = time;
    private readonly ConcurrentDictionary<string, Ticket> last = new(StringComparer.Ordinal);

    /// <summary>Takes the last place in the session's queue and waits for the requests ahead. Dispose the ticket to leave the
    /// queue.</summary>
    public async ValueTask<Ticket> EnterAsync(SessionId session, CancellationToken cancellationToken)
    {
        var ticket = Enter(session);
        if (ticket.IsFirst)
            return ticket;
        try
        {
            await ticket.WaitAsync(cancellationToken);
            return ticket;
        }
        catch
        {
            ticket.Dispose();
            throw;
        }
    }

    /// <summary>Takes the last place in the session's queue.</summary>
    internal Ticket Enter(SessionId session)
    {
        while (true)
        {
            if (last.TryGetValue(session.Value, out var ahead))
            {
                var ticket = new Ticket(this, ahead.Shared, ahead);
                if (last.TryUpdate(session.Value, ticket, ahead))
                    return ticket;
            }
            else
            {
                var ticket = new Ticket(this, new Queue(session.Value), null);
                if (last.TryAdd(session.Value, ticket))
                    return ticket;
            }
        }
    }

    /// <summary>State that all tickets of one queue share.</summary>
    internal sealed class Queue(string session)
    {
        private long answeredAt;

        public string Session => session;

        /// <summary>When Redis last answered a request of this queue, as a timestamp; 0 where it has not yet.</summary>
        public long AnsweredAt
        {
            get => Volatile.Read(ref answeredAt);
            set => Volatile.Write(ref answeredAt, value);
        }
    }

    /// <summary>One place in a queue.</summary>
    internal sealed class Ticket(SessionQueue queue, Queue shared, Ticket? ahead) : IDisposable
    {
        // The next request continues inside of Dispose, up to its first wait. That is soon.
        private readonly TaskCompletionSource left = new();
        private Ticket? ahead = ahead;

        public Queue Shared => shared;

        /// <summary>Whether all requests ahead have left.</summary>
        public bool IsFirst => ahead is null || ahead.left.Task.IsCompleted;

        /// <summary>Waits for the requests ahead, as long as Redis answers them.</summary>
        public async Task WaitAsync(CancellationToken cancellationToken)
        {
            if (ahead is not { } before)
                return;
            do
            {
                try
                {
                    await before.left.Task.WaitAsync(Patience, queue.clock, cancellationToken);
                    return;
                }
                catch (TimeoutException)
                {
                    // Redis is slow or away, or the queue is long: the loop's condition tells.
                }
            }
            while (shared.AnsweredAt is not 0 and var at && queue.clock.GetElapsedTime(at) < Patience);
        }

        /// <summary>Redis has answered this request, if only with a conflict.</summary>
        public void StoreAnswered() => shared.AnsweredAt = queue.clock.GetTimestamp();

        /// <summary>Leaves the queue. A request that went ahead leaves after those before it, so that the queue stays one queue.</summary>
        public void Dispose()
        {
            if (IsFirst)
                Leave();
            else
                _ = LeaveAfterAsync(ahead!.left.Task);
        }

        private async Task LeaveAfterAsync(Task before)
        {
            await before;
            Leave();
        }

        private void Leave()
        {
            // The next ticket must not keep all earlier tickets in memory.
            ahead = null;
            queue.last.TryRemove(KeyValuePair.Create(shared.Session, this));
            left.TrySetResult();
        }
    }
}
