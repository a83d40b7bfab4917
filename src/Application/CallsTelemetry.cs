using System.Diagnostics;
using System.Diagnostics.Metrics;
using Calls.Domain;

namespace Calls.Application;

/// <summary>Every span, metric and attribute name of the calls, spelled once; docs/telemetry.md lists them. SIDs and session ids go on spans alone; phone numbers and identities nowhere.</summary>
public sealed class CallsTelemetry : IDisposable
{
    /// <summary>The name of the activity source and of the meter.</summary>
    public const string Name = "Calls";

    private static readonly ActivitySource Source = new(Name);

    private readonly Meter meter;
    private readonly Counter<long> started;
    private readonly Counter<long> ended;
    private readonly TallyCounter decisions;
    private readonly Counter<long> conflicts;
    private readonly Counter<long> effects;
    private readonly Counter<long> findings;
    private readonly Counter<long> refusals;
    private readonly Histogram<double> timeToRing;
    private readonly Histogram<double> timeToAnswer;
    private readonly Histogram<double> lineEndDelay;
    private readonly Histogram<long> participants;
    private readonly Histogram<long> attempts;
    private readonly Histogram<double> effectDelay;

    public CallsTelemetry(IMeterFactory meters)
    {
        meter = meters.Create(Name);
        started = meter.CreateCounter<long>("calls.started", "{call}", "Calls that were started.");
        ended = meter.CreateCounter<long>("calls.ended", "{call}", "Calls that ended, by reason and by what told us.");
        decisions = new TallyCounter(meter, "calls.decisions", "{decision}", "Decisions by use case and outcome: changed, refused, or ignored, because.", "event", "outcome", "because");
        conflicts = meter.CreateCounter<long>("calls.session.conflicts", "{conflict}", "Saves that found a newer version, by use case.");
        effects = meter.CreateCounter<long>("calls.effects", "{effect}", "Effects that were run, by kind and outcome.");
        findings = meter.CreateCounter<long>("calls.review.findings", "{finding}", "What a review found that no webhook had told: each is a lost or late one.");
        refusals = meter.CreateCounter<long>("calls.limits.refused", "{request}", "Requests that a rule or a limit has turned down, by rule.");
        timeToRing = Seconds("calls.time_to_ring", "From the start of a call to the callee's phone ringing.", 0.1, 0.25, 0.5, 1, 2, 3, 5, 10, 15, 30);
        timeToAnswer = Seconds("calls.time_to_answer", "From the start of a call to the first answer.", 0.5, 1, 2, 5, 10, 15, 20, 30, 45, 60);
        lineEndDelay = Seconds("calls.line_end.delay", "From the end of a call, when too few are left, to the end of its last line.", 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60);
        participants = meter.CreateHistogram("calls.participants", "{participant}", "People who were on the line during a call.",
            advice: new InstrumentAdvice<long> { HistogramBucketBoundaries = [1, 2, 3, 4, 5, 10, 20, 50, 100, 250] });
        attempts = meter.CreateHistogram("calls.effects.attempts", "{attempt}", "Which attempt of an effect it was, by kind and outcome.",
            advice: new InstrumentAdvice<long> { HistogramBucketBoundaries = [1, 2, 3, 5, 10, 20] });
        effectDelay = Seconds("calls.effects.delay", "From the commit that called for an effect, or put it off, to its run.", 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5, 15, 60);
    }

    /// <summary>The W3C trace context of what is being done now; null where nothing is traced.</summary>
    public static string? CurrentTraceParent => Activity.Current is { IdFormat: ActivityIdFormat.W3C } activity ? activity.Id : null;

    public void Dispose() => meter.Dispose();

    /// <summary>A webhook's own span, in its call's trace (opentelemetry.io/docs/specs/semconv/http/http-spans, "HTTP server").</summary>
    public static Activity? Webhook(string name, DateTimeOffset arrived, ActivityContext call) => Source.StartActivity(name, ActivityKind.Server, call, startTime: arrived);

    /// <summary>A frontend's request, in the frontend's trace where it names one.</summary>
    public static Activity? Rest(string name, ActivityContext frontend) => Source.StartActivity(name, ActivityKind.Server, frontend);

    /// <summary>One attempt of a use case.</summary>
    public static Activity? UseCase(string name, SessionId session) =>
        Source.StartActivity(name)?.AddTag("calls.session.id", session.Value);

    /// <summary>One run of an effect, under its call's trace.</summary>
    public static Activity? Effect(Effect effect, SessionId session, string? traceParent) => InCall("effect " + KindOf(effect), session, traceParent);

    /// <summary>One look at a session that is due, under its call's trace.</summary>
    public static Activity? Review(CallSession session) => InCall("review", session.Id, session.TraceParent);

    public void Decided(CallSession? before, Decision decision)
    {
        var outcome = decision.Refused is not null ? "refused" : decision.Ignored is not null ? "ignored" : "changed";
        var because = decision.Refused?.ToString() ?? decision.Ignored?.ToString() ?? "";
        decisions.Add(decision.Happened.GetType().Name, outcome, because);
        Activity.Current?.AddTag("calls.outcome", outcome).AddTag("calls.because", because.Length == 0 ? null : because);
        LinkToCall(decision.Session);
        if (!decision.Changed || decision.Session is not { } after)
            return;
        if (decision.Happened is SessionEvent.SessionObserved && before is not null)
            Found(before, after);
        Progressed(before?.Nonce == after.Nonce ? before : null, after);
    }

    public void Conflict(string useCase) => conflicts.Add(1, new KeyValuePair<string, object?>("use_case", useCase));

    /// <summary>A rule or a limit has turned somebody down.</summary>
    public void Refused(RefusalReason because)
    {
        if (because is RefusalReason.CallIsFull or RefusalReason.TooManyGuests or RefusalReason.CountryNotAllowed or RefusalReason.NumberBlocked or RefusalReason.TooManyAdds or RefusalReason.TooManyCalls)
            refusals.Add(1, new KeyValuePair<string, object?>("rule", because.ToString()));
    }

    /// <summary>The limits of requests are no business of the calls, but are counted with them.</summary>
    public void Refused(string rule) => refusals.Add(1, new KeyValuePair<string, object?>("rule", rule));

    public void Ran(Effect effect, string outcome, TimeSpan delay)
    {
        var tags = new TagList { { "kind", KindOf(effect) }, { "outcome", outcome } };
        effects.Add(1, tags);
        attempts.Record(effect.Attempt + 1, tags);
        effectDelay.Record(Math.Max(0, delay.TotalSeconds), new KeyValuePair<string, object?>("kind", KindOf(effect)));
    }

    private void Progressed(CallSession? before, CallSession after)
    {
        if (before is null)
            started.Add(1);
        if (Rings(after) && (before is null || !Rings(before)))
            timeToRing.Record((after.TouchedAt - after.StartedAt).TotalSeconds);
        if (after.AnsweredAt is { } answeredAt && before?.AnsweredAt is null)
            timeToAnswer.Record((answeredAt - after.StartedAt).TotalSeconds);
        if (after.IsEnded && before?.IsEnded != true)
            Ended(after, after.Conference ?? before?.Conference);
        if (after.EndedAt is { } endedAt && after.EverybodyHasGone && before?.EverybodyHasGone != true)
            lineEndDelay.Record(Math.Max(0, (after.TouchedAt - endedAt).TotalSeconds));

        static bool Rings(CallSession session) => session.Participants[1] is { Progress: >= Progress.Ringing and not Progress.Gone };
    }

    /// <summary>The whole call as one span, made when it is over: it may have outlived any process.</summary>
    private void Ended(CallSession session, ConferenceSid? conference)
    {
        var (reason, onTheLine) = (session.EndReason?.ToString() ?? "", session.Participants.Count(participant => participant.Answered));
        ended.Add(1, new("reason", reason), new("evidence", session.EndEvidence?.ToString() ?? ""));
        participants.Record(onTheLine);
        if (!ActivityContext.TryParse(session.TraceParent, null, isRemote: true, out var parent))
            return;
        var current = Activity.Current;
        using (var span = Source.StartActivity("call", ActivityKind.Internal, parent, startTime: session.StartedAt))
        {
            span?.SetTag("calls.session.id", session.Id.Value).SetTag("calls.end_reason", reason).SetTag("calls.end_evidence", session.EndEvidence?.ToString())
                .SetTag("calls.participants", onTheLine).SetTag("calls.answered", session.AnsweredAt is not null).SetTag("twilio.conference_sid", conference?.Value)
                .SetEndTime(session.EndedAt!.Value.UtcDateTime);
        }

        Activity.Current = current;
    }

    private void Found(CallSession before, CallSession after)
    {
        foreach (var participant in after.Participants)
            if (before.Find(participant.Id) is { } known && known.Progress < participant.Progress)
                findings.Add(1, new KeyValuePair<string, object?>("finding", participant.Progress.ToString()));
    }

    /// <summary>A frontend's request belongs to the frontend's trace, and a webhook that repeats the call's first one is a trace of its own: both point to the call's.</summary>
    private static void LinkToCall(CallSession? session)
    {
        if (Activity.Current is { } span && session?.TraceParent is { } parent && !parent.Contains(span.TraceId.ToHexString(), StringComparison.Ordinal)
            && ActivityContext.TryParse(parent, null, isRemote: true, out var call))
            span.AddLink(new ActivityLink(call));
    }

    private static Activity? InCall(string name, SessionId session, string? traceParent)
    {
        var belongs = ActivityContext.TryParse(traceParent, null, isRemote: true, out var call);
        var span = belongs && Activity.Current?.TraceId != call.TraceId ? Source.StartActivity(name, ActivityKind.Internal, call) : Source.StartActivity(name);
        return span?.SetTag("calls.session.id", session.Value);
    }

    private Histogram<double> Seconds(string name, string description, params double[] bounds) =>
        meter.CreateHistogram(name, "s", description, advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = bounds });

    private static string KindOf(Effect effect) => effect.GetType().Name;
}
