using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace Calls.Application.Telemetry;

/// <summary>Every span, metric and attribute name of the calls, spelled once; docs/telemetry.md lists them.</summary>
/// <remarks>SIDs and session ids are on spans only. Phone numbers and identities are on neither spans nor metrics.</remarks>
public sealed class CallsTelemetry : IDisposable
{
    /// <summary>The name of the activity source and of the meter.</summary>
    public const string Name = "Calls";

    /// <summary>In seconds: the objective of <c>calls.time_to_outcome</c>. A caller who hangs up earlier has not waited for too long and is
    /// not counted.</summary>
    private const double LongestSilence = 15;

    private static readonly ActivitySource Source = new(Name);

    private readonly Meter meter;
    private readonly Counter<long> started;
    private readonly Counter<long> ended;
    private readonly Counter<long> decisions;
    private readonly Counter<long> conflicts;
    private readonly Counter<long> effects;
    private readonly Counter<long> findings;
    private readonly Counter<long> reviews;
    private readonly Counter<long> rebuilds;
    private readonly Counter<long> refusals;
    private readonly Counter<long> phones;
    private readonly Histogram<double> timeToRing;
    private readonly Histogram<double> timeToOutcome;
    private readonly Histogram<double> timeToAnswer;
    private readonly Histogram<double> queueTime;
    private readonly Histogram<double> lineEndDelay;
    private readonly Histogram<long> participants;
    private readonly Histogram<long> attempts;
    private readonly Histogram<double> effectDelay;

    public CallsTelemetry(IMeterFactory meters)
    {
        meter = meters.Create(Name);
        started = Counter("calls.started", "{call}", "Calls that were started.");
        ended = Counter("calls.ended", "{call}", "Calls that ended, by reason and by evidence.");
        decisions = Counter("calls.decisions", "{decision}", "Decisions by event and outcome (changed, refused, ignored), and why.");
        conflicts = Counter(
            "calls.session.conflicts", "{conflict}", "Saves that found a newer version than the one that was loaded, by use case.");
        effects = Counter("calls.effects", "{effect}", "Effects that were run, by kind and outcome.");
        findings = Counter(
            "calls.review.findings", "{finding}", "Changes that a review found and no webhook had reported: a webhook is lost or late.");
        reviews = Counter(
            "calls.reviews",
            "{review}", "Reviews by outcome: compared, failed (Twilio did not answer), postponed (the service cannot ask Twilio yet).");
        rebuilds = Counter(
            "calls.rebuilds", "{rebuild}",
            "Reports about a session that is not stored, by outcome: rebuilt, stored (another request was first), left_behind "
            + "(people in a room that no rule would end are hung up), completed (a leg was missing), nothing_left, "
            + "too_early, failed (Twilio did not answer), postponed.");
        refusals = Counter("calls.limits.refused", "{request}", "Requests that a rule or a limit refused, by rule.");
        phones = Counter("calls.dialed.phones", "{phone}", "Phones that the service dialled, by region.");
        Dials = new DialCounter(meter);
        timeToRing = Seconds(
            "calls.time_to_ring", "From the start of a call until the callee's phone rings.",
            0.1, 0.25, 0.5, 1, 2, 3, 5, 10, 15, 30, 60, 120, 300);
        timeToOutcome = Seconds(
            "calls.time_to_outcome",
            "From the start of a call until the callee's phone rings, the callee has answered, or the caller was told the outcome.",
            0.1, 0.25, 0.5, 1, 2, 3, 5, 10, 15, 30, 60, 120, 300);
        timeToAnswer = Seconds(
            "calls.time_to_answer", "From the start of a call to the first answer.", 0.5, 1, 2, 5, 10, 15, 20, 30, 45, 60);
        queueTime = Seconds(
            "calls.twilio.queue.duration", "The wait of a call in a queue before Twilio dials it, by its end (dialed, given_up, canceled).",
            0.1, 0.25, 0.5, 1, 2, 5, 10, 20, 30, 60, 120);
        lineEndDelay = Seconds(
            "calls.line_end.delay", "From the end of a call to the end of its last line.", 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60);
        participants = Numbers(
            "calls.participants", "{participant}", "People who were on the line during a call.", 1, 2, 3, 4, 5, 10, 20, 50, 100, 250);
        attempts = Numbers(
            "calls.effects.attempts", "{attempt}", "The number of the attempt of an effect, by kind and outcome.", 1, 2, 3, 5, 10, 20);
        effectDelay = Seconds(
            "calls.effects.delay", "From the commit that planned or postponed an effect to its run.",
            0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5, 15, 60);
    }

    /// <summary>What became of dials.</summary>
    internal DialCounter Dials { get; }

    public void Dispose() => meter.Dispose();

    /// <summary>Creates the series that alerts ask for. Prometheus sees an increase only of a series that exists before it.</summary>
    public void StartAtZero()
    {
        Dials.StartAtZero();
        started.Add(0);
        foreach (var evidence in Enum.GetNames<Evidence>())
            ended.Add(0, new("reason", nameof(EndReason.CalleeRefusedByTwilio)), new("evidence", evidence));
        foreach (var reason in Enum.GetNames<EndReason>().Where(reason => reason != nameof(EndReason.CalleeRefusedByTwilio)))
            ended.Add(0, new("reason", reason), new("evidence", nameof(Evidence.Review)));
        foreach (var outcome in new[]
        { "rebuilt", "stored", "left_behind", "completed", "nothing_left", "too_early", "failed", "postponed" })
            rebuilds.Add(0, new KeyValuePair<string, object?>("outcome", outcome));
        foreach (var outcome in new[] { "compared", "failed", "postponed" })
            reviews.Add(0, new KeyValuePair<string, object?>("outcome", outcome));
        foreach (var happened in typeof(SessionEvent).GetNestedTypes())
            conflicts.Add(0, new KeyValuePair<string, object?>("use_case", happened.Name));
        foreach (var reason in Enum.GetValues<RefusalReason>().Where(IsLimit))
            refusals.Add(0, new KeyValuePair<string, object?>("rule", reason.ToString()));
    }

    /// <summary>The span of a signed webhook (opentelemetry.io/docs/specs/semconv/http/http-spans, "HTTP server").</summary>
    /// <param name="name">The method and the route.</param>
    /// <param name="arrived">When the request arrived: the start of the span.</param>
    /// <param name="traceParent">From the signed URL. Null where the URL has none: the span is the root of a new trace.</param>
    public static Activity? Webhook(string name, DateTimeOffset arrived, string? traceParent)
    {
        // Without a context of the call the span is a root. It must not continue the trace that the request's own headers claim.
        if (!ActivityContext.TryParse(traceParent, null, isRemote: true, out var call))
            Activity.Current = null;
        return Source.StartActivity(name, ActivityKind.Server, call, startTime: arrived);
    }

    /// <summary>The span of one use case, with all its attempts.</summary>
    public static Activity? UseCase(string name, SessionId session) =>
        Source.StartActivity(name)?.SetTag("calls.session.id", session.Value);

    /// <summary>One run of an effect, in the trace of its call.</summary>
    public static Activity? Effect(Effect effect, SessionId session, string? traceParent) =>
        InCall("effect " + KindOf(effect), session, traceParent);

    /// <summary>One look at a session that is due, in the trace of its call.</summary>
    public static Activity? Review(CallSession session) => InCall("review", session.Id, session.TraceParent);

    /// <summary>One attempt to deliver an event, in the trace of its call.</summary>
    /// <param name="receiver">The name of the receiver, from the configuration.</param>
    /// <param name="type">The type of the event, such as <c>session.ended</c>.</param>
    /// <param name="attempt">The number of the attempt since the last delivery, from 1.</param>
    /// <param name="session">The session of the call.</param>
    public static Activity? Event(string receiver, string type, int attempt, CallSession session) =>
        InCall("event " + type, session.Id, session.TraceParent, ActivityKind.Client)
            ?.SetTag("calls.event.receiver", receiver).SetTag("calls.event.type", type).SetTag("calls.event.attempt", attempt);

    /// <summary>A decision was made, and stored if it changed anything.</summary>
    public void Decided(CallSession? before, Decision decision)
    {
        var outcome = decision.Refused is not null ? "refused" : decision.Ignored is not null ? "ignored" : "changed";
        var because = decision.Refused?.ToString() ?? decision.Ignored?.ToString() ?? "";
        decisions.Add(1, new("event", decision.Happened.GetType().Name), new("outcome", outcome), new("because", because));
        Activity.Current?.SetTag("calls.outcome", outcome).SetTag("calls.because", because.Length == 0 ? null : because);
        LinkToCall(decision.Session);
        if (decision.Refused is { } reason)
            CountRefusal(reason);
        if (!decision.Changed || decision.Session is not { } after)
            return;
        if (decision.Happened is SessionEvent.DialPaced)
            Dials.Paced();
        if (decision.Happened is SessionEvent.SessionObserved && before is not null)
            CountFindings(before, after);
        // A rebuilt call has been counted when it began.
        if (before is null && decision.Happened is SessionEvent.SessionRebuilt)
            before = after with { EndedAt = null };
        Progressed(before?.Nonce == after.Nonce ? before : null, after);
    }

    /// <summary>A save found a newer version. A cached or assumed state that was outdated is no conflict: the save took the place of a
    /// load.</summary>
    public void Conflict(SessionEvent happened, bool wasStored)
    {
        Activity.Current?.AddEvent(new ActivityEvent("conflict"));
        if (wasStored)
            conflicts.Add(1, new KeyValuePair<string, object?>("use_case", happened.GetType().Name));
    }

    /// <summary>A limit on requests refused one.</summary>
    public void Refused(string rule) => refusals.Add(1, new KeyValuePair<string, object?>("rule", rule));

    /// <summary>A phone is dialled. A region, such as <c>CH</c>, says nothing about a person.</summary>
    public void Dialed(string region) => phones.Add(1, new KeyValuePair<string, object?>("region", region));

    /// <summary>An effect was run.</summary>
    public void Ran(Effect effect, string outcome, TimeSpan delay)
    {
        var tags = new TagList { { "kind", KindOf(effect) }, { "outcome", outcome } };
        effects.Add(1, tags);
        attempts.Record(effect.Attempt + 1, tags);
        effectDelay.Record(Math.Max(0, delay.TotalSeconds), new KeyValuePair<string, object?>("kind", KindOf(effect)));
    }

    /// <summary>A review has ended: compared, failed or postponed.</summary>
    public void Reviewed(string outcome) => reviews.Add(1, new KeyValuePair<string, object?>("outcome", outcome));

    /// <summary>A session that is not stored was looked for at Twilio.</summary>
    public void Rebuilt(string outcome) => rebuilds.Add(1, new KeyValuePair<string, object?>("outcome", outcome));

    private void CountRefusal(RefusalReason reason)
    {
        if (IsLimit(reason))
            Refused(reason.ToString());
    }

    private static bool IsLimit(RefusalReason reason) =>
        reason is RefusalReason.CallIsFull or RefusalReason.TooManyGuests or RefusalReason.CountryNotAllowed
            or RefusalReason.NumberBlocked or RefusalReason.DialingStopped or RefusalReason.LegHasPlacedCall
            or RefusalReason.TooManyAdds or RefusalReason.TooManyCalls or RefusalReason.TooManyStarts
            or RefusalReason.TooManyPhonesOfRegion or RefusalReason.TooManyPhones;

    private void CountFindings(CallSession before, CallSession after)
    {
        foreach (var participant in after.Participants)
            if (before.Find(participant.Id) is { } known && known.Progress < participant.Progress)
                findings.Add(1, new KeyValuePair<string, object?>("finding", participant.Progress.ToString()));
        foreach (var participant in after.Participants)
            if (before.Find(participant.Id) is { } known && known.FlagsVersion < participant.FlagsVersion)
                findings.Add(1, new KeyValuePair<string, object?>("finding", "Flags"));
    }

    private void Progressed(CallSession? before, CallSession after)
    {
        if (before is null)
            started.Add(1);
        foreach (var participant in after.Participants)
            if (before?.Find(participant.Id) is { IsQueued: true } waited && !participant.IsQueued && waited.QueuedAt is { } queuedAt)
                queueTime.Record(
                    Math.Max(0, (after.TouchedAt - queuedAt).TotalSeconds), new KeyValuePair<string, object?>("end", EndOf(participant)));
        foreach (var participant in after.Participants)
            if (WaitsAtTwilio(participant) && (before?.Find(participant.Id) is not { } was || !WaitsAtTwilio(was)))
                Dials.WaitsAtTwilio();
        var since = (after.TouchedAt - after.StartedAt).TotalSeconds;
        if (after.CalleeHasRung && before?.CalleeHasRung != true)
            timeToRing.Record(since);
        if (HasOutcome(after) && (before is null || !HasOutcome(before)) && !(HungUpBeforeRinging(after) && since < LongestSilence))
            timeToOutcome.Record(since);
        if (after.AnsweredAt is { } answeredAt && before?.AnsweredAt is null)
            timeToAnswer.Record((answeredAt - after.StartedAt).TotalSeconds);
        if (after.IsEnded && before?.IsEnded != true)
            Ended(after, after.Conference ?? before?.Conference);
        if (after.EndedAt is { } endedAt && after.AllHaveLeft && before?.AllHaveLeft != true)
            lineEndDelay.Record(Math.Max(0, (after.TouchedAt - endedAt).TotalSeconds));

        static bool WaitsAtTwilio(Participant participant) => participant is { IsQueued: true, Leg: not null };

        // A caller who is on the line after the end hears a tone or words, or the line ends.
        static bool HasOutcome(CallSession session) => session.CalleeHasRung || (session.IsEnded
            && (session.Caller.Progress == Progress.Gone
                || session.FindEffect<Effect.HangUp>(h => h.Leg == session.Caller.Leg) is not { Because: not null }));

        static bool HungUpBeforeRinging(CallSession session) =>
            !session.CalleeHasRung && session.EndReason is EndReason.CallerHungUpBeforeAnswer or EndReason.CallerNeverJoined;
    }

    private static string EndOf(Participant waited) => waited.Progress != Progress.Gone ? "dialed"
        : waited.Gone is LeaveReason.Unreachable or LeaveReason.NeverDialed ? "given_up"
        : "canceled";

    /// <summary>The whole call as one span. It is made when the call is over, because a call may outlive any process.</summary>
    private void Ended(CallSession session, ConferenceSid? conference)
    {
        var (reason, onTheLine) = (session.EndReason?.ToString() ?? "", session.Participants.Count(participant => participant.Answered));
        ended.Add(1, new("reason", reason), new("evidence", session.EndEvidence?.ToString() ?? ""));
        participants.Record(onTheLine);
        if (!ActivityContext.TryParse(session.TraceParent, null, isRemote: true, out var parent))
            return;
        using var span = Source.StartActivity("call", ActivityKind.Internal, parent, startTime: session.StartedAt);
        span?.SetTag("calls.session.id", session.Id.Value).SetTag("calls.end_reason", reason)
            .SetTag("calls.end_evidence", session.EndEvidence?.ToString()).SetTag("calls.participants", onTheLine)
            .SetTag("calls.answered", session.AnsweredAt is not null).SetTag("twilio.conference_sid", conference?.Value)
            .SetEndTime(session.EndedAt!.Value.UtcDateTime);
    }

    /// <summary>A REST request is in the frontend's trace, and a repeated voice webhook in a trace of its own. Both link to the trace of
    /// the call.</summary>
    private static void LinkToCall(CallSession? session)
    {
        if (Activity.Current is { } span && session?.TraceParent is { } parent
            && !parent.Contains(span.TraceId.ToHexString(), StringComparison.Ordinal)
            && ActivityContext.TryParse(parent, null, isRemote: true, out var call))
            span.AddLink(new ActivityLink(call));
    }

    private static Activity? InCall(
        string name, SessionId session, string? traceParent, ActivityKind kind = ActivityKind.Internal)
    {
        var belongs = ActivityContext.TryParse(traceParent, null, isRemote: true, out var call);
        var span = belongs && Activity.Current?.TraceId != call.TraceId
            ? Source.StartActivity(name, kind, call)
            : Source.StartActivity(name, kind);
        return span?.SetTag("calls.session.id", session.Value);
    }

    private Counter<long> Counter(string name, string unit, string description) => meter.CreateCounter<long>(name, unit, description);

    private Histogram<double> Seconds(string name, string description, params double[] bounds) =>
        meter.CreateHistogram(name, "s", description, advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = bounds });

    private Histogram<long> Numbers(string name, string unit, string description, params long[] bounds) =>
        meter.CreateHistogram(name, unit, description, advice: new InstrumentAdvice<long> { HistogramBucketBoundaries = bounds });

    private static string KindOf(Effect effect) => effect.GetType().Name;
}
