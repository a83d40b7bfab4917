using System.Diagnostics;
using System.Diagnostics.Metrics;
using Calls.Domain;

namespace Calls.Application;

/// <summary>Every span, metric and attribute name of the service, spelled once. SIDs and session ids go on spans alone; phone numbers and identities nowhere.</summary>
public sealed class CallsTelemetry : IDisposable
{
    /// <summary>The name of the activity source and of the meter.</summary>
    public const string Name = "Calls";

    private static readonly ActivitySource Source = new(Name);

    private readonly Meter meter;
    private readonly Counter<long> started;
    private readonly Counter<long> ended;
    private readonly Counter<long> decisions;
    private readonly Counter<long> conflicts;
    private readonly Counter<long> effects;
    private readonly Counter<long> findings;
    private readonly Histogram<double> timeToAnswer;
    private readonly Histogram<double> timeToRing;
    private readonly Histogram<double> lineEndDelay;
    private readonly Histogram<long> participants;
    private readonly Histogram<long> attempts;
    private readonly Histogram<double> effectDelay;

    public CallsTelemetry(IMeterFactory meters)
    {
        meter = meters.Create(Name);
        started = meter.CreateCounter<long>("calls.started", "{call}", "Calls that were started.");
        ended = meter.CreateCounter<long>("calls.ended", "{call}", "Calls that ended, by reason and by what told us.");
        decisions = meter.CreateCounter<long>("calls.decisions", "{decision}", "Decisions by use case and outcome: changed, refused, or ignored, because.");
        conflicts = meter.CreateCounter<long>("calls.session.conflicts", "{conflict}", "Saves that found a newer version, by use case.");
        effects = meter.CreateCounter<long>("calls.effects", "{effect}", "Effects that were run, by kind and outcome.");
        findings = meter.CreateCounter<long>("calls.review.findings", "{finding}", "What a review found that no webhook had told: each is a lost or late one.");
        timeToAnswer = meter.CreateHistogram("calls.time_to_answer", "s", "From the start of a call to the first answer.",
            advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = [0.5, 1, 2, 5, 10, 15, 20, 30, 45, 60] });
        timeToRing = meter.CreateHistogram("calls.time_to_ring", "s", "From the start of a call to the first word that a phone rings, or was answered.",
            advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = [0.25, 0.5, 1, 2, 3, 5, 10, 20, 30] });
        lineEndDelay = meter.CreateHistogram("calls.line_end.delay", "s", "From the moment that a call was over to the end of its last line.",
            advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = [0.1, 0.25, 0.5, 1, 2, 5, 10, 20, 30, 60, 120] });
        participants = meter.CreateHistogram("calls.participants", "{participant}", "People who were on the line of an ended call.",
            advice: new InstrumentAdvice<long> { HistogramBucketBoundaries = [1, 2, 3, 4, 5, 7, 10, 20, 50, 100, 250] });
        attempts = meter.CreateHistogram("calls.effects.attempts", "{attempt}", "The number of this attempt, for each run of an effect.",
            advice: new InstrumentAdvice<long> { HistogramBucketBoundaries = [1, 2, 3, 5, 8, 13, 21] });
        effectDelay = meter.CreateHistogram("calls.effects.delay", "s", "From the commit that calls for an effect to its first run.",
            advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 2, 5, 10, 30] });
    }

    /// <summary>The W3C trace context of the request that is being served now, for a call to hang under; null where nothing is traced.</summary>
    public static string? CurrentTraceParent => LocalRoot is { IdFormat: ActivityIdFormat.W3C } root ? root.Id : null;

    /// <summary>The span of the request that is being served now, whatever is being done for it.</summary>
    private static Activity? LocalRoot
    {
        get
        {
            var span = Activity.Current;
            while (span?.Parent is { } parent)
                span = parent;
            return span;
        }
    }

    public void Dispose() => meter.Dispose();

    /// <summary>One attempt of a use case.</summary>
    public static Activity? UseCase(string name, SessionId session) =>
        Source.StartActivity(name)?.SetTag("calls.session.id", session.Value);

    /// <summary>One run of an effect, under its call's trace.</summary>
    public static Activity? Effect(Effect effect, CallSession session) => UnderItsCall("effect " + KindOf(effect), session);

    /// <summary>One look at a session that was due, under its call's trace.</summary>
    public static Activity? Review(CallSession session) => UnderItsCall("review", session);

    /// <summary>Where a call's spans belong: under the request that started it. Nowhere, for no session.</summary>
    public static ActivityContext TraceOf(CallSession? session) => ActivityContext.TryParse(session?.TraceParent, null, isRemote: true, out var context) ? context : default;

    /// <summary>Links the request that is being served now to the call that it is about, where it has a trace of its own: a frontend's, or that of a voice webhook that came again.</summary>
    public static void LinkTo(CallSession? session)
    {
        if (LocalRoot is { IsAllDataRequested: true } root && TraceOf(session) is var call && call != default && call.TraceId != root.TraceId && !root.Links.Any(link => link.Context == call))
            root.AddLink(new ActivityLink(call)).SetTag("calls.session.id", session!.Id.Value);
    }

    /// <summary>changed, refused or ignored.</summary>
    public static string OutcomeOf(Decision decision) => decision.Refused is not null ? "refused" : decision.Ignored is not null ? "ignored" : "changed";

    /// <summary>Why, where there is a why.</summary>
    public static string BecauseOf(Decision decision) => decision.Refused?.ToString() ?? decision.Ignored?.ToString() ?? "";

    public void Decided(CallSession? before, Decision decision)
    {
        var (outcome, because) = (OutcomeOf(decision), BecauseOf(decision));
        decisions.Add(1, new("event", decision.Happened.GetType().Name), new("outcome", outcome), new("because", because));
        Activity.Current?.SetTag("calls.outcome", outcome).SetTag("calls.because", because);
        if (!decision.Changed || decision.Session is not { } after)
            return;
        if (decision.Happened is SessionEvent.Observed && before is not null)
            Found(before, after);
        var isNew = before is null || before.Nonce != after.Nonce;
        if (isNew)
            started.Add(1);
        if (after.AnsweredAt is { } answeredAt && (isNew || before!.AnsweredAt is null))
            timeToAnswer.Record((answeredAt - after.StartedAt).TotalSeconds);
        if (RungAt(after) is { } rungAt && (isNew || RungAt(before!) is null))
            timeToRing.Record((rungAt - after.StartedAt).TotalSeconds);
        if (after.IsEnded && (isNew || !before!.IsEnded))
            Ended(after);
        if (after.EndedAt is { } endedAt && IsSilent(after) && (isNew || !IsSilent(before!)))
            lineEndDelay.Record(Math.Max(0, (after.Participants.Max(p => p.Since) - endedAt).TotalSeconds));
    }

    private static DateTimeOffset? RungAt(CallSession session) =>
        session.Participants.FirstOrDefault(p => p is { Role: not Role.Caller, Progress: Progress.Ringing or Progress.Answered or Progress.Joined })?.Since;

    private static bool IsSilent(CallSession session) => session.Participants.All(p => p.Progress == Progress.Gone);

    /// <summary>Counts the end, and draws the whole call as one span, from its start on: no process has to live as long as the call does.</summary>
    private void Ended(CallSession call)
    {
        var (reason, evidence) = (call.EndReason?.ToString() ?? "", call.EndEvidence?.ToString() ?? "");
        var people = call.Participants.Count(p => p.Role == Role.Caller || p.Answered || p.EverJoined);
        ended.Add(1, new("reason", reason), new("evidence", evidence));
        participants.Record(people);
        using var span = TraceOf(call) is var parent && parent != default ? Source.StartActivity("call", ActivityKind.Internal, parent, startTime: call.StartedAt) : null;
        span?.SetTag("calls.session.id", call.Id.Value).SetTag("calls.participants", people).SetTag("calls.end.reason", reason).SetTag("calls.end.evidence", evidence)
            .SetTag("calls.duration", (call.EndedAt!.Value - call.StartedAt).TotalSeconds).SetEndTime(call.EndedAt.Value.UtcDateTime);
    }

    private static Activity? UnderItsCall(string name, CallSession session) =>
        (TraceOf(session) is var parent && parent != default ? Source.StartActivity(name, ActivityKind.Internal, parent) : Source.StartActivity(name))?.SetTag("calls.session.id", session.Id.Value);

    private void Found(CallSession before, CallSession after)
    {
        foreach (var participant in after.Participants)
            if (before.Find(participant.Id) is { } known && known.Progress < participant.Progress)
                findings.Add(1, new KeyValuePair<string, object?>("finding", participant.Progress.ToString()));
    }

    public void Conflict(string useCase) => conflicts.Add(1, new KeyValuePair<string, object?>("use_case", useCase));

    public void Ran(Effect effect, string outcome)
    {
        effects.Add(1, new("kind", KindOf(effect)), new("outcome", outcome));
        attempts.Record(effect.Attempt + 1, new KeyValuePair<string, object?>("kind", KindOf(effect)));
    }

    /// <summary>An effect is about to be run for the first time, this long after the commit that calls for it.</summary>
    public void Waited(Effect effect, TimeSpan time) => effectDelay.Record(Math.Max(0, time.TotalSeconds), new KeyValuePair<string, object?>("kind", KindOf(effect)));

    private static string KindOf(Effect effect) => effect.GetType().Name;
}
