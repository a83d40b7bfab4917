namespace Calls.Domain.Tests.Flows;

public sealed class The_caller_gives_up
{
    [Fact]
    public void While_the_phone_rings_it_stops()
    {
        var call = A.Session().Ringing().Leaves(ParticipantId.Caller);
        call.Session.EndReason.ShouldBe(EndReason.CallerHungUpBeforeAnswer);
        call.HangUps.ShouldBe([A.CalleeLeg]);
        call.HangsUp(A.CalleeLeg).Ends(ParticipantId.Callee, LeaveReason.Canceled);
        call.Callee.Gone.ShouldBe(LeaveReason.Canceled);
        call.Session.EndReason.ShouldBe(EndReason.CallerHungUpBeforeAnswer);
        call.Due.ShouldBeNull();
    }

    [Fact]
    public void A_phone_that_was_stopped_was_not_answered_even_if_Twilio_calls_its_leg_completed()
    {
        var call = A.Session().Ringing().Leaves(ParticipantId.Caller).HangsUp(A.CalleeLeg).Ends(ParticipantId.Callee, LeaveReason.HungUp);
        call.Session.EndReason.ShouldBe(EndReason.CallerHungUpBeforeAnswer);
        call.Session.AnsweredAt.ShouldBeNull();
        A.Session().Ringing().Ends(ParticipantId.Callee, LeaveReason.HungUp).Session.AnsweredAt.ShouldNotBeNull("it ended by itself: its answer was lost");
    }

    [Fact]
    public void Before_the_dial_is_sent_it_never_is()
    {
        var call = A.Session().Leaves(ParticipantId.Caller);
        call.Session.Effects.ShouldBeEmpty();
        call.Callee.Gone.ShouldBe(LeaveReason.Canceled);
        call.Claims(ParticipantId.Callee).Reply.ShouldBe(CallReply.Nothing);
        call.Due.ShouldBeNull();
    }

    [Fact]
    public void While_the_dial_is_under_way_its_leg_is_hung_up_when_its_SID_arrives()
    {
        var call = A.Session().Sending().Leaves(ParticipantId.Caller);
        call.Session.IsEnded.ShouldBeTrue();
        call.HangUps.ShouldBeEmpty();
        call.DialOf(ParticipantId.Callee).ShouldNotBeNull("what became of it must still be found out");
        call.Due.ShouldNotBeNull();

        call.Accepts(ParticipantId.Callee).HangUps.ShouldBe([A.CalleeLeg]);
        call.DialOf(ParticipantId.Callee).ShouldBeNull();
    }

    [Fact]
    public void While_the_dial_is_under_way_its_leg_is_hung_up_when_it_announces_itself() =>
        A.Session().Unknown().Leaves(ParticipantId.Caller).Says(ParticipantId.Callee, Progress.Ringing).HangUps.ShouldBe([A.CalleeLeg]);

    [Fact]
    public void A_dial_under_way_that_Twilio_was_too_busy_for_is_not_sent_again()
    {
        var call = A.Session().Sending().Leaves(ParticipantId.Caller).Settles(ParticipantId.Callee, new DialOutcome.NotSent(null));
        call.Callee.Gone.ShouldBe(LeaveReason.Canceled);
        call.Session.Effects.ShouldBeEmpty();
        call.Due.ShouldBeNull();
    }

    [Fact]
    public void A_dial_under_way_that_is_never_found_is_let_go()
    {
        var call = A.Session().Unknown().Leaves(ParticipantId.Caller).After(10).Settles(ParticipantId.Callee, new DialOutcome.NotFound());
        call.Callee.Gone.ShouldBe(LeaveReason.Canceled);
        call.Due.ShouldBeNull();
    }

    [Fact]
    public void An_answer_that_crosses_gets_a_hang_up()
    {
        var call = A.Session().Ringing().Leaves(ParticipantId.Caller).PicksUp(ParticipantId.Callee);
        call.Reply.ShouldBe(CallReply.End);
        call.Last.Ignored.ShouldBe(IgnoreReason.CallIsOver);
        call.HangUps.ShouldBe([A.CalleeLeg]);
    }

    [Fact]
    public void An_answer_in_the_moment_in_which_the_last_guest_is_given_up_gets_a_hang_up()
    {
        var call = A.Session().Answered().AsksFor(A.Doctor).Leaves(ParticipantId.Caller);
        call.Session.IsEnded.ShouldBeFalse("the callee waits for the guest");
        call.After(30).PicksUp(ParticipantId.Callee).Reply.ShouldBe(CallReply.End);
        call.The(A.Doctor).Gone.ShouldBe(LeaveReason.NeverDialed);
        call.HangUps.ShouldBe([A.CalleeLeg]);
    }

    [Fact]
    public void Phones_that_were_added_stop_ringing_too()
    {
        var call = A.Session().Ringing().WithRinging(A.Doctor).AsksFor(A.Lawyer).Leaves(ParticipantId.Caller);
        call.HangUps.ShouldBe([A.CalleeLeg, A.DoctorLeg], ignoreOrder: true);
        call.The(A.Lawyer).Gone.ShouldBe(LeaveReason.Canceled);
    }

    [Fact]
    public void An_app_that_vanishes_before_it_joins_is_found_by_the_review()
    {
        var call = A.Session().Dialing().Says(ParticipantId.Callee, Progress.Ringing);
        call.Due.ShouldBe(call.Caller.Since + call.Policy.FirstLook);

        call.After(3).Observes([], (ParticipantId.Caller, Progress.Gone, LeaveReason.HungUp), (ParticipantId.Callee, Progress.Ringing, null));

        call.Session.EndReason.ShouldBe(EndReason.CallerNeverJoined);
        call.HangUps.ShouldBe([A.CalleeLeg]);
    }

    [Fact]
    public void An_app_whose_leg_lives_but_never_joins_is_hung_up()
    {
        var call = A.Session().Dialing().Says(ParticipantId.Callee, Progress.Ringing).After(15)
            .Observes([], (ParticipantId.Caller, Progress.Answered, null), (ParticipantId.Callee, Progress.Ringing, null));
        call.Caller.Gone.ShouldBe(LeaveReason.NeverJoined);
        call.Session.EndReason.ShouldBe(EndReason.CallerNeverJoined);
        call.HangUps.ShouldBe([A.CallerLeg, A.CalleeLeg], ignoreOrder: true);
    }

    [Fact]
    public void A_caller_whose_join_was_lost_is_known_to_be_in_the_room_after_the_review()
    {
        var call = A.Session().Dialing().After(15).Observes([ParticipantId.Caller], (ParticipantId.Callee, Progress.Ringing, null));
        call.Caller.Progress.ShouldBe(Progress.Joined);
        call.Callee.Progress.ShouldBe(Progress.Ringing);
        call.Session.Conference.ShouldBe(A.Room1);
        call.Session.IsEnded.ShouldBeFalse();
    }
}
