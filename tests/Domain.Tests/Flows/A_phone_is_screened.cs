namespace Calls.Domain.Tests.Flows;

/// <summary>Machines are not company: a screened phone is on the way until it is accepted (docs/adr/0021).</summary>
public sealed class A_phone_is_screened
{
    private static ParticipantId Callee => ParticipantId.Callee;

    [Fact]
    public void Callees_and_added_phones_are_screened_as_the_policy_says_and_app_users_never()
    {
        var policy = new CallPolicy { ScreenPhones = Screening.PressOne };
        A.Session(A.BobsPhone, policy).Callee.Screen.ShouldBe(Screening.PressOne);
        A.Session(A.Bob, policy).Callee.Screen.ShouldBe(Screening.None);
        var call = A.Session(A.Bob, policy).Live();
        call.AsksFor(A.Doctor).The(A.Doctor).Screen.ShouldBe(Screening.PressOne);
        call.AsksFor(A.Lawyer, screen: Screening.None).The(A.Lawyer).Screen.ShouldBe(Screening.None, "the request wins");
        A.Session(A.BobsPhone).Callee.Screen.ShouldBe(Screening.None, "the default");
    }

    [Fact]
    public void A_machine_that_answers_for_the_callee_is_not_company_and_the_call_ends()
    {
        var call = A.ScreenedCall().Says(Callee, Progress.Answered);
        call.Session.IsEnded.ShouldBeFalse("Twilio does not know yet who has answered");
        call.Answers(Callee, AnsweredBy.Machine).Reply.ShouldBeOfType<CallReply.LeaveMessage>();
        call.Callee.Gone.ShouldBe(LeaveReason.Voicemail);
        call.Session.EndReason.ShouldBe(EndReason.CalleeVoicemail);
        call.HangUps.ShouldBe([A.CallerLeg]);
        call.Session.AnsweredAt.ShouldBeNull();
        call.Answers(Callee, AnsweredBy.Machine).Reply.ShouldBeOfType<CallReply.LeaveMessage>("Twilio asks again: the same answer");
    }

    [Fact]
    public void The_caller_who_waits_for_a_machine_alone_is_not_kept_on_the_line_if_the_answer_is_lost()
    {
        var call = A.ScreenedCall().Says(Callee, Progress.Answered).Ends(Callee, LeaveReason.Voicemail);
        call.Session.EndReason.ShouldBe(EndReason.CalleeVoicemail);
    }

    [Fact]
    public void A_person_whom_Twilio_recognises_enters_at_once()
    {
        var call = A.ScreenedCall().Says(Callee, Progress.Answered);
        call.Callee.IsOnTheWay.ShouldBeTrue();
        call.Callee.IsOnTheLine.ShouldBeFalse();
        call.Answers(Callee, AnsweredBy.Human).Reply.ShouldBeOfType<CallReply.JoinRoom>();
        call.Callee.IsOnTheLine.ShouldBeTrue();
        call.Session.AnsweredAt.ShouldBe(call.Now);
        call.Answers(Callee, AnsweredBy.Human).Reply.ShouldBeOfType<CallReply.JoinRoom>("Twilio asks again: the same answer");
    }

    [Fact]
    public void An_unknown_answer_is_asked_to_press_1_and_the_question_is_repeated_once()
    {
        var call = A.ScreenedCall().Answers(Callee, AnsweredBy.Unknown);
        call.Reply.ShouldBeOfType<CallReply.Ask>().Question.ShouldBe(1);
        call.Presses(Callee, 1, one: false).Reply.ShouldBeOfType<CallReply.Ask>().Question.ShouldBe(2);
        call.Callee.IsOnTheWay.ShouldBeTrue();
        call.Session.AnsweredAt.ShouldBeNull();
        call.Presses(Callee, 2).Reply.ShouldBeOfType<CallReply.JoinRoom>();
        call.Callee.IsOnTheLine.ShouldBeTrue();
        call.Presses(Callee, 1, one: false).Reply.ShouldBeOfType<CallReply.JoinRoom>("a late repetition changes nothing");
    }

    [Fact]
    public void A_person_who_does_not_press_1_is_not_accepted()
    {
        var call = A.ScreenedCall(Screening.PressOne).Answers(Callee, AnsweredBy.Unknown).Presses(Callee, 1, one: false);
        call.Presses(Callee, 2, one: false).Reply.ShouldBeOfType<CallReply.HangUp>();
        call.Callee.Reason.ShouldBe(LeaveReason.NotAccepted);
        call.Session.EndReason.ShouldBe(EndReason.CalleeNotAccepted);
    }

    [Fact]
    public void A_person_who_hangs_up_during_the_question_is_not_accepted()
    {
        var call = A.ScreenedCall(Screening.PressOne).Answers(Callee, AnsweredBy.Unknown).Ends(Callee, LeaveReason.HungUp);
        call.Callee.Reason.ShouldBe(LeaveReason.NotAccepted);
        call.Session.EndReason.ShouldBe(EndReason.CalleeNotAccepted);
    }

    [Fact]
    public void A_person_enters_a_press_1_call_only_by_the_key_also_if_Twilio_recognises_the_person() =>
        A.ScreenedCall(Screening.PressOne).Answers(Callee, AnsweredBy.Human).Reply.ShouldBeOfType<CallReply.Ask>();

    [Fact]
    public void The_caller_who_hangs_up_during_the_question_stops_the_phone()
    {
        var call = A.ScreenedCall().Answers(Callee, AnsweredBy.Unknown).Leaves(ParticipantId.Caller);
        call.Session.EndReason.ShouldBe(EndReason.CallerHungUpBeforeAnswer);
        call.HangUps.ShouldBe([A.CalleeLeg]);
        call.Presses(Callee, 1).Reply.ShouldBeOfType<CallReply.HangUp>("no person answers into an empty call");
        call.FinishesHangUps().Callee.Gone.ShouldNotBeNull();
    }

    [Fact]
    public void The_end_of_the_screening_time_is_found_by_a_review()
    {
        var call = A.ScreenedCall().Answers(Callee, AnsweredBy.Unknown);
        call.Observes([ParticipantId.Caller], (Callee, Progress.Answered, null)).Session.IsEnded.ShouldBeFalse();
        call.After(call.Policy.ScreeningTime).Observes([ParticipantId.Caller], (Callee, Progress.Answered, null));
        call.Callee.Gone.ShouldBe(LeaveReason.NotAccepted);
        call.HangUps.ShouldBe([A.CalleeLeg, A.CallerLeg], ignoreOrder: true);
    }

    [Fact]
    public void An_accepted_person_has_the_whole_time_to_enter_the_room()
    {
        var call = A.ScreenedCall().Answers(Callee, AnsweredBy.Unknown).After(40).Presses(Callee, 1);
        call.Observes([ParticipantId.Caller], (Callee, Progress.Answered, null)).Session.IsEnded.ShouldBeFalse();
        call.After(call.Policy.JoinGrace + call.Policy.ReadLag).Observes([ParticipantId.Caller], (Callee, Progress.Answered, null));
        call.Callee.Gone.ShouldBe(LeaveReason.NeverJoined);
    }

    [Fact]
    public void A_screened_guest_is_called_with_an_answer_URL_and_does_not_wait_for_the_room()
    {
        var call = A.Session().Dialing().AsksFor(A.Doctor, screen: Screening.Machine);
        call.The(A.Doctor).HasAnswerUrl.ShouldBeTrue();
        call.Claims(A.Doctor).Reply.ShouldBeOfType<CallReply.DialGranted>();
    }

    [Fact]
    public void A_caller_whose_callee_has_left_waits_for_a_guest_who_is_asked_and_not_for_a_machine()
    {
        var call = A.Session().Live().WithRinging(A.Doctor, Screening.Machine).Leaves(Callee);
        call.Answers(A.Doctor, AnsweredBy.Unknown).Session.IsEnded.ShouldBeFalse();
        call.Answers(A.Doctor, AnsweredBy.Machine);
        call.The(A.Doctor).Gone.ShouldBe(LeaveReason.Voicemail);
        call.Session.EndReason.ShouldBe(EndReason.OnePersonLeft);
        call.HangUps.ShouldBe([A.CallerLeg]);
    }

    [Fact]
    public void Another_leg_is_neither_asked_nor_let_in()
    {
        var call = A.ScreenedCall();
        call.When(new SessionEvent.JoinCall(Callee, A.StrangerLeg, A.Nonce) { Key = new(1, true) })
            .Reply.ShouldBeOfType<CallReply.HangUp>();
        call.When(new SessionEvent.JoinCall(Callee, A.CalleeLeg, "nonceofanother11") { Key = new(1, true) })
            .Reply.ShouldBeOfType<CallReply.HangUp>();
        call.Callee.Accepted.ShouldBeFalse();
    }
}
