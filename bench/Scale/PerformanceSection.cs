using System.Globalization;
using System.Text;
using Calls.Application;
using Calls.Load;
using Calls.Report;

namespace Calls.Scale;

/// <summary>The section <c>scale</c> of <c>docs/performance.md</c>, and its plots.</summary>
internal static class PerformanceSection
{
    public static void Write(Result result, Options options)
    {
        var total = result.Total;
        PerformancePage.Write("scale", string.Create(CultureInfo.InvariantCulture, $"""
            ## Cost as the work grows

            `{options.Command}`: more sessions, more participants, more replicas. Figures are medians over {options.Pairs} {(options.Pairs == 1 ? "round" : "rounds")}, ratios are of medians; the service is published as the image is, and exports its telemetry.
            {Machine.Description}; everything runs on it. {TimeProvider.System.GetUtcNow():yyyy-MM-dd}.

            {Bounds(result)}

            {total.Calls:N0} calls and {total.Webhooks:N0} webhooks in all: {total.StuckCalls} calls stuck, {total.RungTwice} rung twice, {total.Failed} webhooks failed.

            ### Sessions

            Calls of two who talk, written into one Redis by the service's own code; a second Redis keeps {Options.FewestSessions:N0} of them. Each has a service of its own, and the two are measured in turn: whole calls, {Turn.Concurrency} at once, and webhooks
            that mute or unmute somebody in any of the stored calls. In brackets is the ratio to what the Redis of {Options.FewestSessions:N0} gave in the same rounds; the first line, where both hold as many, shows what that ratio is worth. Bytes are what Redis
            has allocated for them (`used_memory`); the calls that were played, and are over, lie there too and are not counted; of the keys, as `MEMORY USAGE` has them, the session is the largest, beside it are its deadline and its place among its caller's calls.
            A replica remembers the {RecentSessions.Places:N0} sessions that it has written last or fewer ([ADR 10](adr/0010-decide-on-what-is-remembered.md)), and the calls that are played are among them. Stored calls are asked for in an order in which each has been forgotten when it
            comes round again: they are read, of {Options.FewestSessions:N0} as of more.

            {Sessions(result)}

            The sweeper asks each of 64 partitions once a second for what is due, and finds none: every session is due in an hour here. As configured by default each live session is compared with Twilio every minute; that is not measured here, and grows with
            the sessions. Processor time at rest is that of {options.Rest.TotalSeconds:0} seconds in which nothing came in.

            {PerformancePage.Show(Bytes(result), "scale-bytes.svg")}

            {PerformancePage.Show(Latency(result), "scale-latency.svg")}

            ### Participants

            One call, the only one in its Redis, and webhooks that mute and unmute its callee, one after another: each loads the session, changes it and saves it.

            {Participants(result)}

            {PerformancePage.Show(Relative(result), "scale-participants.svg")}

            ### Replicas

            {ReplicaGrowth.Concurrency} whole calls at once, on one Redis, each webhook to any of the replicas. The replicas share {Environment.ProcessorCount} cores with Redis, the load and the ingress, so calls a second say little: what is shown is what a call takes of the processors.
            {result.Replicas[^1].Replicas} replicas take {result.ReplicaRatio:0.00} times what one takes.

            {Replicas(result)}
            """));
    }

    private static string Bounds(Result result)
    {
        var table = new StringBuilder("| | figure | bound | | | against | round by round |\n| --- | --: | --: | --- | --: | --: | --- |");
        foreach (var v in result.Verdicts)
        {
            table.Append(CultureInfo.InvariantCulture,
                $"\n| {v.What} | {v.Figure:0.00} | {v.Relation} {v.Bound:0.00} | {(v.Passed ? "pass" : "**fail**")} | {v.Service.Median():0.00} | {(v.Against.Count > 0 ? v.Against.Median().ToString("0.00", CultureInfo.InvariantCulture) : "")} | {v.Each.Min():0.00} to {v.Each.Max():0.00} |");
        }

        return table.ToString();
    }

    private static string Sessions(Result result)
    {
        var table = new StringBuilder("| sessions | bytes each | of them keys: session, deadline, place | voice p50, ms | conference p50, ms | of stored calls p50, ms | claim, none due, µs |"
            + $" claim, {Sweeps.Due} due, µs | Redis at rest | service at rest |\n| --: | --: | --: | --: | --: | --: | --: | --: | --: | --: |");
        foreach (var s in result.Sessions)
        {
            string Times(Func<Turn, double> of) => string.Create(CultureInfo.InvariantCulture, $"{s.Median(of):0.00} ({s.Ratio(of):0.00})");

            table.Append(CultureInfo.InvariantCulture, $"\n| {s.Sessions:N0} | {s.Bytes:N0} | {s.Footprint.Session:0} + {s.Footprint.Due:0} + {s.Footprint.Place:0} | {Times(t => t.Voice)} | {Times(t => t.Conference)} | {Times(t => t.OfStored)} |");
            table.Append(CultureInfo.InvariantCulture, $" {s.NoneDue.These:0} ({s.NoneDue.These / s.NoneDue.Fewest:0.00}) | {s.SomeDue.These:0} ({s.SomeDue.These / s.SomeDue.Fewest:0.00}) | {s.Idle.Redis:0.0%} | {s.Idle.Service:0.0%} |");
        }

        return table.ToString();
    }

    private static string Participants(Result result)
    {
        var table = new StringBuilder("| participants | all keys, bytes | JSON, bytes | webhook p50, ms | service's CPU a webhook, µs |\n| --: | --: | --: | --: | --: |");
        foreach (var p in result.Participants)
            table.Append(CultureInfo.InvariantCulture, $"\n| {p.Participants} | {p.Bytes:N0} | {p.Json:N0} | {p.Median(t => t.Milliseconds):0.00} | {p.Median(t => t.Microseconds):0} |");
        return table.ToString();
    }

    private static string Replicas(Result result)
    {
        var table = new StringBuilder("| replicas | calls a second | CPU seconds per 1,000 calls | conflicts a call |\n| --: | --: | --: | --: |");
        foreach (var r in result.Replicas)
            table.Append(CultureInfo.InvariantCulture, $"\n| {r.Replicas} | {r.Median(t => t.Run.CallsPerSecond):0} | {r.Median(t => t.PerThousand):0.00} | {r.Median(t => t.ConflictsPerCall):0.000} |");
        return table.ToString();
    }

    private static Plot Bytes(Result result) => new Plot("Redis memory of a session of two", "sessions", "bytes", logarithmic: true)
        .Line("all that Redis allocates", result.Sessions.Select(s => ((double)s.Sessions, s.Bytes)))
        .Line("its keys", result.Sessions.Select(s => ((double)s.Sessions, s.Footprint.Sum)));

    private static Plot Latency(Result result) => new Plot("Webhooks by sessions in Redis, medians", "sessions", "ms", logarithmic: true)
        .Line("voice", result.Sessions.Select(s => ((double)s.Sessions, s.Median(t => t.Voice))))
        .Line("conference", result.Sessions.Select(s => ((double)s.Sessions, s.Median(t => t.Conference))))
        .Line("conference, of stored calls", result.Sessions.Select(s => ((double)s.Sessions, s.Median(t => t.OfStored))));

    private static Plot Relative(Result result)
    {
        var two = result.Participants[0];
        return new Plot($"A call of more participants, against one of {two.Participants}", "participants", "times")
            .Line("stored size", Each(p => (double)p.Bytes / two.Bytes))
            .Line("webhook p50", Each(p => p.Median(t => t.Milliseconds) / two.Median(t => t.Milliseconds)))
            .Line("CPU a webhook", Each(p => p.Median(t => t.Microseconds) / two.Median(t => t.Microseconds)));

        IEnumerable<(double X, double Y)> Each(Func<ParticipantSample, double> of) => result.Participants.Select(p => ((double)p.Participants, of(p)));
    }
}
