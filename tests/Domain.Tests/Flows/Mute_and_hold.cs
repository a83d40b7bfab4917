namespace Calls.Domain.Tests.Flows;

public sealed class Mute_and_hold
{
    [Fact]
    public void The_event_with_the_highest_sequence_number_wins_in_any_order()
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
    public void A_sequence_may_start_at_zero_and_a_repeated_event_is_ignored()
    {
        var call = A.Session().Live().Flags(ParticipantId.Callee, true, false, 0);
        call.Callee.Muted.ShouldBeTrue();
        call.Flags(ParticipantId.Callee, false, false, 0).Last.Ignored.ShouldBe(IgnoreReason.Overtaken);
        call.Callee.Muted.ShouldBeTrue();
    }

    [Fact]
    public void A_mute_before_any_other_event_of_the_leg_is_matched_by_its_label()
    {
        var call = A.Session().Sending().Flags(ParticipantId.Callee, true, false, 4).PicksUp(ParticipantId.Callee)
            .Joins(ParticipantId.Callee).Flags(ParticipantId.Callee, false, false, 2);
        call.Callee.Muted.ShouldBeTrue();
        var other = new SessionEvent.ParticipantFlagsChanged(
            A.Room1, call.Session.Room, A.StrangerLeg, ParticipantId.Callee, new Flags(false, false, 9));
        call.When(other).Last.Ignored.ShouldBe(IgnoreReason.SecondLeg);
    }

    [Fact]
    public void Two_flag_requests_become_one_effect()
    {
        var call = A.Session().Live().When(new SessionEvent.SetParticipantFlags(ParticipantId.Callee, true, null));
        call.Reply.ShouldBeOfType<CallReply.Added>();
        call.When(new SessionEvent.SetParticipantFlags(ParticipantId.Callee, null, true));
        var wanted = call.Session.Effects.OfType<Effect.SetFlags>().Single();
        (wanted.Muted, wanted.Hold).ShouldBe((true, true));
    }

    [Fact]
    public void The_outcome_of_an_earlier_flag_request_does_not_settle_a_later_one()
    {
        var call = A.Session().Live()
            .When(new SessionEvent.SetParticipantFlags(ParticipantId.Callee, true, null))
            .When(new SessionEvent.SetParticipantFlags(ParticipantId.Callee, false, null))
            .When(new SessionEvent.FlagsSettled(ParticipantId.Callee, true, null, EffectOutcome.Done));
        call.Session.Effects.OfType<Effect.SetFlags>().Single().Muted.ShouldBe(false);
        call.When(new SessionEvent.FlagsSettled(ParticipantId.Callee, false, null, EffectOutcome.Done)).Session.Effects.ShouldBeEmpty();
    }

    [Fact]
    public void A_flag_request_is_repeated_if_Twilio_is_busy_and_dropped_if_Twilio_refuses()
    {
        var call = A.Session().Live().When(new SessionEvent.SetParticipantFlags(ParticipantId.Callee, true, null))
            .When(new SessionEvent.FlagsSettled(ParticipantId.Callee, true, null, EffectOutcome.TryLater));
        call.Session.Effects.Single().Attempt.ShouldBe(1);
        call.When(new SessionEvent.FlagsSettled(ParticipantId.Callee, true, null, EffectOutcome.Refused)).Session.Effects.ShouldBeEmpty();
    }

    [Fact]
    public void A_flag_request_is_dropped_when_its_participant_leaves()
    {
        var call = A.Session().Live().With(A.Doctor).When(new SessionEvent.SetParticipantFlags(A.Doctor, true, null)).Leaves(A.Doctor);
        call.Session.Effects.ShouldBeEmpty();
        call.When(new SessionEvent.SetParticipantFlags(A.Doctor, false, null)).Last.Refused.ShouldBe(RefusalReason.ParticipantHasLeft);
        call.When(new SessionEvent.SetParticipantFlags(A.Lawyer, false, null)).Last.Refused.ShouldBe(RefusalReason.NoSuchParticipant);
    }
}
