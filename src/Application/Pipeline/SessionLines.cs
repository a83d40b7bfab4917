using System.Collections.Concurrent;
using Calls.Domain;

namespace Calls.Application.Pipeline;

/// <summary>A line for each session that somebody in this process is busy with. It spares conflicts and nothing depends on it: the lock is the store's.</summary>
internal sealed class SessionLines(TimeProvider clock)
{
    /// <summary>Longer than a load and a save take while the store answers. Where nobody in the line has heard from the store for so long, whoever waits goes ahead:
    /// while it is away, each finds that out by themselves.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(50);

    private readonly ConcurrentDictionary<string, Turn> last = new(StringComparer.Ordinal);

    /// <summary>Takes the last place. It is to be given up with <see cref="Turn.End"/>.</summary>
    public Turn StandIn(SessionId session)
    {
        while (true)
        {
            if (last.TryGetValue(session.Value, out var before))
            {
                var turn = new Turn(this, before.Line) { Before = before };
                if (last.TryUpdate(session.Value, turn, before))
                    return turn;
            }
            else
            {
                var turn = new Turn(this, new Line(session.Value, clock));
                if (last.TryAdd(session.Value, turn))
                    return turn;
            }
        }
    }

    /// <summary>What all who stand in one line know.</summary>
    internal sealed class Line(string session, TimeProvider clock)
    {
        private long heard;

        public string Session => session;
        public TimeProvider Clock => clock;

        /// <summary>Whether the store has answered lately, so that waiting is worth it.</summary>
        public bool HasHeard => Volatile.Read(ref heard) is not 0 and var at && clock.GetElapsedTime(at) < Patience;

        public void Hear() => Volatile.Write(ref heard, clock.GetTimestamp());
    }

    /// <summary>One place in a line.</summary>
    public sealed class Turn(SessionLines lines, Line line)
    {
        // Whoever comes next runs on from End itself, up to their first wait: that is soon.
        private readonly TaskCompletionSource ended = new();

        internal Line Line => line;

        /// <summary>Who came before; null where nobody did.</summary>
        internal Turn? Before { get; set; }

        public bool HasCome => Before is null || Before.ended.Task.IsCompleted;

        /// <summary>Waits for whoever came before, and no longer than that is worth.</summary>
        public async Task ComesAsync(CancellationToken cancellationToken)
        {
            do
            {
                try
                {
                    await Before!.ended.Task.WaitAsync(Patience, line.Clock, cancellationToken);
                    return;
                }
                catch (TimeoutException)
                {
                    // Long, or behind many: the line says which.
                }
            }
            while (line.HasHeard);
        }

        /// <summary>The store has answered, if only that somebody else came first.</summary>
        public void Hear() => line.Hear();

        /// <summary>Whoever went ahead ends once all before them have: else the line would break in two, each with a first of its own.</summary>
        public void End()
        {
            if (HasCome)
                Leave();
            else
                _ = LeaveAfterAsync(Before!.ended.Task);
        }

        private async Task LeaveAfterAsync(Task before)
        {
            await before;
            Leave();
        }

        private void Leave()
        {
            // Whoever comes next must not keep all that came before alive.
            Before = null;
            lines.last.TryRemove(KeyValuePair.Create(line.Session, this));
            ended.TrySetResult();
        }
    }
}
