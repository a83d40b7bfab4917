namespace Calls.Domain.Tests.Flows;

public sealed class Mute_and_hold
{
    [Fact]
    public void The_event_with_the_highest_sequence_number_stands_in_whatever_order_they_come()
    {
        (bool Muted, bool Hold, int Sequence)[] events = [(true, false, 3), (true, true, 4), (false, true, 7)];
        foreach (var order in Permutations.Of(events))
        {
            var call = A.Session().Live();
            foreach (var (muted, hold, sequence) in order)
                call.Flags(ParticipantId.Callee, muted, hold, sequence);
            call.Callee.Muted.ShouldBeFalse();
            call.Callee.Hold.ShouldBeTrue();
            call.Callee.FlagsSequence.ShouldBe(7);
        }
    }

    [Fact]
    public void A_sequence_may_start_at_nought_and_an_event_twice_is_overtaken()
    {
        var call = A.Session().Live().Flags(ParticipantId.Callee, true, false, 0);
        call.Callee.Muted.ShouldBeTrue();
        call.Flags(ParticipantId.Callee, false, false, 0).Last.Ignored.ShouldBe(IgnoreReason.Overtaken);
        call.Callee.Muted.ShouldBeTrue();
    }

    [Fact]
    public void A_mute_that_comes_before_anything_else_of_the_leg_is_known_by_its_label()
    {
        var call = A.Session().Sending().Flags(ParticipantId.Callee, true, false, 4).PicksUp(ParticipantId.Callee).Joins(ParticipantId.Callee).Flags(ParticipantId.Callee, false, false, 2);
        call.Callee.Muted.ShouldBeTrue();
        var other = new SessionEvent.ParticipantFlagsChanged(A.Room1, call.Session.Room, A.StrangerLeg, ParticipantId.Callee, new Flags(false, false, 9));
        call.When(other).Last.Ignored.ShouldBe(IgnoreReason.SecondLeg);
    }

    [Fact]
    public void A_wish_becomes_an_effect_and_its_second_half_joins_the_first()
    {
        var call = A.Session().Live().When(new SessionEvent.SetParticipantFlags(ParticipantId.Callee, true, null));
        call.Reply.ShouldBeOfType<CallReply.Added>();
        call.When(new SessionEvent.SetParticipantFlags(ParticipantId.Callee, null, true));
        var wanted = call.Session.Effects.OfType<Effect.SetFlags>().Single();
        (wanted.Muted, wanted.Hold).ShouldBe((true, true));
    }

    [Fact]
    public void The_answer_to_an_earlier_wish_does_not_settle_a_later_one()
    {
        var call = A.Session().Live()
            .When(new SessionEvent.SetParticipantFlags(ParticipantId.Callee, true, null))
            .When(new SessionEvent.SetParticipantFlags(ParticipantId.Callee, false, null))
            .When(new SessionEvent.FlagsSettled(ParticipantId.Callee, true, null, EffectOutcome.Done));
        call.Session.Effects.OfType<Effect.SetFlags>().Single().Muted.ShouldBe(false);
        call.When(new SessionEvent.FlagsSettled(ParticipantId.Callee, false, null, EffectOutcome.Done)).Session.Effects.ShouldBeEmpty();
    }

    [Fact]
    public void A_wish_that_Twilio_is_too_busy_for_is_tried_again_and_one_that_it_refuses_is_dropped()
    {
        var call = A.Session().Live().When(new SessionEvent.SetParticipantFlags(ParticipantId.Callee, true, null))
            .When(new SessionEvent.FlagsSettled(ParticipantId.Callee, true, null, EffectOutcome.TryLater));
        call.Session.Effects.Single().Attempt.ShouldBe(1);
        call.When(new SessionEvent.FlagsSettled(ParticipantId.Callee, true, null, EffectOutcome.Refused)).Session.Effects.ShouldBeEmpty();
    }

    [Fact]
    public void A_wish_goes_with_the_person_it_concerns()
    {
        var call = A.Session().Live().With(A.Doctor).When(new SessionEvent.SetParticipantFlags(A.Doctor, true, null)).Leaves(A.Doctor);
        call.Session.Effects.ShouldBeEmpty();
        call.When(new SessionEvent.SetParticipantFlags(A.Doctor, false, null)).Last.Refused.ShouldBe(RefusalReason.ParticipantHasLeft);
        call.When(new SessionEvent.SetParticipantFlags(A.Lawyer, false, null)).Last.Refused.ShouldBe(RefusalReason.NoSuchParticipant);
    }
}
