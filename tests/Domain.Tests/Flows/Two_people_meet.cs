namespace Calls.Domain.Tests.Flows;

public sealed class Two_people_meet
{
    [Fact]
    public void The_caller_is_sent_into_the_room_at_once_and_the_dial_of_the_callee_is_planned()
    {
        var call = A.Session();

        call.Reply.ShouldBe(new CallReply.JoinRoom(call.Caller));
        call.Caller.Progress.ShouldBe(Progress.Answered);
        call.Callee.Progress.ShouldBe(Progress.Invited);
        call.DialOf(ParticipantId.Callee)!.State.ShouldBe(DialState.Planned);
        call.Session.Effects.Length.ShouldBe(1);
    }

    public static TheoryData<bool> ClientOrPhone => [false, true];

    [Theory, MemberData(nameof(ClientOrPhone))]
    public void A_client_or_a_phone_is_rung_answers_and_both_are_in_the_room(bool phone)
    {
        var call = A.Session(phone ? A.BobsPhone : A.Bob).Claims(ParticipantId.Callee);
        var granted = call.Reply.ShouldBeOfType<CallReply.DialGranted>();
        granted.Participant.Party.ShouldBe(phone ? A.BobsPhone : A.Bob);
        granted.Attempt.ShouldBe(1);

        call.Accepts(ParticipantId.Callee).Joins(ParticipantId.Caller).Says(ParticipantId.Callee, Progress.Dialing)
            .Says(ParticipantId.Callee, Progress.Ringing);
        call.Callee.Progress.ShouldBe(Progress.Ringing);
        call.Session.AnsweredAt.ShouldBeNull();

        call.PicksUp(ParticipantId.Callee).Reply.ShouldBe(new CallReply.JoinRoom(call.Callee));
        call.Joins(ParticipantId.Callee).Opens();

        call.Session.Participants.ShouldAllBe(p => p.Progress == Progress.Joined);
        call.Session.AnsweredAt.ShouldBe(call.Now);
        call.Session.Conference.ShouldBe(A.Room1);
        call.Session.Effects.ShouldBeEmpty();
        call.Session.IsEnded.ShouldBeFalse();
    }

    [Fact]
    public void A_repeated_answer_gets_the_same_room()
    {
        var call = A.Session().Answered();
        var first = call.Reply;
        call.PicksUp(ParticipantId.Callee).Reply.ShouldBe(first);
        call.Last.Changed.ShouldBeFalse();
    }

    [Fact]
    public void The_callees_status_may_come_before_Twilio_has_acknowledged_the_dial()
    {
        var call = A.Session().Sending().Says(ParticipantId.Callee, Progress.Ringing);
        call.Callee.Leg.ShouldBe(A.CalleeLeg);
        call.Session.Effects.ShouldBeEmpty();

        call.Accepts(ParticipantId.Callee);
        call.Callee.Progress.ShouldBe(Progress.Ringing);
        call.Last.Ignored.ShouldBe(IgnoreReason.NothingNew);
    }

    [Fact]
    public void Only_a_dial_that_was_not_sent_is_sent_again()
    {
        var call = A.Session().Sending();
        call.Claims(ParticipantId.Callee).Last.Ignored.ShouldBe(IgnoreReason.NotPending);
        call.Settles(ParticipantId.Callee, new DialOutcome.NotSent(TimeSpan.FromSeconds(3)));
        call.DialOf(ParticipantId.Callee)!.NotBefore.ShouldBe(call.Now.AddSeconds(3));
        call.Claims(ParticipantId.Callee).Reply.ShouldBeOfType<CallReply.DialGranted>().Attempt.ShouldBe(2);
    }

    [Fact]
    public void A_late_outcome_of_the_first_attempt_does_not_release_the_second()
    {
        var call = A.Session().Sending().Settles(ParticipantId.Callee, new DialOutcome.NotSent(null)).Sending();

        call.Settles(ParticipantId.Callee, new DialOutcome.NotSent(null), attempt: 1).Last.Ignored.ShouldBe(IgnoreReason.NotPending);

        call.DialOf(ParticipantId.Callee)!.State.ShouldBe(DialState.Sending);
        call.Claims(ParticipantId.Callee).Reply.ShouldBe(CallReply.Nothing);
    }

    [Fact]
    public void A_look_up_that_ends_after_the_dial_was_planned_again_does_not_make_it_unknown()
    {
        var call = A.Session().Sending().Settles(ParticipantId.Callee, new DialOutcome.NotSent(null))
            .Settles(ParticipantId.Callee, new DialOutcome.NotFound(), attempt: 1);
        call.DialOf(ParticipantId.Callee)!.State.ShouldBe(DialState.Planned);
    }

    [Fact]
    public void A_dial_with_an_unknown_outcome_is_looked_up_and_adopted()
    {
        var call = A.Session().Unknown();
        call.Claims(ParticipantId.Callee).Reply.ShouldBe(CallReply.Nothing);
        call.After(1).Settles(ParticipantId.Callee, new DialOutcome.NotFound());
        call.DialOf(ParticipantId.Callee)!.State.ShouldBe(DialState.Unknown);
        call.After(1).Settles(ParticipantId.Callee, new DialOutcome.Accepted(A.CalleeLeg));
        call.Callee.Progress.ShouldBe(Progress.Dialing);
        call.Session.Effects.ShouldBeEmpty();
    }

    [Fact]
    public void Look_ups_that_Twilio_does_not_answer_are_spaced_out()
    {
        var call = A.Session().Unknown();
        List<double> waits = [];
        for (var i = 0; i < 5; i++)
        {
            call.Settles(ParticipantId.Callee, new DialOutcome.LookUpFailed());
            var wait = call.DialOf(ParticipantId.Callee)!.NotBefore - call.Now;
            waits.Add(wait.TotalSeconds);
            call.After(wait);
        }

        waits.ShouldBe([1, 1, 1, 1.5, 2.25]);
        call.DialOf(ParticipantId.Callee)!.Attempt.ShouldBe(1);
    }

    [Fact]
    public void A_client_cannot_call_itself()
    {
        var call = A.NoSession().Starts(callee: new Party.Client(A.Identity("alice")));
        call.Last.Refused.ShouldBe(RefusalReason.CallingOneself);
        call.Stored.ShouldBeNull();
    }
}
