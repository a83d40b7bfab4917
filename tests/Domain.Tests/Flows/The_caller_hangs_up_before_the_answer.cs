namespace Calls.Domain.Tests.Flows;

public sealed class The_caller_hangs_up_before_the_answer
{
    [Fact]
    public void A_ringing_phone_stops()
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
    public void A_phone_that_was_hung_up_was_not_answered_even_if_Twilio_reports_completed()
    {
        var call = A.Session().Ringing().Leaves(ParticipantId.Caller).HangsUp(A.CalleeLeg).Ends(ParticipantId.Callee, LeaveReason.HungUp);
        call.Session.EndReason.ShouldBe(EndReason.CallerHungUpBeforeAnswer);
        call.Session.AnsweredAt.ShouldBeNull();
        A.Session().Ringing().Ends(ParticipantId.Callee, LeaveReason.HungUp)
            .Session.AnsweredAt.ShouldNotBeNull("the service did not hang up, so the answer was lost");
    }

    [Fact]
    public void A_dial_that_was_not_sent_is_never_sent()
    {
        var call = A.Session().Leaves(ParticipantId.Caller);
        call.Session.Effects.ShouldBeEmpty();
        call.Callee.Gone.ShouldBe(LeaveReason.Canceled);
        call.Claims(ParticipantId.Callee).Reply.ShouldBe(CallReply.Nothing);
        call.Due.ShouldBeNull();
    }

    [Fact]
    public void The_leg_of_a_dial_under_way_is_hung_up_when_its_SID_arrives()
    {
        var call = A.Session().Sending().Leaves(ParticipantId.Caller);
        call.Session.IsEnded.ShouldBeTrue();
        call.HangUps.ShouldBeEmpty();
        call.DialOf(ParticipantId.Callee).ShouldNotBeNull("its outcome must still be found out");
        call.Due.ShouldNotBeNull();

        call.Accepts(ParticipantId.Callee).HangUps.ShouldBe([A.CalleeLeg]);
        call.DialOf(ParticipantId.Callee).ShouldBeNull();
    }

    [Fact]
    public void The_leg_of_a_dial_under_way_is_hung_up_at_its_first_webhook() =>
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
    public void A_dial_under_way_that_is_never_found_is_dropped()
    {
        var call = A.Session().Unknown().Leaves(ParticipantId.Caller).After(15).Settles(ParticipantId.Callee, new DialOutcome.NotFound());
        call.Callee.Gone.ShouldBe(LeaveReason.Canceled);
        call.Due.ShouldBeNull();
    }

    [Fact]
    public void An_answer_at_the_same_time_gets_a_hang_up()
    {
        var call = A.Session().Ringing().Leaves(ParticipantId.Caller).PicksUp(ParticipantId.Callee);
        call.Reply.ShouldBe(CallReply.End);
        call.Last.Ignored.ShouldBe(IgnoreReason.CallIsOver);
        call.HangUps.ShouldBe([A.CalleeLeg]);
    }

    [Fact]
    public void An_answer_at_the_moment_when_the_last_guest_is_dropped_gets_a_hang_up()
    {
        var call = A.Session().Answered().AsksFor(A.Doctor).Leaves(ParticipantId.Caller);
        call.Session.IsEnded.ShouldBeFalse("the callee waits for the guest");
        call.After(60).PicksUp(ParticipantId.Callee).Reply.ShouldBe(CallReply.End);
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
    public void A_review_finds_an_app_that_disappears_before_it_joins()
    {
        var call = A.Session().Dialing().Says(ParticipantId.Callee, Progress.Ringing);
        call.Due.ShouldBe(call.Caller.Since + call.Policy.FirstLook);

        call.After(3).Observes([], (ParticipantId.Caller, Progress.Gone, LeaveReason.HungUp),
            (ParticipantId.Callee, Progress.Ringing, null));

        call.Session.EndReason.ShouldBe(EndReason.CallerNeverJoined);
        call.HangUps.ShouldBe([A.CalleeLeg]);
    }

    [Fact]
    public void An_app_whose_leg_is_alive_and_never_joins_is_hung_up()
    {
        var call = A.Session().Dialing().Says(ParticipantId.Callee, Progress.Ringing).After(20)
            .Observes([], (ParticipantId.Caller, Progress.Answered, null), (ParticipantId.Callee, Progress.Ringing, null));
        call.Caller.Gone.ShouldBe(LeaveReason.NeverJoined);
        call.Session.EndReason.ShouldBe(EndReason.CallerNeverJoined);
        call.HangUps.ShouldBe([A.CallerLeg, A.CalleeLeg], ignoreOrder: true);
    }

    [Fact]
    public void A_review_finds_a_caller_whose_join_was_lost()
    {
        var call = A.Session().Dialing().After(15).Observes([ParticipantId.Caller], (ParticipantId.Callee, Progress.Ringing, null));
        call.Caller.Progress.ShouldBe(Progress.Joined);
        call.Callee.Progress.ShouldBe(Progress.Ringing);
        call.Session.Conference.ShouldBe(A.Room1);
        call.Session.IsEnded.ShouldBeFalse();
    }
}
