using System.Globalization;
using System.Text;
using Calls.Domain;
using Calls.Infrastructure.Twilio;
using Calls.Load;
using Calls.Report;

namespace Calls.Scale;

/// <summary>How many live calls one replica compares with Twilio within a review interval, by the latency of Twilio.</summary>
/// <remarks>More calls are due than the replica can compare, so it works as fast as it can. The rate times the interval is the
/// capacity.</remarks>
internal static class Capacity
{
    /// <summary>More than a replica compares in a minute.</summary>
    private const int Sessions = 30_000;

    private static readonly CallPolicy Policy = new();
    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Measured = TimeSpan.FromSeconds(20);
    private static readonly int[] Latencies = [50, 150, 500];

    public static async Task<IReadOnlyList<CapacitySample>> MeasureAsync(Children children, QuickTwilio twilio)
    {
        twilio.HasStoredCalls = true;
        List<CapacitySample> samples = [];
        foreach (var latency in Latencies)
        {
            twilio.Latency = TimeSpan.FromMilliseconds(latency);
            using var storage = await Storage.StartAsync(children);
            await storage.FillWithDueAsync(Sessions, Policy);
            using var replica = await Replica.StartAsync(children, twilio, storage.Address, reviewInterval: Policy.ReviewInterval);
            await Task.Delay(WarmUp);
            var (from, reviewed, processor) = (TimeProvider.System.GetTimestamp(), twilio.Reviewed, replica.Processor);
            await Task.Delay(Measured);
            var took = TimeProvider.System.GetElapsedTime(from);
            var sample = new CapacitySample(
                latency, (twilio.Reviewed - reviewed) / took.TotalSeconds, (replica.Processor - processor) / took);
            samples.Add(sample);
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"Twilio takes {latency} ms: {sample.Rate:0} reviews a second, {sample.Calls:N0} live calls, "
                    + $"{sample.Processor:0%} of a core"));
        }

        return samples;
    }

    public static void Write(IReadOnlyList<CapacitySample> samples, Options options)
    {
        var rows = new StringBuilder();
        foreach (var sample in samples)
            rows.Append(CultureInfo.InvariantCulture,
                $"\n| {sample.Latency} | {sample.Rate:0} | {sample.Calls:N0} | {sample.Processor:0%} |");
        PerformancePage.Write("capacity", string.Create(CultureInfo.InvariantCulture, $"""
            ## Live calls of one replica

            Command: `{options.Command}`. The service compares each live call with Twilio at every
            `Calls:ReviewInterval`. A comparison of a call of two reads the conference and its participants, one after the other.
            `Twilio:Client:ReadPermits` limits how many comparisons one replica makes at once. With the latency of Twilio, this limits how
            many live calls one replica compares in time.

            More calls of two are stored and due than one replica can compare. One replica with the default settings warms up. Then it is
            measured. The number of live calls is the rate times the interval. All processes run on one machine.

            Calls: {Sessions:N0}. Read permits: {new GatewaySettings().Reads.Permits}. Interval: {Policy.ReviewInterval.TotalSeconds:0} s.
            Warm-up: {WarmUp.TotalSeconds:0} s. Measured: {Measured.TotalSeconds:0} s. Date: {TimeProvider.System.GetUtcNow():yyyy-MM-dd}.
            Machine: {Machine.Description}.

            | Twilio's latency, ms | reviews a second | live calls | CPU, share of one core |
            | --: | --: | --: | --: |{rows}

            - If the processor is not the limit, one replica compares at most `ReadPermits × ReviewInterval / (2 × latency)` calls in time.
            - If more calls are live, each call is still compared, later than the interval. `calls.reviews` counts these reviews as
              `postponed`. Due hang-ups and dials do not wait behind them.
            - More replicas, more read permits or a longer interval raise the limit. Twilio counts concurrent requests for the account.
            """));
    }
}

/// <param name="Latency">Of each request to Twilio, in milliseconds.</param>
/// <param name="Rate">Reviews a second.</param>
/// <param name="Processor">The share of one core that the replica used.</param>
internal sealed record CapacitySample(int Latency, double Rate, double Processor)
{
    public double Calls => Rate * new CallPolicy().ReviewInterval.TotalSeconds;
}
