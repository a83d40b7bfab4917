using Calls.Domain.Tests.DecisionTable;
using Calls.Domain.Tests.Exhaustive;
using CsCheck;

namespace Calls.Domain.Tests.Properties;

/// <summary>Random inputs of the decision table in random situations, and random paths of four people through the model.</summary>
/// <remarks>
/// The inputs need not be possible together. A path through the model is possible, and has about twenty steps: progress only increases.
/// </remarks>
public sealed class Random_stories(ITestOutputHelper output)
{
    private static readonly CallPolicy Policy = new();

    private static readonly Gen<(int Situation, (int Input, int Seconds)[] Steps)> Stories =
        Gen.Select(Gen.Int[0, Situations.All.Length - 1], Gen.Select(Gen.Int[0, Inputs.All.Length - 1], Gen.Int[0, 20]).Array[1, 30]);

    /// <summary>
    /// The rules of <see cref="Invariants"/>. A dial is granted again only after it is known that Twilio did not create a call.
    /// </summary>
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
            if (happened is SessionEvent.DialSettled { Outcome: DialOutcome.NotSent or DialOutcome.CallIsGone } && decision.Changed)
                maySend[(call.Session.Nonce, ((SessionEvent.DialSettled)happened).Participant)] = true;
            if (decision.Reply is CallReply.DialGranted granted)
            {
                before.ShouldNotBeNull().IsEnded.ShouldBeFalse("a dial is granted only while the call goes on");
                maySend.GetValueOrDefault((before.Nonce, granted.Participant.Id), true)
                    .ShouldBeTrue("a dial is granted once until it is known not to be sent");
                maySend[(before.Nonce, granted.Participant.Id)] = false;
            }

            if (decision.Reply is CallReply.JoinRoom)
                call.Session.IsEnded.ShouldBeFalse("a leg enters the room only while the call goes on");
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
            // The decision has planned the same hang-up again. Twilio has ended that leg, so the repeated outcome is true of the new
            // hang-up too.
            if (happened is SessionEvent.HangUpSettled hungUp && once.Effects.OfType<Effect.HangUp>().Any(h => h.Leg == hungUp.Leg))
                continue;
            call.When(happened);
            Canonical.Of(call.Session).ShouldBe(Canonical.Of(once), Inputs.All[input].Name);
        }
    }, iter: 10_000, threads: 1);

    /// <summary>
    /// There are too many states to visit them all, so this test samples paths. Each step is checked, and so is the recovery from it.
    /// </summary>
    [Fact]
    public void No_random_path_of_four_people_breaks_a_rule()
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
