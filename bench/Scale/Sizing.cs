using System.Globalization;
using System.Text;
using Calls.Domain;
using Calls.Infrastructure.Twilio;
using Calls.Load;
using Calls.Report;

namespace Calls.Scale;

/// <summary>The constants of docs/sizing.md, measured, and the worked sizes that follow from them.</summary>
internal static class Sizing
{
    /// <summary>The latency of Twilio, in milliseconds, that the worked sizes assume.</summary>
    private const int Latency = 150;

    /// <summary>The share of its capacity that a replica may use. The chaos test Twilio_fails_or_is_slow holds it: 3,000 live calls
    /// at this latency. The rest is for the calls of a replica that has failed.</summary>
    private const double Share = 0.45;

    private const int FewestReplicas = 2, Calls = 2_000, WarmUp = 1_000, Live = 20_000, Concurrency = 8, Guests = 48;

    /// <summary>How much busier than the mean the busiest minute is.</summary>
    private const double Peak = 3;

    private static readonly CallPolicy Policy = new();
    private static readonly TimeSpan Retention = TimeSpan.FromHours(24);
    private static readonly TimeSpan Length = TimeSpan.FromMinutes(4);
    private static readonly (string Name, double PerHour)[] Sizes = [("small", 1), ("middle", 100), ("large", 10_000)];

    public static async Task<int> RunAsync(Options options, Children children, QuickTwilio twilio)
    {
        twilio.Latency = TimeSpan.Zero;
        var (calls, live) = options.Quick ? (200, 2_000) : (Calls, Live);
        var (requests, retained, processor, sound) = await OfCallsAsync(children, twilio, calls);
        var (stored, guest) = await OfSessionsAsync(children, live);
        var capacity = options.Quick ? [] : await Capacity.MeasureAsync(children, twilio);
        var text = Page(new Constants(requests, retained, processor, stored, guest, capacity), options);
        Console.WriteLine(text);
        if (!options.Quick)
            PerformancePage.Write("sizing", text, "sizing.md");
        return sound ? 0 : 1;
    }

    /// <summary>Whole calls of two, from start to end.</summary>
    private static async Task<(double Requests, double Bytes, double Processor, bool IsSound)> OfCallsAsync(
        Children children, QuickTwilio twilio, int calls)
    {
        using var storage = await Storage.StartAsync(children);
        using var replica = await Replica.StartAsync(children, twilio, storage.Address);
        await ClosedLoop.RunAsync(twilio, replica.Origin, WarmUp, Concurrency);
        var (requests, bytes, processor) = (twilio.Requests, await storage.UsedMemoryAsync(), replica.Processor);
        var run = await ClosedLoop.RunAsync(twilio, replica.Origin, calls, Concurrency);
        var used = replica.Processor - processor;
        return ((double)(twilio.Requests - requests) / calls, (double)(await storage.UsedMemoryAsync() - bytes) / calls,
            used.TotalMilliseconds / calls, run.Tally.IsSound);
    }

    /// <summary>The bytes of a live call of two, and of each more participant.</summary>
    private static async Task<(double Call, double Guest)> OfSessionsAsync(Children children, int live)
    {
        using var storage = await Storage.StartAsync(children);
        await storage.WriteAsync(number: 1, participants: 2);
        var two = await storage.BytesAsync();
        await storage.EmptyAsync();
        await storage.WriteAsync(number: 1, participants: 2 + Guests);
        var many = await storage.BytesAsync();
        await storage.EmptyAsync();
        var before = await storage.UsedMemoryAsync();
        await storage.GrowAsync(live);
        return ((double)(await storage.UsedMemoryAsync() - before) / live, (double)(many - two) / Guests);
    }

    private static string Page(Constants constants, Options options)
    {
        var permits = new GatewaySettings().Reads.Permits;
        var capacity = Formula(permits, Latency);
        var rows = new StringBuilder();
        foreach (var sample in constants.Capacity)
            rows.Append(CultureInfo.InvariantCulture, $"\n| Live calls of one replica, Twilio takes {sample.Latency} ms |")
                .Append(CultureInfo.InvariantCulture, $" {sample.Calls:N0} | {Formula(permits, sample.Latency):N0} |");
        var sizes = new StringBuilder();
        foreach (var (name, perHour) in Sizes)
        {
            var live = Math.Ceiling(perHour * Length.TotalHours * Peak);
            var starts = perHour / 3600 * Peak;
            var replicas = Math.Max(FewestReplicas, Math.Ceiling(live / (capacity * Share)) + 1);
            var requests = (starts * constants.Requests) + (live * 2 / Policy.ReviewInterval.TotalSeconds);
            var memory = ((live * constants.Stored) + (perHour * Retention.TotalHours * constants.Retained)) / 1e6;
            sizes.Append(CultureInfo.InvariantCulture,
                $"\n| {name} | {perHour:N0} | {live:N0} | {replicas:0} | {starts:0.###} | {requests:0.##} | {memory:0.0} |");
        }

        return string.Create(CultureInfo.InvariantCulture, $"""
            ## Figures

            Command: `{options.Command}`. Machine: {Machine.Description}. All processes run on it.
            Date: {TimeProvider.System.GetUtcNow():yyyy-MM-dd}.

            | constant | measured | by the formula |
            | --- | --: | --: |
            | Requests to Twilio of a whole call of two, without comparisons | {constants.Requests:0.00} | 2 |
            | Redis, bytes of a live call of two | {constants.Stored:N0} | |
            | Redis, bytes of an ended call of two, until its retention ends | {constants.Retained:N0} | |
            | Redis, bytes of each more participant | {constants.Guest:N0} | |
            | CPU of a replica, ms for a whole call of two | {constants.Processor:0.00} | |{rows}

            The worked sizes are calls of two of {Length.TotalMinutes:0} minutes. The busiest minute has {Peak:0} times the mean.
            Twilio takes {Latency} ms, `Calls:ReviewInterval` is {Policy.ReviewInterval.TotalSeconds:0} s,
            `Twilio:Client:ReadPermits` is {permits}, and `Calls:Retention` is {Retention.TotalHours:0} h.
            A replica uses {Share:0%} of its capacity, and one replica more is there.

            | account | calls an hour | live calls | replicas | calls started a second (CPS) | requests to Twilio a second | Redis, MB |
            | --- | --: | --: | --: | --: | --: | --: |{sizes}
            """);
    }

    /// <summary>How many calls one replica compares with Twilio within the review interval: two reads, one after the other.</summary>
    private static double Formula(int permits, int latency) =>
        permits * Policy.ReviewInterval.TotalSeconds / (2 * latency / 1000d);

    private sealed record Constants(
        double Requests, double Retained, double Processor, double Stored, double Guest, IReadOnlyList<CapacitySample> Capacity);
}
