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
    }

    /// <summary>The W3C trace context of what is being done now; null where nothing is traced.</summary>
    public static string? CurrentTraceParent => Activity.Current is { IdFormat: ActivityIdFormat.W3C } activity ? activity.Id : null;

    public void Dispose() => meter.Dispose();

    /// <summary>One attempt of a use case.</summary>
    public static Activity? UseCase(string name, SessionId session) =>
        Source.StartActivity(name)?.SetTag("calls.session.id", session.Value);

    /// <summary>One run of an effect, under its call's trace.</summary>
    public static Activity? Effect(Effect effect, SessionId session, string? traceParent)
    {
        var name = "effect " + KindOf(effect);
        var span = ActivityContext.TryParse(traceParent, null, isRemote: true, out var parent)
            ? Source.StartActivity(name, ActivityKind.Internal, parent)
            : Source.StartActivity(name);
        return span?.SetTag("calls.session.id", session.Value);
    }

    public void Decided(CallSession? before, Decision decision)
    {
        var outcome = decision.Refused is not null ? "refused" : decision.Ignored is not null ? "ignored" : "changed";
        var because = decision.Refused?.ToString() ?? decision.Ignored?.ToString() ?? "";
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
        if (after.IsEnded && (isNew || !before!.IsEnded))
            ended.Add(1, new("reason", after.EndReason?.ToString() ?? ""), new("evidence", after.EndEvidence?.ToString() ?? ""));
    }

    private void Found(CallSession before, CallSession after)
    {
        foreach (var participant in after.Participants)
            if (before.Find(participant.Id) is { } known && known.Progress < participant.Progress)
                findings.Add(1, new KeyValuePair<string, object?>("finding", participant.Progress.ToString()));
    }

    public void Conflict(string useCase) => conflicts.Add(1, new KeyValuePair<string, object?>("use_case", useCase));

    public void Ran(Effect effect, string outcome) => effects.Add(1, new("kind", KindOf(effect)), new("outcome", outcome));

    private static string KindOf(Effect effect) => effect.GetType().Name;
}
