using System.Collections.Immutable;
using Calls.Domain.Tests.Properties;

namespace Calls.Domain.Tests.Exhaustive;

/// <summary>Every order of requests, their answers, webhooks and reviews about mute and hold, late, repeated or lost.</summary>
/// <remarks>The callee has answered and enters the room at any moment. Three requests of a person, two requests to Twilio and two reviews
/// are under way in any overlap. A request to Twilio can be under way twice, as after the end of a lease.</remarks>
public sealed class Mute_and_hold_in_every_order(ITestOutputHelper output)
{
    private static readonly CallPolicy Policy = new();

    private sealed record World(CallSession Session)
    {
        /// <summary>What Twilio knows. Null: the callee is not in the room.</summary>
        public bool? Muted { get; init; }
        public ImmutableArray<Flags> Webhooks { get; init; } = [];
        public ImmutableArray<(FlagsMark Asked, bool Muted)> Runs { get; init; } = [];
        public ImmutableArray<(FlagsMark Asked, bool Seen)> Answers { get; init; } = [];
        public ImmutableArray<(FlagsMark Asked, bool Seen, bool IsPending)> Reads { get; init; } = [];
        public int Requests { get; init; }
        public int Sent { get; init; }
        public int Reviews { get; init; }
        public bool? Wanted { get; init; }
        public int NewestArrived { get; init; }
        /// <summary>A request has reached Twilio after a later request. Then only a webhook tells what came last.</summary>
        public bool IsOvertaken { get; init; }
        public bool IsKnown => !IsOvertaken || Callee.FlagsSequence == Webhooks.Length - 1;
        public Participant Callee => Session.Find(ParticipantId.Callee)!;
        public Effect.SetFlags? Pending => Session.FindEffect<Effect.SetFlags>(_ => true);

        public string Key() => string.Join('|', Canonical.Of(Session), Callee.FlagsVersion, Muted, string.Join(',', Webhooks),
            string.Join(',', Runs), string.Join(',', Answers), string.Join(',', Reads), Requests, Sent,
            Reviews, Wanted, NewestArrived, IsOvertaken);
    }

    [Theory]
    [InlineData(null, true)]
    [InlineData("a confirmation is always the new state", false)]
    [InlineData("a review is always the new state", false)]
    [InlineData("a review is ignored", false)]
    public void An_answer_never_makes_a_right_document_wrong_and_a_review_makes_a_wrong_one_right(string? defect, bool holds)
    {
        var start = new World(A.Session().Ringing().PicksUp(ParticipantId.Callee).Session);
        HashSet<string> seen = [start.Key()];
        Queue<World> pending = new([start]);
        string? broken = null;
        while (broken is null && pending.TryDequeue(out var here))
        {
            broken = BrokenAtRest(here, defect);
            foreach (var (next, isAnswer) in From(here, defect))
            {
                if (isAnswer && here.IsKnown && IsRight(here) && !IsRight(next))
                    broken ??= $"an answer makes a right document wrong\n{here.Key()}\n{next.Key()}";
                if (seen.Add(next.Key()))
                    pending.Enqueue(next);
            }
        }

        output.WriteLine($"{seen.Count:N0} states{(broken is null ? "" : ": " + broken)}");
        (broken is null).ShouldBe(holds, broken);
    }

    private static IEnumerable<(World World, bool IsAnswer)> From(World w, string? defect)
    {
        if (w.Muted is null)
            yield return (w with { Muted = false, Webhooks = [new Flags(false, false, 0)] }, false);
        foreach (var muted in w.Requests < 3 ? new[] { true, false } : [])
            yield return (Apply(w, new SessionEvent.SetParticipantFlags(ParticipantId.Callee, muted, null)) with
            {
                Requests = w.Requests + 1,
                Wanted = muted,
            }, false);
        if (w is { Pending.Muted: { } wanted, Sent: < 2 } && Deadlines.CanRun(w.Session, w.Pending))
            yield return (w with { Runs = w.Runs.Add((w.Callee.FlagsMark, wanted)), Sent = w.Sent + 1 }, false);
        foreach (var run in w.Runs.Distinct())
            yield return (Arrive(w, run), false);
        foreach (var answer in w.Answers.Distinct())
        {
            yield return (w with { Answers = w.Answers.Remove(answer) }, false);
            yield return (Apply(w with { Answers = w.Answers.Remove(answer) }, Settled(w, answer, defect)), true);
        }

        foreach (var flags in w.Webhooks)
            yield return (Apply(w, Webhook(w, flags)), false);
        if (w.Reviews < 2)
            yield return (w with
            {
                Reads = w.Reads.Add((w.Callee.FlagsMark, w.Muted ?? false, w.Pending is not null || w.Muted is null)),
                Reviews = w.Reviews + 1,
            }, false);
        foreach (var read in w.Reads.Distinct())
        {
            yield return (w with { Reads = w.Reads.Remove(read) }, false);
            yield return (Apply(w with { Reads = w.Reads.Remove(read) }, Observed(w, read, defect)), true);
        }
    }

    /// <summary>Twilio carries a request out. It sends a webhook only about a change.</summary>
    private static World Arrive(World w, (FlagsMark Asked, bool Muted) run) => w with
    {
        Runs = w.Runs.Remove(run),
        Muted = run.Muted,
        NewestArrived = Math.Max(w.NewestArrived, run.Asked.Version),
        IsOvertaken = w.IsOvertaken || run.Asked.Version < w.NewestArrived,
        Webhooks = w.Muted == run.Muted ? w.Webhooks : w.Webhooks.Add(new Flags(run.Muted, false, w.Webhooks.Length)),
        Answers = w.Answers.Add((run.Asked, run.Muted)),
    };

    private static SessionEvent.FlagsSettled Settled(World w, (FlagsMark Asked, bool Seen) answer, string? defect) => new(
        w.Session.Room, ParticipantId.Callee, defect == "a confirmation is always the new state" ? w.Callee.FlagsMark : answer.Asked,
        EffectOutcome.Done, new SeenFlags(answer.Seen, false));

    private static SessionEvent Webhook(World w, Flags flags) => flags.Sequence == 0
        ? new SessionEvent.ParticipantJoined(A.Room1, w.Session.Room, A.CalleeLeg, ParticipantId.Callee, flags)
        : new SessionEvent.ParticipantFlagsChanged(A.Room1, w.Session.Room, A.CalleeLeg, ParticipantId.Callee, flags);

    private static SessionEvent.SessionObserved Observed(World w, (FlagsMark Asked, bool Seen, bool IsPending) read, string? defect)
    {
        var asked = defect == "a review is always the new state" ? w.Callee.FlagsMark : read.Asked;
        ImmutableArray<CallSid> room = w.Muted is null ? [A.CallerLeg] : [A.CallerLeg, A.CalleeLeg];
        return new SessionEvent.SessionObserved(new Observation(w.Session.Room, A.Room1, room,
            [new ObservedLeg(A.CallerLeg, Progress.Answered, null), new ObservedLeg(A.CalleeLeg, Progress.Answered, null)])
        {
            Flags = read.IsPending || defect == "a review is ignored" ? [] : [new ObservedFlags(A.CalleeLeg, asked, read.Seen, false)],
        });
    }

    private static World Apply(World w, SessionEvent happened) =>
        w with { Session = SessionDecider.Decide(w.Session, happened, Policy, A.Noon).Session! };

    private static bool IsRight(World w) => w.Callee.Muted == (w.Muted ?? false);

    /// <summary>What is certain: the callee enters, a review finds it, the pending request is made, and a review compares. No webhook
    /// arrives.</summary>
    private static string? BrokenAtRest(World w, string? defect)
    {
        var end = w with { Muted = w.Muted ?? false };
        foreach (var run in w.Runs)
            end = Arrive(end, run);
        end = Apply(end, Observed(end, (end.Callee.FlagsMark, end.Muted!.Value, true), defect));
        if (end.Pending is { Muted: { } wanted } pending)
        {
            if (!Deadlines.CanRun(end.Session, pending))
                return $"a request is never made\n{w.Key()}";
            end = Arrive(end, (end.Callee.FlagsMark, wanted));
            end = Apply(end, Settled(end, end.Answers[^1], defect));
        }

        end = Apply(end, Observed(end, (end.Callee.FlagsMark, end.Muted!.Value, false), defect));
        return end.Pending is not null ? $"a request stays pending\n{w.Key()}"
            : !IsRight(end) ? $"the document stays wrong\n{w.Key()}\n{end.Key()}"
            : w.Requests == 1 && end.Muted != w.Wanted ? $"the only request was not made\n{w.Key()}"
            : null;
    }
}
