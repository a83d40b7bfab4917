namespace Calls.Domain.Tests.Flows;

public sealed class Webhooks_are_repeated_late_or_of_another_call
{
    [Fact]
    public void Only_the_same_caller_can_take_the_id_of_an_ended_call()
    {
        var call = A.Session().Ringing().Leaves(ParticipantId.Caller);
        var record = call.Session;
        call.Starts(A.StrangerLeg, "mallory").Last.Refused.ShouldBe(RefusalReason.SessionOfAnotherCaller);
        call.Starts(A.StrangerLeg, "bob").Last.Refused.ShouldBe(RefusalReason.SessionOfAnotherCaller, "a callee is no caller");
        call.Session.ShouldBeSameAs(record);
        call.Starts(A.StrangerLeg, nonce: Again).Reply.ShouldBeOfType<CallReply.JoinRoom>();
        call.Session.Nonce.ShouldBe(Again);
    }

    [Fact]
    public void A_repeated_voice_webhook_gets_the_same_room_and_rings_no_phone()
    {
        var call = A.Session();
        var (first, reply) = (call.Session, call.Reply);
        call.Starts(nonce: "anothernonce2345");
        call.Reply.ShouldBe(reply);
        call.Session.ShouldBeSameAs(first);
        call.Sending().Starts(nonce: "anothernonce2345").Session.Effects.OfType<Effect.Dial>().Single().State.ShouldBe(DialState.Sending);
    }

    [Fact]
    public void The_same_voice_webhook_after_the_end_is_hung_up()
    {
        var call = A.Session().Ringing().Leaves(ParticipantId.Caller).Starts();
        call.Reply.ShouldBe(CallReply.End);
        call.Last.Changed.ShouldBeFalse();
    }

    [Fact]
    public void A_session_id_that_another_callers_call_holds_is_refused()
    {
        var call = A.Session().Ringing();
        var before = call.Session;
        call.Starts(A.StrangerLeg, "mallory").Last.Refused.ShouldBe(RefusalReason.SessionInUse);
        call.Session.ShouldBeSameAs(before);
    }

    [Fact]
    public void An_answer_after_the_end_is_hung_up()
    {
        var call = A.Session().Ringing().Ends(ParticipantId.Callee, LeaveReason.NoAnswer).PicksUp(ParticipantId.Callee);
        call.Reply.ShouldBe(CallReply.End);
        call.Last.Ignored.ShouldBe(IgnoreReason.LegAlreadyGone);
    }

    [Fact]
    public void An_answer_of_another_leg_is_hung_up()
    {
        A.Session().Ringing().PicksUp(ParticipantId.Callee, A.StrangerLeg).Reply.ShouldBe(CallReply.End);
        A.Session().Ringing().PicksUp(ParticipantId.Callee, A.StrangerLeg).Last.Ignored.ShouldBe(IgnoreReason.SecondLeg);
        A.Session().Ringing().PicksUp(A.Lawyer).Last.Ignored.ShouldBe(IgnoreReason.UnknownParticipant);
        A.Session().Ringing().PicksUp(A.Lawyer).Reply.ShouldBe(CallReply.End);
    }

    [Fact]
    public void A_second_leg_is_hung_up_at_its_first_webhook_and_the_first_leg_goes_on()
    {
        var call = A.Session().Ringing().Says(ParticipantId.Callee, Progress.Ringing, A.StrangerLeg);
        call.Last.Ignored.ShouldBe(IgnoreReason.SecondLeg);
        call.Callee.Leg.ShouldBe(A.CalleeLeg);
        call.HangUps.ShouldBe([A.StrangerLeg]);
        call.Ends(ParticipantId.Callee, LeaveReason.Canceled, A.StrangerLeg).Callee.Progress.ShouldBe(Progress.Ringing);
        call.Session.IsEnded.ShouldBeFalse();
    }

    [Fact]
    public void A_status_of_an_unknown_call_is_ignored()
    {
        var call = A.NoSession().Says(ParticipantId.Callee, Progress.Ringing);
        call.Last.Ignored.ShouldBe(IgnoreReason.NoSuchSession);
        call.Stored.ShouldBeNull();
        call.PicksUp(ParticipantId.Callee).Reply.ShouldBe(CallReply.End);
        A.Session().Ringing().Says(A.Lawyer, Progress.Ringing).Last.Ignored.ShouldBe(IgnoreReason.UnknownParticipant);
    }

    /// <summary>After a failover the store has lost a guest, whose leg is still alive.</summary>
    [Fact]
    public void A_leg_of_this_call_without_a_participant_is_hung_up_on_any_report()
    {
        A.Session().Live().Says(A.Lawyer, Progress.Ringing).HangUps.ShouldBe([A.LawyerLeg]);
        A.Session().Live().Joins(A.Lawyer).HangUps.ShouldBe([A.LawyerLeg]);
        A.Session().Live().Observes([ParticipantId.Caller, ParticipantId.Callee, A.Lawyer]).HangUps.ShouldBe([A.LawyerLeg]);
        A.Session().Live().Says(A.Lawyer, Progress.Ringing, nonce: null).HangUps.ShouldBeEmpty("it may belong to another call");
        A.Session().Live().Ends(A.Lawyer, LeaveReason.NoAnswer).HangUps.ShouldBeEmpty("it has ended");
    }

    [Fact]
    public void A_leg_that_counts_as_gone_and_is_in_the_room_is_hung_up() =>
        A.Session().Live().With(A.Doctor).Leaves(A.Doctor).Observes([ParticipantId.Caller, ParticipantId.Callee, A.Doctor])
            .HangUps.ShouldBe([A.DoctorLeg]);

    [Fact]
    public void An_unknown_leg_in_the_room_may_belong_to_a_dial_under_way() =>
        A.Session().Live().AsksFor(A.Doctor).Claims(A.Doctor).Observes([ParticipantId.Caller, ParticipantId.Callee, A.Doctor])
            .HangUps.ShouldBeEmpty();

    [Fact]
    public void A_leave_of_an_unknown_leg_is_ignored()
    {
        var call = A.Session().Live();
        call.When(new SessionEvent.ParticipantLeft(call.Session.Room, A.StrangerLeg, null, LeaveReason.HungUp))
            .Last.Ignored.ShouldBe(IgnoreReason.UnknownLeg);
        call.When(new SessionEvent.ParticipantLeft("another.room", A.CalleeLeg, null, LeaveReason.HungUp))
            .Last.Ignored.ShouldBe(IgnoreReason.OfAnEarlierCall);
        call.Session.IsEnded.ShouldBeFalse();
    }

    private const string Again = "nonceofthesecond";

    private static Call Reused(Call ended) => ended.Starts(A.Leg(11), nonce: Again);

    [Fact]
    public void A_reused_session_id_is_a_new_call_that_takes_over_the_remaining_hang_ups()
    {
        var call = Reused(A.Session().Ringing().Leaves(ParticipantId.Caller));
        call.Session.Nonce.ShouldBe(Again);
        call.Session.IsEnded.ShouldBeFalse();
        call.HangUps.ShouldBe([A.CalleeLeg]);
        call.DialOf(ParticipantId.Callee)!.State.ShouldBe(DialState.Planned);
        call.HangsUp(A.CalleeLeg).HangUps.ShouldBeEmpty();
    }

    [Fact]
    public void The_old_calls_hang_ups_are_taken_over_until_they_are_confirmed() =>
        Reused(A.Session().Ringing().Leaves(ParticipantId.Caller).HangsUp(A.CalleeLeg)).HangUps.ShouldBe([A.CalleeLeg]);

    [Fact]
    public void The_old_calls_late_callbacks_do_not_touch_the_new_call()
    {
        var call = Reused(A.Session().Ringing().Leaves(ParticipantId.Caller).FinishesHangUps());
        var before = call.Session;
        var oldRoom = CallSession.RoomOf(A.Id(), A.Nonce);

        call.Ends(ParticipantId.Callee, LeaveReason.Canceled).Last.Ignored.ShouldBe(IgnoreReason.OfAnEarlierCall);
        call.PicksUp(ParticipantId.Callee).Reply.ShouldBe(CallReply.End);
        call.When(new SessionEvent.ParticipantJoined(A.Room1, oldRoom, A.CallerLeg, ParticipantId.Caller, null))
            .Last.Ignored.ShouldBe(IgnoreReason.OfAnEarlierCall);
        call.When(new SessionEvent.ParticipantLeft(oldRoom, A.CallerLeg, ParticipantId.Caller, LeaveReason.HungUp))
            .Last.Ignored.ShouldBe(IgnoreReason.OfAnEarlierCall);
        call.When(new SessionEvent.ConferenceStarted(A.Room1, oldRoom)).Last.Ignored.ShouldBe(IgnoreReason.OfAnEarlierCall);
        call.When(new SessionEvent.ConferenceEnded(A.Room1, oldRoom)).Last.Ignored.ShouldBe(IgnoreReason.OfAnEarlierCall);
        call.When(new SessionEvent.ParticipantFlagsChanged(A.Room1, oldRoom, A.CallerLeg, ParticipantId.Caller, new Flags(true, true, 9)))
            .Last.Ignored.ShouldBe(IgnoreReason.OfAnEarlierCall);
        call.When(new SessionEvent.SessionObserved(new Observation(oldRoom, A.Room1, [A.CallerLeg], [])))
            .Last.Ignored.ShouldBe(IgnoreReason.OfAnEarlierCall);
        call.When(new SessionEvent.ClaimDial(ParticipantId.Callee, A.Nonce)).Last.Ignored.ShouldBe(IgnoreReason.OfAnEarlierCall);
        call.When(new SessionEvent.DialSettled(ParticipantId.Callee, A.Nonce, 1, new DialOutcome.Refused(1)))
            .Last.Ignored.ShouldBe(IgnoreReason.OfAnEarlierCall);

        call.Session.ShouldBeSameAs(before);
    }

    [Fact]
    public void An_old_calls_leg_that_still_rings_is_hung_up()
    {
        var call = Reused(A.Session().Sending().Leaves(ParticipantId.Caller));
        call.HangUps.ShouldBeEmpty("the leg is not known yet");
        call.Says(ParticipantId.Callee, Progress.Ringing).HangUps.ShouldBe([A.CalleeLeg]);
        call.Callee.Leg.ShouldBeNull();
        call.DialOf(ParticipantId.Callee)!.State.ShouldBe(DialState.Planned);
    }

    [Fact]
    public void An_old_calls_dial_that_is_acknowledged_late_is_hung_up()
    {
        var call = Reused(A.Session().Sending().Leaves(ParticipantId.Caller));
        call.When(new SessionEvent.DialSettled(ParticipantId.Callee, A.Nonce, 1, new DialOutcome.Accepted(A.CalleeLeg)));
        call.Last.Ignored.ShouldBe(IgnoreReason.OfAnEarlierCall);
        call.HangUps.ShouldBe([A.CalleeLeg]);
        call.Callee.Leg.ShouldBeNull();
        call.DialOf(ParticipantId.Callee)!.State.ShouldBe(DialState.Planned, "the new callee is still to be rung");
    }

    [Fact]
    public void Two_calls_with_the_longest_id_have_different_rooms()
    {
        var id = A.Id(new string('x', SessionId.MaxLength));
        CallSession.RoomOf(id, A.Nonce).Length.ShouldBe(128);
        CallSession.RoomOf(id, A.Nonce).ShouldNotBe(CallSession.RoomOf(id, Again));
    }
}
