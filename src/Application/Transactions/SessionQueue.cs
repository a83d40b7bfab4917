using System.Collections.Concurrent;

namespace Calls.Application.Transactions;

/// <summary>A queue for each session: the requests of this process for one session run one after another while Redis answers.</summary>
/// <remarks>It saves conflicts, each of which costs a second decision and a second save. No guarantee depends on it: the lock is the
/// compare-and-set.</remarks>
internal sealed class SessionQueue(TimeProvider time)
{
    /// <summary>Longer than a load and a save take. Where Redis has answered no request for so long, the waiting requests go ahead, so that
    /// each of them notices that Redis is away.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(50);

    private readonly ConcurrentDictionary<SessionId, Ticket> last = new();
    private readonly TimeProvider clock = time;
    private long answeredAt;

    private bool StoreAnswers => Volatile.Read(ref answeredAt) is not 0 and var at && clock.GetElapsedTime(at) < Patience;

    /// <summary>Takes the last place in the session's queue and waits for the requests ahead. Dispose the ticket to leave the
    /// queue.</summary>
    public async ValueTask<Ticket> EnterAsync(SessionId session, CancellationToken cancellationToken)
    {
        var ticket = Enter(session);
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
    internal Ticket Enter(SessionId session) => last.AddOrUpdate(
        session, static (id, queue) => new Ticket(queue, id, null), static (id, ahead, queue) => new Ticket(queue, id, ahead), this);

    /// <summary>One place in a queue.</summary>
    internal sealed class Ticket(SessionQueue queue, SessionId session, Ticket? ahead) : IDisposable
    {
        // The next request continues inside of Dispose, up to its first wait. That is soon.
        private readonly TaskCompletionSource left = new();
        private Ticket? ahead = ahead;

        /// <summary>Whether all requests ahead have left.</summary>
        public bool IsFirst => ahead is null || ahead.left.Task.IsCompleted;

        /// <summary>Waits for the requests ahead, as long as Redis answers.</summary>
        public async ValueTask WaitAsync(CancellationToken cancellationToken)
        {
            for (var isFirst = IsFirst; !isFirst;)
            {
                try
                {
                    await ahead!.left.Task.WaitAsync(Patience, queue.clock, cancellationToken);
                    return;
                }
                catch (TimeoutException)
                {
                    isFirst = !queue.StoreAnswers;
                }
            }
        }

        /// <summary>Redis has answered this request, if only with a conflict.</summary>
        public void StoreAnswered() => Volatile.Write(ref queue.answeredAt, queue.clock.GetTimestamp());

        /// <summary>Leaves the queue. A request that went ahead leaves after those before it, so that the queue stays one queue.</summary>
        public void Dispose()
        {
            if (IsFirst)
                Leave();
            else
                _ = ahead!.left.Task.ContinueWith(_ => Leave(), TaskContinuationOptions.ExecuteSynchronously);
        }

        private void Leave()
        {
            // The next ticket must not keep all earlier tickets in memory.
            ahead = null;
            queue.last.TryRemove(KeyValuePair.Create(session, this));
            left.TrySetResult();
        }
    }
}
