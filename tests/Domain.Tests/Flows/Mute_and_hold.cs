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
            .When(Settled(1, EffectOutcome.Done, muted: true));
        call.Session.Effects.OfType<Effect.SetFlags>().Single().Muted.ShouldBe(false);
        call.Callee.Muted.ShouldBeFalse("the later request unmutes");
        call.When(Settled(2, EffectOutcome.Done)).Session.Effects.ShouldBeEmpty();
    }

    [Fact]
    public void A_flag_request_is_repeated_if_Twilio_is_busy_and_dropped_if_Twilio_refuses()
    {
        var call = A.Session().Live().When(new SessionEvent.SetParticipantFlags(ParticipantId.Callee, true, null))
            .When(Settled(1, EffectOutcome.TryLater));
        call.Session.Effects.Single().Attempt.ShouldBe(1);
        call.When(Settled(1, EffectOutcome.Refused)).Session.Effects.ShouldBeEmpty();
    }

    [Fact]
    public void A_flag_request_is_dropped_when_its_participant_leaves()
    {
        var call = A.Session().Live().With(A.Doctor).When(new SessionEvent.SetParticipantFlags(A.Doctor, true, null)).Leaves(A.Doctor);
        call.Session.Effects.ShouldBeEmpty();
        call.When(new SessionEvent.SetParticipantFlags(A.Doctor, false, null)).Last.Refused.ShouldBe(RefusalReason.ParticipantHasLeft);
        call.When(new SessionEvent.SetParticipantFlags(A.Lawyer, false, null)).Last.Refused.ShouldBe(RefusalReason.NoSuchParticipant);
    }

    [Fact]
    public void A_participant_whom_Twilio_does_not_find_is_asked_for_again()
    {
        var call = A.Session().Live().When(Mute()).When(Settled(1, EffectOutcome.AlreadyOver));
        call.Session.Effects.OfType<Effect.SetFlags>().Single().Attempt.ShouldBe(1);
        call.After(1);
        Deadlines.DueEffects(call.Session, call.Policy, call.Now).ShouldHaveSingleItem();
    }

    /// <summary>Issue 15, 1.8: a request for a person on the way was refused or was sent too early, and was lost.</summary>
    [Theory]
    [InlineData(Progress.Invited)]
    [InlineData(Progress.Dialing)]
    [InlineData(Progress.Ringing)]
    [InlineData(Progress.Answered)]
    public void A_request_before_the_person_is_in_the_room_is_made_when_the_person_enters(Progress when)
    {
        var call = when switch
        {
            Progress.Invited => A.Session(),
            Progress.Dialing => A.Session().Dialing(),
            Progress.Ringing => A.Session().Ringing(),
            _ => A.Session().Answered(),
        };
        call.When(new SessionEvent.SetParticipantFlags(ParticipantId.Callee, null, true));
        call.Reply.ShouldBeOfType<CallReply.Added>();
        var wanted = call.Session.Effects.OfType<Effect.SetFlags>().Single();
        Deadlines.CanRun(call.Session, wanted).ShouldBeFalse("the callee is not in the room");
        Deadlines.DueEffects(call.Session, call.Policy, call.Now.AddHours(1)).ShouldNotContain(wanted);
        if (when == Progress.Invited)
            call.Dialing();
        call.After(20).PicksUp(ParticipantId.Callee).Joins(ParticipantId.Callee);
        Deadlines.CanRun(call.Session, wanted).ShouldBeTrue("the callee is in the room");
        Deadlines.DueEffects(call.Session, call.Policy, call.Now).ShouldNotContain(wanted, "the replica that stored the join runs it");
        Deadlines.DueEffects(call.Session, call.Policy, call.Now + call.Policy.EffectLease).ShouldContain(wanted);
    }

    [Fact]
    public void A_later_request_replaces_the_one_that_waits_and_a_person_who_enters_as_wanted_needs_none()
    {
        var call = A.Session().Ringing().When(Mute()).When(new SessionEvent.SetParticipantFlags(ParticipantId.Callee, false, null));
        call.Session.WillBeMuted(ParticipantId.Callee).ShouldBeFalse();
        call.PicksUp(ParticipantId.Callee).When(Join(new Flags(false, false, 3)));
        call.Session.Effects.ShouldBeEmpty();
        var other = A.Session().Ringing().When(Mute()).PicksUp(ParticipantId.Callee).When(Join(new Flags(false, false, 3)));
        other.Session.Effects.OfType<Effect.SetFlags>().Single().Muted.ShouldBe(true);
    }

    [Fact]
    public void A_request_for_a_person_who_has_left_or_is_being_removed_is_refused()
    {
        var call = A.Session().Ringing().Ends(ParticipantId.Callee, LeaveReason.Busy).When(Mute());
        call.Last.Refused.ShouldBe(RefusalReason.ParticipantHasLeft);
        A.Session().Live().With(A.Doctor).Removes(A.Doctor).When(new SessionEvent.SetParticipantFlags(A.Doctor, true, null))
            .Last.Refused.ShouldBe(RefusalReason.ParticipantHasLeft);
    }

    /// <summary>Issue 15, 1.9: the webhook is lost, and Twilio's answer to the request says the same.</summary>
    [Fact]
    public void Twilios_answer_to_the_request_is_the_new_state()
    {
        var call = A.Session().Live().When(Mute()).When(Settled(1, EffectOutcome.Done, muted: true));
        call.Callee.Muted.ShouldBeTrue();
        call.Session.Effects.ShouldBeEmpty();
    }

    [Fact]
    public void A_review_corrects_a_lost_change_but_not_one_that_is_newer_than_the_read_or_pending()
    {
        var call = A.Session().Live();
        var before = call.Callee.FlagsMark;
        call.When(Seen(call, before, muted: true)).Callee.Muted.ShouldBeTrue();
        call.Flags(ParticipantId.Callee, false, false, 4).When(Seen(call, call.Callee.FlagsMark with { Sequence = 3 }, muted: true))
            .Callee.Muted.ShouldBeFalse("the webhook is newer than the read");
        call.When(Seen(call, before, muted: true)).Callee.Muted.ShouldBeFalse("another review was faster");
        var pending = A.Session().Live().When(Mute());
        pending.When(Seen(pending, pending.Callee.FlagsMark, muted: true)).Callee.Muted.ShouldBeFalse("a request is pending");
    }

    private static SessionEvent.SetParticipantFlags Mute() => new(ParticipantId.Callee, true, null);

    private static SessionEvent.ParticipantJoined Join(Flags flags) =>
        new(A.Room1, CallSession.RoomOf(A.Id(), A.Nonce), A.CalleeLeg, ParticipantId.Callee, flags);

    private static SessionEvent.FlagsSettled Settled(int version, EffectOutcome outcome, bool muted = false) => new(
        CallSession.RoomOf(A.Id(), A.Nonce), ParticipantId.Callee, new FlagsMark(version, -1), outcome,
        outcome == EffectOutcome.Done ? new SeenFlags(muted, false) : null);

    private static SessionEvent.SessionObserved Seen(Call call, FlagsMark asked, bool muted) => new(
        new Observation(call.Session.Room, A.Room1, [A.CallerLeg, A.CalleeLeg],
            [new ObservedLeg(A.CallerLeg, Progress.Answered, null), new ObservedLeg(A.CalleeLeg, Progress.Answered, null)])
        {
            Flags = [new ObservedFlags(A.CalleeLeg, asked, muted, false)],
        });
}
