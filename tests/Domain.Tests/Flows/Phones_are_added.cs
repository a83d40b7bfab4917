namespace Calls.Domain.Tests.Flows;

public sealed class Phones_are_added
{
    [Fact]
    public void A_phone_is_added_to_two_people_who_talk()
    {
        var call = A.Session().Live().AsksFor(A.Doctor, "doctor");
        call.Reply.ShouldBe(new CallReply.Added(call.The(A.Doctor)));
        call.The(A.Doctor).Label.ShouldBe("doctor");

        call.Claims(A.Doctor).Reply.ShouldBeOfType<CallReply.DialGranted>().Session.Conference.ShouldBe(A.Room1);
        call.Accepts(A.Doctor).Says(A.Doctor, Progress.Ringing).Says(A.Doctor, Progress.Answered).Joins(A.Doctor);

        call.Session.Participants.Length.ShouldBe(3);
        call.Session.Participants.ShouldAllBe(p => p.Progress == Progress.Joined);
        call.Session.Effects.ShouldBeEmpty();
    }

    [Fact]
    public void A_guest_waits_until_the_room_is_open_and_is_dialled_then()
    {
        var call = A.Session().Dialing().AsksFor(A.Doctor).Claims(A.Doctor);
        call.Last.Ignored.ShouldBe(IgnoreReason.RoomNotOpen);
        call.DialOf(A.Doctor)!.State.ShouldBe(DialState.Planned);
        Deadlines.DueEffects(call.Session, call.Policy, call.Now.AddSeconds(59)).ShouldBeEmpty("the dial waits for the room");
        Deadlines.DueEffects(call.Session, call.Policy, call.Now.AddSeconds(60)).ShouldBe([call.DialOf(A.Doctor)]);

        call.Joins(ParticipantId.Caller).Claims(A.Doctor).Reply.ShouldBeOfType<CallReply.DialGranted>();
    }

    [Fact]
    public void A_guest_whose_room_never_opens_is_dropped_after_the_queue_timeout()
    {
        var call = A.Session().Ringing().Closes().AsksFor(A.Doctor).After(60).Claims(A.Doctor);
        call.The(A.Doctor).Gone.ShouldBe(LeaveReason.NeverDialed);
        call.Session.IsEnded.ShouldBeFalse("the callee still rings");
    }

    /// <summary>The caller adds a phone and hangs up at the moment at which the callee answers. Twilio opens another conference for the
    /// callee, and the phone would ring for the one that is over.</summary>
    [Fact]
    public void A_phone_that_rings_for_a_conference_that_is_over_stops_and_the_callee_does_not_wait_for_it()
    {
        var call = A.Session().Ringing().Joins(ParticipantId.Caller).WithRinging(A.Doctor).Says(ParticipantId.Callee, Progress.Answered)
            .Leaves(ParticipantId.Caller);
        call.Session.IsEnded.ShouldBeFalse("the phone rings for the callee");
        call.Closes().HangUps.ShouldBe([A.DoctorLeg, A.CalleeLeg], ignoreOrder: true);
        call.Session.IsEnded.ShouldBeTrue("the callee is alone");
    }

    [Fact]
    public void A_phone_whose_dial_is_under_way_when_its_conference_ends_is_hung_up()
    {
        var call = A.Session().Ringing().Joins(ParticipantId.Caller).AsksFor(A.Doctor).Claims(A.Doctor).Closes();
        call.HangUps.ShouldBeEmpty("the leg is not known yet");
        call.Accepts(A.Doctor).HangUps.ShouldBe([A.DoctorLeg]);
    }

    [Fact]
    public void A_phone_that_is_not_dialled_yet_waits_for_the_next_conference()
    {
        var call = A.Session().Ringing().Joins(ParticipantId.Caller).AsksFor(A.Doctor).Closes();
        call.DialOf(A.Doctor)!.State.ShouldBe(DialState.Planned);
        call.Joins(ParticipantId.Callee, A.Room2).Claims(A.Doctor).Reply.ShouldBeOfType<CallReply.DialGranted>()
            .Session.Conference.ShouldBe(A.Room2);
    }

    [Fact]
    public void The_late_end_of_an_earlier_conference_does_not_stop_a_phone()
    {
        var call = A.Session().Ringing().Joins(ParticipantId.Caller, A.Room2).WithRinging(A.Doctor).Closes(A.Room1);
        call.HangUps.ShouldBeEmpty();
        call.The(A.Doctor).IsOnTheWay.ShouldBeTrue();
    }

    [Fact]
    public void A_guest_that_Twilio_postpones_beyond_the_queue_timeout_is_due_at_the_queue_timeout()
    {
        var call = A.Session().Live().AsksFor(A.Doctor).Claims(A.Doctor)
            .Settles(A.Doctor, new DialOutcome.NotSent(TimeSpan.FromMinutes(50)));
        call.Due.ShouldBe(call.The(A.Doctor).Since + call.Policy.QueueTimeout);
    }

    [Fact]
    public void The_same_request_again_is_the_same_guest()
    {
        var call = A.Session().Live().AsksFor(A.Doctor);
        var first = call.Session;
        call.AsksFor(A.Doctor).Reply.ShouldBe(new CallReply.Added(call.The(A.Doctor)));
        call.Session.ShouldBeSameAs(first);
    }

    [Fact]
    public void A_phone_that_is_on_the_call_or_rings_is_not_rung_again()
    {
        var call = A.Session().Live().WithRinging(A.Doctor);
        call.When(new SessionEvent.AddPhoneParticipant(A.Lawyer, A.PartyOf(A.Doctor), null))
            .Last.Refused.ShouldBe(RefusalReason.AlreadyOnTheCall);
        call.Ends(A.Doctor, LeaveReason.NoAnswer);
        call.When(new SessionEvent.AddPhoneParticipant(A.Lawyer, A.PartyOf(A.Doctor), null))
            .Reply.ShouldBeOfType<CallReply.Added>("the phone no longer rings, so it may be added again");
    }

    [Fact]
    public void The_number_of_participants_who_are_on_the_call_or_rung_is_limited()
    {
        var call = A.Session(policy: new CallPolicy { MaxParticipants = 3 }).Live().AsksFor(A.Doctor);
        call.AsksFor(A.Lawyer).Last.Refused.ShouldBe(RefusalReason.CallIsFull);
        call.Claims(A.Doctor).Settles(A.Doctor, new DialOutcome.Refused(21211));
        call.AsksFor(A.Lawyer).Reply.ShouldBeOfType<CallReply.Added>();
    }

    [Fact]
    public void A_call_has_at_most_250_participants()
    {
        var call = A.Session(policy: new CallPolicy { MaxGuests = 300 }).Live();
        for (var i = 0; i < 248; i++)
        {
            var (id, leg) = (A.Participant($"guest-{i}"), A.Leg(1000 + i));
            call.When(new SessionEvent.AddPhoneParticipant(id, new Party.Phone(A.Phone($"+1555{i:0000000}")), null)).Claims(id)
                .Settles(id, new DialOutcome.Accepted(leg));
            call.When(new SessionEvent.ParticipantJoined(A.Room1, call.Session.Room, leg, id, null));
        }

        call.Session.Participants.Count(p => p.Progress == Progress.Joined).ShouldBe(250);
        call.AsksFor(A.Doctor).Last.Refused.ShouldBe(RefusalReason.CallIsFull);
    }

    [Fact]
    public void A_session_adds_only_so_many_phones_in_all_even_if_none_answers()
    {
        var call = A.Session(policy: new CallPolicy { MaxGuests = 1 }).Live().AsksFor(A.Doctor).Claims(A.Doctor)
            .Settles(A.Doctor, new DialOutcome.Refused(21211));
        call.AsksFor(A.Lawyer).Last.Refused.ShouldBe(RefusalReason.TooManyGuests);
    }

    [Fact]
    public void Nobody_is_added_to_a_call_that_is_over_or_was_never_there()
    {
        A.Session().Live().Leaves(ParticipantId.Caller).AsksFor(A.Doctor).Last.Refused.ShouldBe(RefusalReason.CallIsOver);
        A.NoSession().AsksFor(A.Doctor).Last.Refused.ShouldBe(RefusalReason.NoSuchSession);
    }

    [Fact]
    public void A_guest_who_does_not_answer_leaves_the_others_talking()
    {
        var call = A.Session().Live().WithRinging(A.Doctor).Leaves(A.Doctor, LeaveReason.NoAnswer).Ends(A.Doctor, LeaveReason.NoAnswer);
        call.The(A.Doctor).Gone.ShouldBe(LeaveReason.NoAnswer);
        call.Session.IsEnded.ShouldBeFalse();
        call.Session.Effects.ShouldBeEmpty();
    }

    [Fact]
    public void A_participant_who_waits_alone_for_a_guest_is_hung_up_if_the_guest_does_not_answer()
    {
        var call = A.Session().Live().WithRinging(A.Doctor).Leaves(ParticipantId.Callee);
        call.Session.IsEnded.ShouldBeFalse();
        call.HangUps.ShouldBeEmpty();

        call.Ends(A.Doctor, LeaveReason.Busy);
        call.Session.IsEnded.ShouldBeTrue();
        call.Session.EndReason.ShouldBe(EndReason.OnePersonLeft);
        call.HangUps.ShouldBe([A.CallerLeg]);
    }

    [Fact]
    public void A_guest_can_take_the_place_of_a_callee_who_is_busy()
    {
        var call = A.Session().Ringing().AsksFor(A.Doctor).Claims(A.Doctor).Accepts(A.Doctor)
            .Ends(ParticipantId.Callee, LeaveReason.Declined);
        call.Session.IsEnded.ShouldBeFalse();
        call.Says(A.Doctor, Progress.Answered).Joins(A.Doctor).Leaves(A.Doctor);
        call.Session.EndReason.ShouldBe(EndReason.OnePersonLeft);
        call.HangUps.ShouldBe([A.CallerLeg]);
    }

    [Fact]
    public void A_guest_who_takes_a_busy_callees_place_and_does_not_answer_ends_the_call_as_the_callee_did()
    {
        var call = A.Session().Ringing().AsksFor(A.Doctor).Claims(A.Doctor).Accepts(A.Doctor)
            .Ends(ParticipantId.Callee, LeaveReason.Declined).Ends(A.Doctor, LeaveReason.NoAnswer);
        call.Session.EndReason.ShouldBe(EndReason.CalleeDeclined);
        call.HangUps.ShouldBe([A.CallerLeg]);
    }
}
