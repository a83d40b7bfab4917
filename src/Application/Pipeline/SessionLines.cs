using System.Collections.Concurrent;
using Calls.Domain;

namespace Calls.Application.Pipeline;

/// <summary>A line for each session that somebody in this process is busy with. It spares conflicts and nothing depends on it: the lock is the store's.</summary>
internal sealed class SessionLines
{
    /// <summary>Longer than a load and a save ever take while the store answers. Who has waited for so long goes ahead: while the store is away, each finds that out by itself.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(50);

    private readonly ConcurrentDictionary<string, Turn> last = new(StringComparer.Ordinal);

    /// <summary>Takes the last place. It is to be given up with <see cref="Turn.End"/>.</summary>
    public Turn StandIn(SessionId session)
    {
        var turn = new Turn(this, session.Value);
        while (true)
        {
            if (last.TryGetValue(session.Value, out var before))
            {
                if (!last.TryUpdate(session.Value, turn, before))
                    continue;
                turn.Before = before;
                return turn;
            }

            if (last.TryAdd(session.Value, turn))
                return turn;
        }
    }

    /// <summary>One place in a line.</summary>
    public sealed class Turn(SessionLines lines, string session)
    {
        // Whoever comes next runs on from End itself, up to their first wait: that is soon.
        private readonly TaskCompletionSource ended = new();

        /// <summary>Who came before; null where nobody did.</summary>
        internal Turn? Before { get; set; }

        public bool HasCome => Before is null || Before.ended.Task.IsCompleted;

        /// <summary>Waits for whoever came before, and no longer than that is worth.</summary>
        public async Task ComesAsync(TimeProvider clock, CancellationToken cancellationToken)
        {
            try
            {
                await Before!.ended.Task.WaitAsync(Patience, clock, cancellationToken);
            }
            catch (TimeoutException)
            {
                // Ahead, then.
            }
        }

        public void End()
        {
            // Whoever comes next must not keep all that came before alive.
            Before = null;
            lines.last.TryRemove(KeyValuePair.Create(session, this));
            ended.TrySetResult();
        }
    }
}
