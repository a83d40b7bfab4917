using System.Collections.Concurrent;
using System.Diagnostics.Metrics;

namespace Calls.Infrastructure.Webhooks;

/// <summary>The outcomes of attempts, as in the metrics.</summary>
internal static class EventOutcomes
{
    public const string Delivered = "delivered";
    public const string Failed = "failed";
    public const string GivenUp = "given_up";
    public const string Gone = "gone";
    public static readonly IReadOnlyList<string> All = [Delivered, Failed, GivenUp, Gone];
}

/// <summary>The metrics of the events that leave the service.</summary>
internal sealed class EventTelemetry : IDisposable
{
    public const string MeterName = "Calls.Events";
    private static readonly double[] Seconds = [0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300, 1800, 7200, 86400];
    private readonly Meter meter;
    private readonly Counter<long> deliveries;
    private readonly Histogram<double> delay;
    private readonly ConcurrentDictionary<string, long> pending = new(StringComparer.Ordinal);

    public EventTelemetry(IMeterFactory meters, EventReceivers receivers)
    {
        meter = meters.Create(MeterName);
        deliveries = meter.CreateCounter<long>(
            "calls.events.deliveries", "{delivery}",
            "Events sent to receivers, by receiver, type and outcome (delivered, failed and tried again, given_up, gone).");
        delay = meter.CreateHistogram(
            "calls.events.delay", "s", "From the change of a call until a receiver has it, by receiver.",
            advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = Seconds });
        meter.CreateObservableGauge(
            "calls.events.pending", () => pending.Select(known => new Measurement<long>(known.Value, ReceiverOf(known.Key))), "{call}",
            "Calls with news that a receiver does not have, by receiver. All replicas report the same.");
        // The counters exist from the start, so that their first increase is seen.
        foreach (var receiver in receivers.Names)
            foreach (var type in EventTypes.All)
                foreach (var outcome in EventOutcomes.All)
                    deliveries.Add(0, ReceiverOf(receiver), new("type", type), new("outcome", outcome));
    }

    public void Delivery(string receiver, string type, string outcome) =>
        deliveries.Add(1, ReceiverOf(receiver), new("type", type), new("outcome", outcome));

    public void Delivered(string receiver, TimeSpan took) => delay.Record(Math.Max(0, took.TotalSeconds), ReceiverOf(receiver));

    /// <summary>There is no measurement where the count failed: an old number would look like a true one.</summary>
    public void Pending(string receiver, long? calls)
    {
        if (calls is { } known)
            pending[receiver] = known;
        else
            pending.TryRemove(receiver, out _);
    }

    public void Dispose() => meter.Dispose();

    private static KeyValuePair<string, object?> ReceiverOf(string name) => new("receiver", name);
}
