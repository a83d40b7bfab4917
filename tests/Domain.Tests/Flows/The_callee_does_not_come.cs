namespace Calls.Domain.Tests.Flows;

public sealed class The_callee_does_not_come
{
    public static TheoryData<LeaveReason, EndReason> Reasons => new()
    {
        { LeaveReason.Busy, EndReason.CalleeBusy },
        { LeaveReason.Declined, EndReason.CalleeDeclined },
        { LeaveReason.NoAnswer, EndReason.CalleeNoAnswer },
        { LeaveReason.Unreachable, EndReason.CalleeUnreachable },
    };

    [Theory, MemberData(nameof(Reasons))]
    public void The_callers_line_ends_at_once_and_says_why(LeaveReason because, EndReason reason)
    {
        var call = A.Session(A.BobsPhone).Ringing().Ends(ParticipantId.Callee, because);
        call.HangUps.ShouldBe([A.CallerLeg]);
        call.Session.EndReason.ShouldBe(reason);
        call.FinishesHangUps().Session.EndReason.ShouldBe(reason);
        call.Due.ShouldBeNull();
    }

    [Theory, MemberData(nameof(Reasons))]
    public void The_callers_line_ends_even_where_this_is_the_first_that_is_heard_of_the_leg(LeaveReason because, EndReason reason)
    {
        var call = A.Session().Sending().Ends(ParticipantId.Callee, because);
        call.HangUps.ShouldBe([A.CallerLeg]);
        call.Session.EndReason.ShouldBe(reason);
        call.Accepts(ParticipantId.Callee).HangUps.ShouldBe([A.CallerLeg], "the leg that Twilio names now is known to be over");
    }

    [Theory, MemberData(nameof(Reasons))]
    public void The_callers_line_ends_where_the_webhook_was_lost_and_a_review_finds_it(LeaveReason because, EndReason reason)
    {
        var call = A.Session().Ringing();
        call.After(call.Due!.Value - call.Now);
        call.Now.ShouldBe(call.Callee.Since + call.Policy.RingTimeout + call.Policy.RingSlack);
        call.Observes([ParticipantId.Caller], (ParticipantId.Callee, Progress.Gone, because));
        call.HangUps.ShouldBe([A.CallerLeg]);
        call.Session.EndReason.ShouldBe(reason);
    }

    [Fact]
    public void Twilio_refuses_the_dial()
    {
        var call = A.Session().Sending().Settles(ParticipantId.Callee, new DialOutcome.Refused(21211));
        call.Callee.Gone.ShouldBe(LeaveReason.RefusedByTwilio);
        call.Callee.RefusalCode.ShouldBe(21211);
        call.Session.EndReason.ShouldBe(EndReason.CalleeRefusedByTwilio);
        call.Session.EndEvidence.ShouldBe(Evidence.Gateway);
        call.HangUps.ShouldBe([A.CallerLeg]);
    }

    [Fact]
    public void The_dial_cannot_be_sent_in_time()
    {
        var call = A.Session().Joins(ParticipantId.Caller).After(30).Claims(ParticipantId.Callee);
        call.Reply.ShouldBe(CallReply.Nothing);
        call.Callee.Gone.ShouldBe(LeaveReason.NeverDialed);
        call.Session.EndReason.ShouldBe(EndReason.CalleeUnreachable);
        call.Session.EndEvidence.ShouldBe(Evidence.Deadline);
        call.HangUps.ShouldBe([A.CallerLeg]);
    }

    [Fact]
    public void Nobody_can_say_whether_the_dial_was_sent()
    {
        var call = A.Session().Unknown().Joins(ParticipantId.Caller).After(10).Settles(ParticipantId.Callee, new DialOutcome.NotFound());
        call.Session.EndReason.ShouldBe(EndReason.CalleeUnreachable);
        call.HangUps.ShouldBe([A.CallerLeg]);
        call.Says(ParticipantId.Callee, Progress.Ringing).HangUps.ShouldBe([A.CallerLeg, A.CalleeLeg], "should it ring after all, it stops");
    }

    [Fact]
    public void A_callers_patience_is_not_without_end_where_Twilio_answers_no_look_up()
    {
        var call = A.Session().Unknown().Joins(ParticipantId.Caller).After(36).Settles(ParticipantId.Callee, new DialOutcome.LookUpFailed());
        call.Session.IsEnded.ShouldBeFalse();
        call.After(1).Settles(ParticipantId.Callee, new DialOutcome.LookUpFailed());
        call.Session.EndReason.ShouldBe(EndReason.CalleeUnreachable);
        call.HangUps.ShouldBe([A.CallerLeg]);
    }

    [Fact]
    public void A_callee_who_answers_and_never_joins_is_hung_up_with_the_caller()
    {
        var call = A.Session().Answered().After(3);
        call.Due.ShouldBe(call.Now, "Twilio is asked early");
        call.Observes([ParticipantId.Caller], (ParticipantId.Callee, Progress.Answered, null));
        call.HangUps.ShouldBeEmpty("and a leg on its way is left its time");
        call.After(12);
        call.Due.ShouldBe(call.Now);
        call.Observes([ParticipantId.Caller], (ParticipantId.Callee, Progress.Answered, null));
        call.Callee.Gone.ShouldBe(LeaveReason.NeverJoined);
        call.HangUps.ShouldBe([A.CalleeLeg, A.CallerLeg], ignoreOrder: true);
    }
}
