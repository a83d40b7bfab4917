namespace Calls.Application.Effects;

/// <summary>Tells requests that added a participant, within this process, what Twilio answered to the dial.</summary>
public sealed class DialOutcomes
{
    private readonly Lock gate = new();
    private readonly Dictionary<(SessionId, ParticipantId), Waiting> waiting = [];

    /// <summary>Call it before the dial can be sent. Any number of requests may wait for one dial. Dispose the result after the
    /// wait.</summary>
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

    /// <summary>One request that waits for the outcome of a dial.</summary>
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

        /// <summary>Twilio's answer; null where there is none within <paramref name="patience"/>.</summary>
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
