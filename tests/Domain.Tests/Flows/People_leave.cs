namespace Calls.Domain.Tests.Flows;

public sealed class People_leave
{
    public static TheoryData<string> Both => ["caller", "callee"];

    [Theory, MemberData(nameof(Both))]
    public void When_one_of_two_leaves_the_other_is_hung_up(string who)
    {
        var leaver = A.Participant(who);
        var other = leaver == ParticipantId.Caller ? ParticipantId.Callee : ParticipantId.Caller;
        var call = A.Session().Live().After(60).Leaves(leaver);

        call.The(leaver).Gone.ShouldBe(LeaveReason.HungUp);
        call.Session.EndedAt.ShouldBe(call.Now);
        call.Session.EndReason.ShouldBe(EndReason.OnePersonLeft);
        call.Session.EndEvidence.ShouldBe(Evidence.Webhook);
        call.HangUps.ShouldBe([A.LegOf(other)]);
        call.The(other).Leaving.ShouldBe(Leaving.WithTheCall);
    }

    [Theory, MemberData(nameof(Both))]
    public void The_line_that_the_service_ends_has_the_reason_call_ended(string who)
    {
        var leaver = A.Participant(who);
        var other = leaver == ParticipantId.Caller ? ParticipantId.Callee : ParticipantId.Caller;
        var call = A.Session().Live().Leaves(leaver);
        call.The(other).Reason.ShouldBeNull("the line has not ended yet");

        call.Leaves(other);
        call.The(leaver).Reason.ShouldBe(LeaveReason.HungUp);
        call.The(other).Reason.ShouldBe(LeaveReason.CallEnded);
    }

    [Fact]
    public void The_phone_that_the_service_stops_has_the_reason_canceled_whatever_Twilio_calls_its_end()
    {
        A.Session().Ringing().Leaves(ParticipantId.Caller).Ends(ParticipantId.Callee, LeaveReason.HungUp)
            .Callee.Reason.ShouldBe(LeaveReason.Canceled);
        A.Session().Ringing().Leaves(ParticipantId.Caller).Ends(ParticipantId.Callee, LeaveReason.Canceled)
            .Callee.Reason.ShouldBe(LeaveReason.Canceled);
    }

    [Fact]
    public void Two_of_three_go_on_and_the_last_one_is_hung_up()
    {
        var call = A.Session().Live().With(A.Doctor).Leaves(ParticipantId.Caller);
        call.Session.IsEnded.ShouldBeFalse("the caller has no special role once people talk");
        call.Session.Effects.ShouldBeEmpty();

        call.Leaves(ParticipantId.Callee);
        call.Session.IsEnded.ShouldBeTrue();
        call.HangUps.ShouldBe([A.DoctorLeg]);
    }

    [Fact]
    public void Everything_is_settled_when_the_last_leg_is_known_to_be_over()
    {
        var call = A.Session().Live().Leaves(ParticipantId.Callee).FinishesHangUps();
        call.Session.Effects.ShouldBeEmpty();
        call.Session.Participants.ShouldAllBe(p => p.Progress == Progress.Gone);
        call.Due.ShouldBeNull();
        call.Closes().Due.ShouldBeNull("the end of the room is ignored after all have left");
    }

    [Fact]
    public void A_second_leave_for_the_same_leg_changes_nothing()
    {
        var call = A.Session().Live().With(A.Doctor).Leaves(A.Doctor);
        var before = call.Session;
        call.Leaves(A.Doctor).Last.Ignored.ShouldBe(IgnoreReason.LegAlreadyGone);
        call.Ends(A.Doctor, LeaveReason.HungUp).Last.Ignored.ShouldBe(IgnoreReason.LegAlreadyGone);
        call.Session.ShouldBeSameAs(before);
    }

    [Fact]
    public void A_leave_before_the_join_is_final()
    {
        var call = A.Session().Answered().Leaves(ParticipantId.Callee).Joins(ParticipantId.Callee);
        call.Callee.Progress.ShouldBe(Progress.Gone);
        call.Callee.EverJoined.ShouldBeTrue();
        call.HangUps.ShouldBe([A.CallerLeg]);
    }

    [Fact]
    public void A_participant_can_be_removed()
    {
        var call = A.Session().Live().With(A.Doctor).Removes(A.Doctor);
        call.HangUps.ShouldBe([A.DoctorLeg]);
        call.Session.IsEnded.ShouldBeFalse();
        call.HangsUp(A.DoctorLeg).Ends(A.Doctor, LeaveReason.HungUp);
        call.The(A.Doctor).Gone.ShouldBe(LeaveReason.Removed);
        call.Removes(A.Doctor).Last.Ignored.ShouldBe(IgnoreReason.LegAlreadyGone);
    }

    [Fact]
    public void The_session_knows_who_added_who_removed_and_who_ended()
    {
        var (alice, bob, carol) = (A.Identity("alice"), A.Identity("bob"), A.Identity("carol"));
        var call = A.Session().Live().When(new SessionEvent.AddPhoneParticipant(A.Doctor, A.PartyOf(A.Doctor), null, bob))
            .When(new SessionEvent.AddPhoneParticipant(A.Lawyer, A.PartyOf(A.Lawyer), null));
        call.The(A.Doctor).AddedBy.ShouldBe(ParticipantId.Callee);
        call.The(A.Lawyer).AddedBy.ShouldBe(ParticipantId.Operator, "a bearer without an identity is an operator");
        call.Caller.AddedBy.ShouldBeNull();

        call.When(new SessionEvent.RemoveParticipant(A.Doctor, alice)).When(new SessionEvent.RemoveParticipant(A.Doctor, bob));
        call.The(A.Doctor).RemovedBy.ShouldBe(ParticipantId.Caller, "the second removal changes nothing");
        call.When(new SessionEvent.RemoveParticipant(ParticipantId.Callee, bob));
        call.Callee.RemovedBy.ShouldBe(ParticipantId.Callee, "a person who leaves by a request");

        A.Session().Live().When(new SessionEvent.EndCall(alice)).Session.EndedBy.ShouldBe(ParticipantId.Caller);
        A.Session().Live().When(new SessionEvent.EndCall(carol)).Session.EndedBy.ShouldBe(ParticipantId.Operator);
        A.Session().Live().Leaves(ParticipantId.Callee).Session.EndedBy.ShouldBeNull();
    }

    [Fact]
    public void A_guest_can_be_removed_before_the_dial_and_during_it()
    {
        var planned = A.Session().Live().AsksFor(A.Doctor).Removes(A.Doctor);
        planned.The(A.Doctor).Gone.ShouldBe(LeaveReason.Removed);
        planned.Session.Effects.ShouldBeEmpty();

        var sending = A.Session().Live().AsksFor(A.Doctor).Claims(A.Doctor).Removes(A.Doctor);
        sending.The(A.Doctor).Progress.ShouldBe(Progress.Invited);
        sending.Accepts(A.Doctor).HangUps.ShouldBe([A.DoctorLeg]);
    }

    [Fact]
    public void Removing_the_callee_before_the_answer_ends_the_call_by_request()
    {
        var call = A.Session().Ringing().Removes(ParticipantId.Callee);
        call.Session.IsEnded.ShouldBeTrue();
        call.Session.EndReason.ShouldBe(EndReason.EndedByPerson);
        call.HangUps.ShouldBe([A.CalleeLeg, A.CallerLeg], ignoreOrder: true);
    }

    [Fact]
    public void A_participant_ends_the_call_for_all()
    {
        var call = A.Session().Live().WithRinging(A.Doctor).EndsForEveryone();
        call.Session.EndReason.ShouldBe(EndReason.EndedByPerson);
        call.HangUps.ShouldBe([A.CallerLeg, A.CalleeLeg, A.DoctorLeg], ignoreOrder: true);
        call.EndsForEveryone().Last.Ignored.ShouldBe(IgnoreReason.CallIsOver);
        call.FinishesHangUps().Session.EndReason.ShouldBe(EndReason.EndedByPerson);
    }

    [Fact]
    public void The_end_of_the_room_does_not_end_its_legs_but_a_review_follows_soon()
    {
        var call = A.Session().Live().After(30).Closes();
        call.Session.IsEnded.ShouldBeFalse();
        call.Session.Conference.ShouldBeNull();
        call.Due.ShouldBe(call.Now.AddSeconds(2));
    }

    [Fact]
    public void Once_all_have_left_the_end_of_the_room_changes_nothing()
    {
        var call = A.Session().Live().Leaves(ParticipantId.Caller);
        call.Session.Conference.ShouldBe(A.Room1, "the callee is still there");
        call.Leaves(ParticipantId.Callee).Session.Conference.ShouldBeNull();
        call.Closes().Last.Changed.ShouldBeFalse();
        call.Session.ClosedConferences.ShouldBeEmpty();
        call.Due.ShouldBeNull();
    }

    [Fact]
    public void A_late_join_does_not_reopen_a_closed_room()
    {
        var call = A.Session().Answered().Closes().Joins(ParticipantId.Callee);
        call.Session.Conference.ShouldBeNull();
        call.Callee.Progress.ShouldBe(Progress.Answered);
        call.Callee.EverJoined.ShouldBeTrue();
    }

    [Fact]
    public void A_lost_leave_is_found_by_the_review()
    {
        var call = A.Session().Live().After(60);
        call.Due.ShouldBe(call.Now);
        call.Observes([ParticipantId.Caller], (ParticipantId.Callee, Progress.Gone, LeaveReason.HungUp));
        call.Session.EndReason.ShouldBe(EndReason.OnePersonLeft);
        call.Session.EndEvidence.ShouldBe(Evidence.Review);
        call.HangUps.ShouldBe([A.CallerLeg]);
    }

    [Fact]
    public void A_hang_up_without_effect_is_repeated_by_the_review()
    {
        var call = A.Session().Live().Leaves(ParticipantId.Caller).HangsUp(A.CalleeLeg);
        call.Session.Effects.ShouldBeEmpty();
        call.Due.ShouldBe(call.Now + call.Policy.Recheck);
        call.After(5).Observes([ParticipantId.Callee]).HangUps.ShouldBe([A.CalleeLeg]);
    }

    [Fact]
    public void A_hang_up_that_fails_is_repeated_with_growing_waits()
    {
        var call = A.Session().Live().Leaves(ParticipantId.Caller);
        List<double> waits = [];
        for (var i = 0; i < 7; i++)
        {
            call.HangsUp(A.CalleeLeg, EffectOutcome.TryLater);
            waits.Add((call.Session.Effects.Single().NotBefore - call.Now).TotalSeconds);
        }

        waits.ShouldBe([0.5, 1, 2, 4, 8, 15, 15]);
        call.HangsUp(A.CalleeLeg, EffectOutcome.AlreadyOver).Callee.Gone.ShouldBe(LeaveReason.HungUp);
        call.Due.ShouldBeNull();
    }
}
