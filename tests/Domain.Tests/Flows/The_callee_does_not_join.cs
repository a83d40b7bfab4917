namespace Calls.Domain.Tests.Flows;

public sealed class The_callee_does_not_join
{
    public static TheoryData<LeaveReason, EndReason> Reasons => new()
    {
        { LeaveReason.Busy, EndReason.CalleeBusy },
        { LeaveReason.Declined, EndReason.CalleeDeclined },
        { LeaveReason.NoAnswer, EndReason.CalleeNoAnswer },
        { LeaveReason.Unreachable, EndReason.CalleeUnreachable },
    };

    [Theory, MemberData(nameof(Reasons))]
    public void The_caller_is_hung_up_at_once_and_the_end_reason_says_why(LeaveReason because, EndReason reason)
    {
        var call = A.Session(A.BobsPhone).Ringing().Ends(ParticipantId.Callee, because);
        call.HangUps.ShouldBe([A.CallerLeg]);
        call.Session.EndReason.ShouldBe(reason);
        call.FinishesHangUps().Session.EndReason.ShouldBe(reason);
        call.Due.ShouldBeNull();
    }

    [Theory, MemberData(nameof(Reasons))]
    public void The_caller_is_hung_up_even_if_this_is_the_first_event_of_the_leg(LeaveReason because, EndReason reason)
    {
        var call = A.Session().Sending().Ends(ParticipantId.Callee, because);
        call.HangUps.ShouldBe([A.CallerLeg]);
        call.Session.EndReason.ShouldBe(reason);
        call.Accepts(ParticipantId.Callee).HangUps.ShouldBe([A.CallerLeg], "the leg that Twilio names now is known to have ended");
    }

    [Theory, MemberData(nameof(Reasons))]
    public void The_caller_is_hung_up_if_the_webhook_was_lost_and_a_review_finds_the_end(LeaveReason because, EndReason reason)
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
        var call = A.Session().Joins(ParticipantId.Caller).After(60).Claims(ParticipantId.Callee);
        call.Reply.ShouldBe(CallReply.Nothing);
        call.Callee.Gone.ShouldBe(LeaveReason.NeverDialed);
        call.Session.EndReason.ShouldBe(EndReason.CalleeUnreachable);
        call.Session.EndEvidence.ShouldBe(Evidence.Deadline);
        call.HangUps.ShouldBe([A.CallerLeg]);
    }

    [Fact]
    public void The_dial_is_not_found_in_time()
    {
        var call = A.Session().Unknown().Joins(ParticipantId.Caller).After(15).Settles(ParticipantId.Callee, new DialOutcome.NotFound());
        call.Session.EndReason.ShouldBe(EndReason.CalleeUnreachable);
        call.HangUps.ShouldBe([A.CallerLeg]);
        call.Says(ParticipantId.Callee, Progress.Ringing)
            .HangUps.ShouldBe([A.CallerLeg, A.CalleeLeg], "if it rings after all, it is hung up");
    }

    [Fact]
    public void The_caller_does_not_wait_without_end_if_all_look_ups_fail()
    {
        var call = A.Session().Unknown().Joins(ParticipantId.Caller).After(96)
            .Settles(ParticipantId.Callee, new DialOutcome.LookUpFailed());
        call.Session.IsEnded.ShouldBeFalse();
        call.After(1).Settles(ParticipantId.Callee, new DialOutcome.LookUpFailed());
        call.Session.EndReason.ShouldBe(EndReason.CalleeUnreachable);
        call.HangUps.ShouldBe([A.CallerLeg]);
    }

    [Fact]
    public void A_callee_who_answers_and_never_joins_is_hung_up_with_the_caller()
    {
        var call = A.Session().Answered().After(3);
        call.Due.ShouldBe(call.Now, "a review is due early");
        call.Observes([ParticipantId.Caller], (ParticipantId.Callee, Progress.Answered, null));
        call.HangUps.ShouldBeEmpty("a leg that is entering the room has more time");
        foreach (var (seconds, why) in new[]
        {
            (5, "a second look, because the answer to the first can be older than the truth"),
            (7, "the list of the room can be older than the truth"),
        })
        {
            call.After(seconds);
            call.Due.ShouldBe(call.Now, why);
            call.Observes([ParticipantId.Caller], (ParticipantId.Callee, Progress.Answered, null));
            call.HangUps.ShouldBeEmpty(why);
        }
        call.After(5).Observes([ParticipantId.Caller], (ParticipantId.Callee, Progress.Answered, null));
        call.Callee.Gone.ShouldBe(LeaveReason.NeverJoined);
        call.HangUps.ShouldBe([A.CalleeLeg, A.CallerLeg], ignoreOrder: true);
    }
}
