using Calls.Domain.Tests.DecisionTable;

namespace Calls.Domain.Tests;

/// <summary>Deadlines: each session with work left is due at some time, and a settled session never is.</summary>
public sealed class When_a_session_is_due
{
    private static readonly CallPolicy Policy = new();

    public static TheoryData<string, double?> Dues => new()
    {
        { "Placed", Policy.FirstLook.TotalSeconds },
        { "Dial under way", Policy.FirstLook.TotalSeconds },
        { "Dial unknown", 1 },
        { "Paced", Policy.FirstLook.TotalSeconds },
        { "Queued", Policy.FirstLook.TotalSeconds },
        { "Dialing", Policy.FirstLook.TotalSeconds },
        { "Guest waits for the room", Policy.FirstLook.TotalSeconds },
        { "Ringing", (Policy.RingTimeout + Policy.RingSlack).TotalSeconds },
        { "Answered", Policy.FirstLook.TotalSeconds },
        { "Screened, rings", (Policy.RingTimeout + Policy.RingSlack).TotalSeconds },
        { "Screened, answered", Policy.ReviewInterval.TotalSeconds },
        { "Screened, asked", Policy.ReviewInterval.TotalSeconds },
        { "Screened, accepted", Policy.FirstLook.TotalSeconds },
        { "Screened, a machine had answered", Policy.Recheck.TotalSeconds },
        { "Group, two candidates ring", (Policy.RingTimeout + Policy.RingSlack).TotalSeconds },
        { "Group, candidates in order", Policy.RingTimeout.TotalSeconds },
        { "Group, the last candidate rings", (Policy.RingTimeout + Policy.RingSlack).TotalSeconds },
        { "Group, one of two candidates has the call", Policy.Recheck.TotalSeconds },
        { "Group, the resolver is asked", Policy.EffectLease.TotalSeconds },
        { "Live, a guest is asked", Policy.ReviewInterval.TotalSeconds },
        { "Live", Policy.ReviewInterval.TotalSeconds },
        { "Live, a review has failed", Policy.Recheck.TotalSeconds },
        { "Live, a guest's dial under way", Policy.EffectLease.TotalSeconds },
        { "Live, a guest rings", (Policy.RingTimeout + Policy.RingSlack).TotalSeconds },
        { "Live, three", Policy.ReviewInterval.TotalSeconds },
        { "One waits for a guest", (Policy.RingTimeout + Policy.RingSlack).TotalSeconds },
        { "The callee was removed, a guest talks", Policy.ReviewInterval.TotalSeconds },
        { "A mute is requested", Policy.EffectLease.TotalSeconds },
        { "A mute waits", (Policy.RingTimeout + Policy.RingSlack).TotalSeconds },
        { "Two on hold", Policy.ReviewInterval.TotalSeconds },
        { "Two on hold, the holder has left", Policy.EffectLease.TotalSeconds },
        { "One was taken off hold", Policy.EffectLease.TotalSeconds },
        { "An operator holds the guest", Policy.ReviewInterval.TotalSeconds },
        { "Live, two candidates ring", (Policy.RingTimeout + Policy.RingSlack).TotalSeconds },
        { "Live, candidates in order", Policy.RingTimeout.TotalSeconds },
        { "Live, one of two candidates has the call", Policy.Recheck.TotalSeconds },
        { "One waits for one of two candidates", (Policy.RingTimeout + Policy.RingSlack).TotalSeconds },
        { "The caller is back", Policy.FirstLook.TotalSeconds },
        { "The caller reconnects", Policy.EffectLease.TotalSeconds },
        { "The caller reconnects, ringback plays", 30 },
        { "The caller is back, the ringback ends", Policy.FirstLook.TotalSeconds },
        { "Built again", Policy.Recheck.TotalSeconds },
        { "Built again, only the caller is listed", Policy.Recheck.TotalSeconds },
        { "Room closed", 2 },
        { "The callee declined, a guest rings", (Policy.RingTimeout + Policy.RingSlack).TotalSeconds },
        { "Ended, the caller is to hear a tone", Policy.Recheck.TotalSeconds },
        { "Ended, the caller hears a tone", Policy.Recheck.TotalSeconds },
        { "Ended, hang-ups pending", Policy.Recheck.TotalSeconds },
        { "Ended, dial under way", Policy.EffectLease.TotalSeconds },
        { "Ended, settled", null },
        { "Session id used again", Policy.FirstLook.TotalSeconds },
    };

    [Theory, MemberData(nameof(Dues))]
    public void Each_situation_is_due_after(string situation, double? seconds)
    {
        var call = Situations.All.Single(s => s.Name == situation).Build();
        (call.Due - call.Now)?.TotalSeconds.ShouldBe(seconds!.Value);
        (call.Due is null).ShouldBe(seconds is null);
    }

    [Fact]
    public void Every_situation_is_here() =>
        Dues.Select(d => d.Data.Item1).Order().ShouldBe(Situations.All.Where(s => s.Name != "No session").Select(s => s.Name).Order());

    [Fact]
    public void There_is_work_when_a_session_is_due_and_none_before()
    {
        foreach (var (name, _, build) in Situations.All.Where(s => s.Name is not "No session" and not "Ended, settled"))
        {
            var (call, due) = (build(), build().Due!.Value);
            HasWork(call, due).ShouldBeTrue(name);
            HasWork(call, due.AddTicks(-1)).ShouldBeFalse(name);
        }

        static bool HasWork(Call call, DateTimeOffset at) => Deadlines.DueEffects(call.Session, call.Policy, at).Any()
            || Deadlines.ReviewIsDue(call.Session, call.Policy, at) || Deadlines.RejoinGraceHasPassed(call.Session, call.Policy, at)
            || Deadlines.RingTimeHasPassed(call.Session, call.Policy, at);
    }

    [Fact]
    public void A_leg_that_the_early_look_did_not_find_is_looked_for_again_when_an_answer_proves_something()
    {
        var call = A.Session().Dialing().Says(ParticipantId.Callee, Progress.Ringing).After(Policy.FirstLook)
            .Observes([], (ParticipantId.Caller, Progress.Dialing, null), (ParticipantId.Callee, Progress.Ringing, null));
        call.Due.ShouldBe(call.Now + Policy.Recheck);

        call.After(Policy.Recheck).Observes([], (ParticipantId.Caller, Progress.Answered, null),
            (ParticipantId.Callee, Progress.Ringing, null));

        call.Due.ShouldBe(call.Caller.Since + Policy.JoinGrace);
    }

    [Fact]
    public void A_review_that_changed_nothing_is_followed_by_another_not_sooner_than_five_seconds_later()
    {
        var call = A.Session().Ringing().After(37);
        for (var i = 0; i < 3; i++)
        {
            call.Observes([ParticipantId.Caller], (ParticipantId.Callee, Progress.Ringing, null));
            call.Due.ShouldBe(call.Now + Policy.Recheck);
            call.After(Policy.Recheck);
        }
    }

    [Fact]
    public void A_live_call_is_compared_with_Twilio_every_minute_for_as_long_as_it_lasts()
    {
        var call = A.Session().Live();
        for (var i = 0; i < 120; i++)
        {
            call.Due.ShouldBe(call.Now + Policy.ReviewInterval);
            call.After(Policy.ReviewInterval).Observes([ParticipantId.Caller, ParticipantId.Callee]);
        }
    }

    [Fact]
    public void A_failed_review_waits_twice_as_long_each_time_up_to_the_review_interval_and_a_review_that_works_ends_this()
    {
        var call = A.Session().Live().After(Policy.ReviewInterval);
        foreach (var wait in new[] { 5, 10, 20, 40, 60, 60, 60 })
        {
            call.FailsReview().Last.Changed.ShouldBeTrue();
            (call.Due - call.Now).ShouldBe(TimeSpan.FromSeconds(wait));
            call.After(wait - 1).FailsReview().Last.Ignored.ShouldBe(IgnoreReason.NotPending, "it was not due");
            call.After(1);
        }

        call.Observes([ParticipantId.Caller, ParticipantId.Callee]);
        (call.Due - call.Now).ShouldBe(Policy.ReviewInterval);
        call.Session.ShouldSatisfyAllConditions(s => s.ReviewFailures.ShouldBe(0), s => s.ReviewNotBefore.ShouldBeNull());
    }

    [Fact]
    public void The_jitter_of_a_failed_review_takes_at_most_half_of_its_wait_away()
    {
        foreach (var jitter in new[] { 0, 0.5, 1 })
        {
            var call = A.Session().Live().After(Policy.ReviewInterval).FailsReview(jitter);
            (call.Due - call.Now).ShouldBe(Policy.Recheck * (1 - (jitter / 2)));
        }
    }

    [Fact]
    public void A_failed_review_delays_no_effect_and_no_webhook()
    {
        var call = A.Session().Live().WithRinging(A.Doctor).After(Policy.ReviewInterval).FailsReview().FailsReview();
        call.Leaves(ParticipantId.Callee).Leaves(A.Doctor, LeaveReason.NoAnswer);
        call.Session.IsEnded.ShouldBeTrue("the webhooks advance the call");
        var hangUp = call.Session.Effects.OfType<Effect.HangUp>().ShouldHaveSingleItem();
        call.HangsUp(hangUp.Leg, EffectOutcome.TryLater);
        (call.Due - call.Now).ShouldBe(CallPolicy.Backoff(1), "a hang-up that failed keeps its own time");
    }

    [Fact]
    public void An_event_of_one_participant_does_not_postpone_the_review_that_may_find_another_gone()
    {
        var call = A.Session().Live();
        var due = call.Due;
        for (var sequence = 10; sequence < 15; sequence++)
        {
            call.After(10).Flags(ParticipantId.Caller, muted: sequence % 2 == 0, hold: false, sequence);
            call.Last.Changed.ShouldBeTrue();
            call.Due.ShouldBe(due);
        }
    }

    [Fact]
    public void The_wait_before_another_try_doubles_from_half_a_second_to_fifteen()
    {
        new[] { -1, 0, 1, 2, 3, 4, 5, 6, 7, 1000 }.Select(CallPolicy.Backoff).Select(b => b.TotalSeconds)
            .ShouldBe([0.5, 0.5, 0.5, 1, 2, 4, 8, 15, 15, 15]);
    }
}
