using Calls.Domain;
using Calls.Infrastructure.Redis;

namespace Calls.Integration.Tests.Redis;

/// <summary>What is stored is what was decided: of every member of every state that the decisions reach.</summary>
public sealed class StoredFormTests
{
    [Fact]
    public void Every_state_that_a_story_passes_through_comes_back_member_by_member()
    {
        var seen = new Seen();
        for (var seed = 0; seed < 400; seed++)
            foreach (var session in new RandomSessions(seed).Story(60))
            {
                seen.Note(session);
                var read = StoredForm.Read(session.Id, StoredForm.Write(session));
                read.Participants.Select(Flat).ShouldBe(session.Participants.Select(Flat), $"story {seed}");
                read.Participants.SelectMany(p => p.EarlierLegs)
                    .ShouldBe(session.Participants.SelectMany(p => p.EarlierLegs), $"story {seed}");
                read.Effects.ShouldBe(session.Effects, $"story {seed}");
                read.ClosedConferences.ShouldBe(session.ClosedConferences, $"story {seed}");
                Flat(read).ShouldBe(Flat(session), $"story {seed}");
            }

        seen.ShouldHaveMetEverything();
    }

    /// <summary>Without its lists, which a record compares by reference.</summary>
    private static CallSession Flat(CallSession session) => session with { Participants = [], Effects = [], ClosedConferences = [] };

    private static Participant Flat(Participant participant) => participant with { EarlierLegs = [] };

    /// <summary>Stories that never got anywhere would prove nothing.</summary>
    private sealed class Seen
    {
        private readonly HashSet<object> met = [];
        private int states;

        public void Note(CallSession session)
        {
            states++;
            object?[] facts = [session.EndReason, session.EndEvidence,
                .. session.Participants.SelectMany(p =>
                new object?[] { p.Role, p.Progress, p.Gone, p.Leaving, p.Party.GetType(), p.Label is null ? null : "label",
                p.Muted ? "muted" : null, p.RefusalCode is null ? null : "code" })];
            met.UnionWith(facts.OfType<object>());
            met.UnionWith(session.Effects.Select(e => (object)e.GetType()));
            met.UnionWith(session.Effects.OfType<Effect.Dial>().Select(d => (object)d.State));
            if (session.ReviewedAt is not null && session.ClosedConferences.Length > 1 && session.ReviewNow)
                met.Add("reviewed");
        }

        public void ShouldHaveMetEverything()
        {
            states.ShouldBeGreaterThan(2000);
            object[] all =
            [
                .. All<Role>(), .. All<Progress>(), .. All<LeaveReason>(), .. All<Leaving>(), .. All<DialState>(),
                typeof(Party.Client), typeof(Party.Phone), typeof(Effect.Dial), typeof(Effect.HangUp), typeof(Effect.SetFlags), "label",
                    "muted", "code", "reviewed",
            ];
            all.Except(met).ShouldBeEmpty();
        }

        private static IEnumerable<object> All<T>()
            where T : struct, Enum => Enum.GetValues<T>().Cast<object>();
    }
}
