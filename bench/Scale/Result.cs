using System.Globalization;
using System.Text;
using Calls.Load;

namespace Calls.Scale;

/// <summary>All measurements and the checks of their bounds.</summary>
internal sealed record Result(IReadOnlyList<SessionSample> Sessions, IReadOnlyList<ParticipantSample> Participants,
    IReadOnlyList<ReplicaSample> Replicas)
{
    private const double MostBytes = 1_536, MostGrowth = 1.10;

    private SessionSample Most => Sessions[^1];

    public IReadOnlyList<Verdict> Verdicts =>
    [
        new(Text($"Redis bytes a session of two, all keys, {Most.Sessions:N0} sessions"), MostBytes, [Most.Bytes], []),
        Grown("Voice webhook p50 in ms", turn => turn.Voice),
        Grown("Conference webhook p50 in ms", turn => turn.Conference),
        Grown("Conference webhook of stored calls p50 in ms", turn => turn.OfStored),
        new(Text($"Sweeper's claim of nothing in µs, {Most.Sessions:N0} sessions against {Options.FewestSessions:N0}"), MostGrowth,
            [Most.NoneDue.These], [Most.NoneDue.Fewest]),
        Larger("Webhook p50 in ms", turn => turn.Milliseconds),
        Larger("Webhook CPU in µs", turn => turn.Microseconds),
    ];

    /// <summary>The processor time of a call with three replicas, divided by that with one.</summary>
    public double ReplicaRatio => Replicas[^1].Median(turn => turn.PerThousand) / Replicas[0].Median(turn => turn.PerThousand);

    public Tally Total =>
        Tally.Sum([.. Sessions.SelectMany(s => s.Tallies), .. Participants.SelectMany(p => p.Turns).Select(turn => turn.Tally),
        .. Replicas.SelectMany(r => r.Turns).Select(turn => turn.Run.Tally)]);

    /// <summary>Every bound and every guarantee held.</summary>
    public bool Passed => Verdicts.All(v => v.Passed) && Total.IsSound;

    public override string ToString()
    {
        var text = new StringBuilder();
        text.AppendLine().AppendLine(CultureInfo.InvariantCulture,
            $"sessions  bytes each  keys  voice p50  conference p50  of stored calls  claim none / {Sweeps.Due} due  Redis, service at "
            + $"rest");
        foreach (var s in Sessions)
            text.AppendLine(CultureInfo.InvariantCulture,
                $"{s.Sessions,8}  {s.Bytes,10:0}  {s.Footprint.Sum,4:0}  {s.Median(t => t.Voice),6:0.00} ms  "
                + $"{s.Median(t => t.Conference),11:0.00} ms  {s.Median(t => t.OfStored),12:0.00} ms  {s.NoneDue.These,11:0} / "
                + $"{s.SomeDue.These,3:0} µs  {s.Idle.Redis,5:0.0%}, {s.Idle.Service:0.0%}");
        text.AppendLine().AppendLine("participants   bytes    JSON       p50       CPU");
        foreach (var p in Participants)
            text.AppendLine(CultureInfo.InvariantCulture,
                $"{p.Participants,12}  {p.Bytes,6}  {p.Json,6}  {p.Median(t => t.Milliseconds),5:0.00} ms  "
                + $"{p.Median(t => t.Microseconds),4:0} µs");
        text.AppendLine().AppendLine("replicas  calls/s  CPU s per 1,000 calls  conflicts a call");
        foreach (var r in Replicas)
            text.AppendLine(CultureInfo.InvariantCulture,
                $"{r.Replicas,8}  {r.Median(t => t.Run.CallsPerSecond),7:0}  {r.Median(t => t.PerThousand),21:0.00}  "
                + $"{r.Median(t => t.ConflictsPerCall),16:0.000}");
        text.AppendLine(CultureInfo.InvariantCulture,
            $"{Replicas[^1].Replicas} replicas take {ReplicaRatio:0.00} of the processor time of {Replicas[0].Replicas} for a call");
        text.AppendLine().AppendLine("         figure       bound       these     against");
        foreach (var v in Verdicts)
            text.AppendLine(CultureInfo.InvariantCulture,
                $"{Word(v.Passed)}   {v.Figure,8:0.00}   {v.Relation} {v.Bound,7:0.00}   {v.Service.Median(),9:0.00}   "
                + $"{(v.Against.Count > 0 ? v.Against.Median().ToString("0.00", CultureInfo.InvariantCulture) : ""),9}   {v.What}");
        var total = Total;
        return text.Append(CultureInfo.InvariantCulture,
            $"{Word(total.IsSound)}   {total.Calls} calls, {total.Webhooks} webhooks: {total.StuckCalls} stuck, {total.RungTwice} rung "
            + $"twice, {total.Failed} webhooks failed").ToString();
    }

    private Verdict Grown(string what, Func<Turn, double> of) =>
        new(Text($"{what}, {Most.Sessions:N0} sessions against {Options.FewestSessions:N0}"), MostGrowth, [.. Most.Turns.Select(of)],
            [.. Most.Fewest.Select(of)]);

    /// <summary>The bound is the growth of the stored call.</summary>
    private Verdict Larger(string what, Func<ParticipantSample.Turn, double> of)
    {
        var (two, most) = (Participants[0], Participants[^1]);
        return new Verdict($"{what}, {most.Participants} participants against {two.Participants}", (double)most.Bytes / two.Bytes,
            [.. most.Turns.Select(of)], [.. two.Turns.Select(of)]);
    }

    private static string Word(bool passed) => passed ? "PASS" : "FAIL";

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
