using Calls.Load;

namespace Calls.Scale;

/// <summary>The measurements with one number of participants.</summary>
internal sealed record ParticipantSample(int Participants, IReadOnlyList<ParticipantSample.Turn> Turns)
{
    /// <summary>The bytes of all keys of the call, as Redis reports them.</summary>
    public long Bytes => Turns[0].Bytes;

    /// <summary>The bytes of the session as JSON.</summary>
    public int Json => Turns[0].Json;

    public double Median(Func<Turn, double> of) => Turns.Select(of).Median();

    /// <summary>One measurement.</summary>
    /// <param name="Participants">The number of participants.</param>
    /// <param name="Bytes">The bytes of the call in Redis.</param>
    /// <param name="Json">The bytes of the session as JSON.</param>
    /// <param name="Tally">The webhooks, one after another.</param>
    /// <param name="Processor">The service's processor time for each webhook.</param>
    internal sealed record Turn(int Participants, long Bytes, int Json, Tally Tally, TimeSpan Processor)
    {
        /// <summary>The median response time of a webhook.</summary>
        public double Milliseconds => Tally.Percentile(Webhook.Conference, 50);

        /// <summary>The mean processor time of a webhook.</summary>
        public double Microseconds => Processor.TotalMicroseconds;
    }
}
