using System.Collections.Concurrent;

namespace Calls.Application.Effects;

/// <summary>Tells requests that added a participant, within this process, what Twilio answered to the dial.</summary>
public sealed class DialOutcomes
{
    private readonly ConcurrentDictionary<Expectation, byte> waiting = new();

    /// <summary>Call it before the dial can be sent. Any number of requests may wait for one dial. Dispose the result after the
    /// wait.</summary>
    public Expectation Expect(SessionId session, ParticipantId participant)
    {
        var expectation = new Expectation(this, session, participant);
        waiting.TryAdd(expectation, 0);
        return expectation;
    }

    internal void Tell(SessionId session, ParticipantId participant, DialOutcome outcome)
    {
        foreach (var (expectation, _) in waiting)
            expectation.Tell(session, participant, outcome);
    }

    /// <summary>One request that waits for the outcome of a dial.</summary>
    public sealed class Expectation : IDisposable
    {
        private readonly TaskCompletionSource<DialOutcome> told = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly (SessionId Session, ParticipantId Participant) dial;
        private readonly DialOutcomes outcomes;

        internal Expectation(DialOutcomes outcomes, SessionId session, ParticipantId participant) =>
            (this.outcomes, dial) = (outcomes, (session, participant));

        /// <summary>Twilio's answer; null where there is none within <paramref name="patience"/>.</summary>
        public async Task<DialOutcome?> WaitAsync(TimeSpan patience, TimeProvider clock, CancellationToken cancellationToken)
        {
            try
            {
                return await told.Task.WaitAsync(patience, clock, cancellationToken);
            }
            catch (TimeoutException)
            {
                return null;
            }
        }

        public void Dispose() => outcomes.waiting.TryRemove(this, out _);

        internal void Tell(SessionId session, ParticipantId participant, DialOutcome outcome)
        {
            if (dial == (session, participant))
                told.TrySetResult(outcome);
        }
    }
}
