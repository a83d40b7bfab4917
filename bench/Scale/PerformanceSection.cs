using System.Globalization;
using System.Text;
using Calls.Application.Transactions;
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

            `{options.Command}` measures the cost with more sessions, more participants and more replicas. Figures are medians over
            {options.Pairs} {(options.Pairs == 1 ? "round" : "rounds")}. Ratios are ratios of medians. The service is published as for the
            image and exports its telemetry. Machine: {Machine.Description}. All processes run on it. Date:
            {TimeProvider.System.GetUtcNow():yyyy-MM-dd}.

            {Bounds(result)}

            There were {total.Calls:N0} calls and {total.Webhooks:N0} webhooks in all. {total.StuckCalls} calls were stuck,
            {total.RungTwice} rang twice, and {total.Failed} webhooks failed.

            ### Sessions

            The service's own code writes calls of two into one Redis. A second Redis keeps {Options.FewestSessions:N0} of them. Each
            Redis has its own process of the service. The two are measured in turns, with whole calls ({Turn.Concurrency} at once) and
            with webhooks that mute or unmute the callee of a stored call. Each ratio in brackets compares the figure with that of the
            second Redis in the same rounds. In the first row both have the same number of sessions, so its ratios show the error of the
            measurement.

            - *Bytes* are those that Redis has allocated for a session (`used_memory`). The ended calls of the load are not counted.
            - *Keys* are the bytes of the keys of a session (`MEMORY USAGE`): the session itself, its deadline, and its place among its
              caller's calls.
            - *Stored calls*: a replica remembers at most {RecentSessions.Slots:N0} sessions ([ADR
              10](adr/0010-decide-on-what-is-remembered.md)). The webhooks go to the stored calls in an order in which each call has been
              overwritten before its next webhook. So the replica must load each of them, at any number of sessions.

            {Sessions(result)}

            The sweeper claims the due sessions of each of 64 partitions once a second, and finds none: here every session is due in an
            hour. With the default settings the service compares each live session with Twilio every minute. This work is not measured
            here, and grows with the number of sessions. *At rest* is the processor time in {options.Rest.TotalSeconds:0} seconds without
            any request.

            {SweepsAndRest(result)}

            {PerformancePage.Show(Bytes(result), "scale-bytes.svg")}

            {PerformancePage.Show(Latency(result), "scale-latency.svg")}

            ### Participants

            One call is the only call in its Redis. Webhooks mute and unmute its callee, one after another. Each loads the session,
            changes it and saves it.

            {Participants(result)}

            {PerformancePage.Show(Relative(result), "scale-participants.svg")}

            ### Replicas

            {ReplicaGrowth.Concurrency} whole calls are under way at once on one Redis. Each webhook goes to any of the replicas. The
            replicas share {Environment.ProcessorCount} cores with Redis, the load and the ingress, so the rate of calls says little. The
            figure that counts is the processor time of a call. {result.Replicas[^1].Replicas} replicas take
            {result.ReplicaRatio:0.00} times as much as one replica.

            {Replicas(result)}
            """));
    }

    private static string Bounds(Result result)
    {
        var table = new StringBuilder(
            "| | figure | bound | | | compared with | round by round |\n| --- | --: | --: | --- | --: | --: | --- |");
        foreach (var v in result.Verdicts)
        {
            var passed = v.Passed ? "pass" : "**fail**";
            var against = v.Against.Count > 0 ? v.Against.Median().ToString("0.00", CultureInfo.InvariantCulture) : "";
            table.Append(CultureInfo.InvariantCulture, $"\n| {v.What} | {v.Figure:0.00} | {v.Relation} {v.Bound:0.00} | {passed} ")
                .Append(CultureInfo.InvariantCulture,
                    $"| {v.Service.Median():0.00} | {against} | {v.Each.Min():0.00} to {v.Each.Max():0.00} |");
        }

        return table.ToString();
    }

    private static string Sessions(Result result)
    {
        var table = new StringBuilder(
            "| sessions | bytes | keys: session, deadline, place | voice p50, ms | conference p50, ms | of stored calls p50, ms |\n"
            + "| --: | --: | --: | --: | --: | --: |");
        foreach (var s in result.Sessions)
        {
            string Times(Func<Turn, double> of) => string.Create(CultureInfo.InvariantCulture, $"{s.Median(of):0.00} ({s.Ratio(of):0.00})");

            table.Append(CultureInfo.InvariantCulture, $"\n| {s.Sessions:N0} | {s.Bytes:N0} ")
                .Append(CultureInfo.InvariantCulture, $"| {s.Footprint.Session:0} + {s.Footprint.Due:0} + {s.Footprint.Place:0} ")
                .Append(CultureInfo.InvariantCulture, $"| {Times(t => t.Voice)} | {Times(t => t.Conference)} | {Times(t => t.OfStored)} |");
        }

        return table.ToString();
    }

    private static string SweepsAndRest(Result result)
    {
        var table = new StringBuilder(
            $"| sessions | claim, none due, µs | claim, {Sweeps.Due} due, µs | Redis at rest | service at rest |\n| --: | --: | --: | "
                + $"--: | --: |");
        foreach (var s in result.Sessions)
            table.Append(CultureInfo.InvariantCulture,
                $"\n| {s.Sessions:N0} | {s.NoneDue.These:0} ({s.NoneDue.These / s.NoneDue.Fewest:0.00}) ")
                .Append(CultureInfo.InvariantCulture, $"| {s.SomeDue.These:0} ({s.SomeDue.These / s.SomeDue.Fewest:0.00}) ")
                .Append(CultureInfo.InvariantCulture, $"| {s.Idle.Redis:0.0%} | {s.Idle.Service:0.0%} |");
        return table.ToString();
    }

    private static string Participants(Result result)
    {
        var table = new StringBuilder(
            "| participants | all keys, bytes | JSON, bytes | webhook p50, ms | service's CPU per webhook, µs |\n| --: | --: | --: | --: "
            + "| --: |");
        foreach (var p in result.Participants)
            table.Append(CultureInfo.InvariantCulture, $"\n| {p.Participants} | {p.Bytes:N0} | {p.Json:N0} ")
                .Append(CultureInfo.InvariantCulture, $"| {p.Median(t => t.Milliseconds):0.00} | {p.Median(t => t.Microseconds):0} |");
        return table.ToString();
    }

    private static string Replicas(Result result)
    {
        var table = new StringBuilder(
            "| replicas | calls per second | CPU seconds per 1,000 calls | conflicts per call |\n| --: | --: | --: | --: |");
        foreach (var r in result.Replicas)
            table.Append(CultureInfo.InvariantCulture, $"\n| {r.Replicas} | {r.Median(t => t.Run.CallsPerSecond):0} ")
                .Append(CultureInfo.InvariantCulture,
                    $"| {r.Median(t => t.PerThousand):0.00} | {r.Median(t => t.ConflictsPerCall):0.000} |");
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
        return new Plot($"A call of more participants, compared with {two.Participants}", "participants", "times")
            .Line("stored size", Each(p => (double)p.Bytes / two.Bytes))
            .Line("webhook p50", Each(p => p.Median(t => t.Milliseconds) / two.Median(t => t.Milliseconds)))
            .Line("CPU per webhook", Each(p => p.Median(t => t.Microseconds) / two.Median(t => t.Microseconds)));

        IEnumerable<(double X, double Y)> Each(Func<ParticipantSample, double> of) =>
            result.Participants.Select(p => ((double)p.Participants, of(p)));
    }
}
