using System.Collections.Concurrent;
using Calls.Domain;

namespace Calls.Application;

/// <summary>Lets a request that added a participant hear, within this process, what Twilio answered to its dial.</summary>
public sealed class DialOutcomes
{
    private readonly ConcurrentDictionary<(SessionId, ParticipantId), TaskCompletionSource<DialOutcome>> waiting = new();

    /// <summary>To be called before the dial can have been sent. Dispose it when nobody waits any more.</summary>
    public Expectation Expect(SessionId session, ParticipantId participant)
    {
        var told = waiting.GetOrAdd((session, participant), _ => new TaskCompletionSource<DialOutcome>(TaskCreationOptions.RunContinuationsAsynchronously));
        return new Expectation(this, (session, participant), told.Task);
    }

    internal void Tell(SessionId session, ParticipantId participant, DialOutcome outcome)
    {
        if (waiting.TryGetValue((session, participant), out var told))
            told.TrySetResult(outcome);
    }

    /// <summary>Somebody waits for one dial's outcome.</summary>
    public sealed class Expectation : IDisposable
    {
        private readonly DialOutcomes outcomes;
        private readonly (SessionId, ParticipantId) key;
        private readonly Task<DialOutcome> told;

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

        public void Dispose() => outcomes.waiting.TryRemove(key, out _);
    }
}
