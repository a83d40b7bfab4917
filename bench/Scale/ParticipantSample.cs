using Calls.Load;

namespace Calls.Scale;

/// <summary>All that was measured with so many participants in one call.</summary>
internal sealed record ParticipantSample(int Participants, IReadOnlyList<ParticipantSample.Turn> Turns)
{
    /// <summary>All keys of the call, as Redis accounts for them.</summary>
    public long Bytes => Turns[0].Bytes;

    /// <summary>The session alone, as JSON.</summary>
    public int Json => Turns[0].Json;

    public double Median(Func<Turn, double> of) => Turns.Select(of).Median();

    /// <summary>One measurement.</summary>
    /// <param name="Participants">How many were in the call.</param>
    /// <param name="Bytes">What the call takes in Redis.</param>
    /// <param name="Json">The session alone.</param>
    /// <param name="Tally">Its webhooks, one after another.</param>
    /// <param name="Processor">What the service took for each.</param>
    internal sealed record Turn(int Participants, long Bytes, int Json, Tally Tally, TimeSpan Processor)
    {
        /// <summary>Of a webhook, the median.</summary>
        public double Milliseconds => Tally.Percentile(Webhook.Conference, 50);

        /// <summary>Of a webhook and all processors, the mean.</summary>
        public double Microseconds => Processor.TotalMicroseconds;
    }
}
