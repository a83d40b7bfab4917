using Calls.Domain.Tests.DecisionTable;
using Calls.Domain.Tests.Exhaustive;
using CsCheck;

namespace Calls.Domain.Tests.Properties;

/// <summary>Random stories: any input of the decision table, in any situation, truthful or not; and truthful walks with four people (some twenty steps each: progress only rises, so every call comes to rest).</summary>
public sealed class Whatever_happens(ITestOutputHelper output)
{
    private static readonly CallPolicy Policy = new();

    private static readonly Gen<(int Situation, (int Input, int Seconds)[] Steps)> Stories =
        Gen.Select(Gen.Int[0, Situations.All.Length - 1], Gen.Select(Gen.Int[0, Inputs.All.Length - 1], Gen.Int[0, 20]).Array[1, 30]);

    /// <summary>G3 and S: see <see cref="Invariants"/>; and a dial is granted again only after Twilio was known not to have acted.</summary>
    [Fact]
    public void No_story_breaks_an_invariant() => Stories.Sample(story =>
    {
        var call = Situations.All[story.Situation].Build();
        Dictionary<(string Nonce, ParticipantId Who), bool> maySend = [];
        foreach (var (input, seconds) in story.Steps)
        {
            var before = call.Stored;
            call.After(seconds).When(Inputs.All[input].Event);
            var (happened, decision) = (Inputs.All[input].Event, call.Last);
            (decision.Session is null ? null : Invariants.BrokenBy(before, decision.Session, Policy)).ShouldBeNull(Inputs.All[input].Name);
            if (!decision.Changed)
                decision.Session.ShouldBeSameAs(before);
            if (happened is SessionEvent.DialSettled { Outcome: DialOutcome.NotSent } && decision.Changed)
                maySend[(call.Session.Nonce, ((SessionEvent.DialSettled)happened).Participant)] = true;
            if (decision.Reply is CallReply.DialGranted granted)
            {
                before.ShouldNotBeNull().IsEnded.ShouldBeFalse("nothing is dialled for a call that is over");
                maySend.GetValueOrDefault((before.Nonce, granted.Participant.Id), true).ShouldBeTrue("a dial is granted twice");
                maySend[(before.Nonce, granted.Participant.Id)] = false;
            }

            if (decision.Reply is CallReply.JoinRoom)
                call.Session.IsEnded.ShouldBeFalse("nobody enters the room of a call that is over");
        }
    }, iter: 30_000, threads: 1);

    [Fact]
    public void The_same_event_twice_in_a_row_is_the_same_as_once() => Stories.Sample(story =>
    {
        var call = Situations.All[story.Situation].Build();
        foreach (var (input, seconds) in story.Steps)
        {
            var happened = Inputs.All[input].Event;
            if (call.After(seconds).When(happened).Stored is not { } once)
                continue;
            // A hang-up that the rules have planned anew in this very decision: Twilio has ended that leg, and a second word of it is as true of the new one.
            if (happened is SessionEvent.HangUpSettled hungUp && once.Effects.OfType<Effect.HangUp>().Any(h => h.Leg == hungUp.Leg))
                continue;
            call.When(happened);
            Canonical.Of(call.Session).ShouldBe(Canonical.Of(once), Inputs.All[input].Name);
        }
    }, iter: 10_000, threads: 1);

    /// <summary>Too many states to visit them all, so a sample of ways through them: each step is checked, and so is the good end that must be within reach from there.</summary>
    [Fact]
    public void Four_people_walk_at_random_through_the_model_and_none_is_ever_left_alone()
    {
        long steps = 0;
        var ends = 0;
        Gen.Int[0, 1_000_000].Array[150].Sample(choices =>
        {
            var found = new Explorer(Scenarios.FourPeople, SessionDecider.Decide).Walk(choices);
            found.Violation.ShouldBeNull();
            steps += found.Edges;
            ends += found.Quiescent;
        }, iter: 2_000, threads: 1);
        output.WriteLine($"{steps:N0} steps, {ends:N0} ends");
        steps.ShouldBeGreaterThan(30_000);
    }
}
