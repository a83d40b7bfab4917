using Calls.Domain;

namespace Calls.Application;

/// <summary>Lets requests that added a participant hear, within this process, what Twilio answered to its dial.</summary>
public sealed class DialOutcomes
{
    private readonly Lock gate = new();
    private readonly Dictionary<(SessionId, ParticipantId), Waiting> waiting = [];

    /// <summary>To be called before the dial can have been sent. Any number may wait for one dial. Dispose it when one waits no more.</summary>
    public Expectation Expect(SessionId session, ParticipantId participant)
    {
        lock (gate)
        {
            if (!waiting.TryGetValue((session, participant), out var dial))
                waiting[(session, participant)] = dial = new Waiting();
            dial.Count++;
            return new Expectation(this, (session, participant), dial.Told.Task);
        }
    }

    internal void Tell(SessionId session, ParticipantId participant, DialOutcome outcome)
    {
        lock (gate)
        {
            if (waiting.TryGetValue((session, participant), out var dial))
                dial.Told.TrySetResult(outcome);
        }
    }

    private void Leave((SessionId, ParticipantId) key)
    {
        lock (gate)
        {
            if (waiting.TryGetValue(key, out var dial) && --dial.Count == 0)
                waiting.Remove(key);
        }
    }

    /// <summary>Somebody waits for one dial's outcome.</summary>
    public sealed class Expectation : IDisposable
    {
        private readonly DialOutcomes outcomes;
        private readonly (SessionId, ParticipantId) key;
        private readonly Task<DialOutcome> told;
        private int disposed;

        internal Expectation(DialOutcomes outcomes, (SessionId, ParticipantId) key, Task<DialOutcome> told)
        {
            this.outcomes = outcomes;
            this.key = key;
            this.told = told;
        }

        /// <summary>What Twilio answered; null where it has not within <paramref name="patience"/>.</summary>
        public async Task<DialOutcome?> WaitAsync(TimeSpan patience, TimeProvider clock, CancellationToken cancellationToken)
        {
            try
            {
                return await told.WaitAsync(patience, clock, cancellationToken);
            }
            catch (TimeoutException)
            {
                return null;
            }
        }

        public void Dispose()
        {
            if (Interlocked.Exchange(ref disposed, 1) == 0)
                outcomes.Leave(key);
        }
    }

    private sealed class Waiting
    {
        public TaskCompletionSource<DialOutcome> Told { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public int Count { get; set; }
    }
}
