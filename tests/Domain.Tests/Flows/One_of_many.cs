namespace Calls.Domain.Tests.Flows;

/// <summary>Several phones ring for one participant, and exactly one of them gets the call (G7, docs/adr/0029).</summary>
public sealed class One_of_many
{
    private static readonly Party Carol = new Party.Client(A.Identity("carol"));
    private static readonly ParticipantId Third = A.One.Candidate(3);

    [Fact]
    public void All_are_rung_at_once_and_each_by_a_call_with_an_answer_url()
    {
        var call = A.Session().Live().AsksForOne();
        call.Reply.ShouldBeOfType<CallReply.Added>().Participant.Id.Group.ShouldBe(A.One);
        foreach (var id in new[] { A.First, A.Second })
        {
            call.DialOf(id).ShouldNotBeNull();
            call.The(id).HasAnswerUrl.ShouldBeTrue();
            call.The(id).Label.ShouldBe("interpreter");
        }

        call.AsksForOne().Last.Changed.ShouldBeFalse("the same request again");
        call.Last.Ignored.ShouldBe(IgnoreReason.NothingNew);
        call.AsksForOne(of: [Carol]).Session.CandidatesOf(A.One).Count().ShouldBe(2);
        call.AsksFor(A.One).Last.Changed.ShouldBeFalse("the id names the group");
    }

    [Fact]
    public void The_first_answer_gets_the_call_and_the_others_are_hung_up_at_once()
    {
        var call = Ringing().PicksUp(A.Second);
        call.Reply.ShouldBeOfType<CallReply.JoinRoom>().Participant.Id.ShouldBe(A.Second);
        call.HangUps.ShouldBe([A.LegOf(A.First)]);
        call.Session.WinnerOf(A.One)?.Id.ShouldBe(A.Second);
        call.PicksUp(A.Second).Reply.ShouldBeOfType<CallReply.JoinRoom>("Twilio asks again: the same answer");
        call.HangsUp(A.LegOf(A.First)).Ends(A.First, LeaveReason.Canceled);
        call.The(A.First).Reason.ShouldBe(LeaveReason.AnsweredElsewhere);
        call.Joins(A.Second).Session.Participants.Count(p => p.IsOnTheLine).ShouldBe(3);
    }

    [Fact]
    public void An_answer_that_crosses_the_winners_answer_hears_that_the_call_was_answered()
    {
        var call = Ringing().PicksUp(A.First).PicksUp(A.Second);
        call.Reply.ShouldBeOfType<CallReply.AnsweredElsewhere>();
        call.PicksUp(A.Second).Reply.ShouldBeOfType<CallReply.AnsweredElsewhere>();
        call.Ends(A.Second, LeaveReason.HungUp);
        call.The(A.Second).Reason.ShouldBe(LeaveReason.AnsweredElsewhere);
        call.The(A.Second).Answered.ShouldBeFalse("the person was not on the line");
        call.PicksUp(A.Second).Reply.ShouldBeOfType<CallReply.AnsweredElsewhere>("a late webhook");
        call.Session.WinnerOf(A.One)?.Id.ShouldBe(A.First);
    }

    [Fact]
    public void In_every_order_of_the_webhooks_exactly_one_gets_the_call()
    {
        Func<Call, Call>[] webhooks =
        [
            call => call.Says(A.First, Progress.Ringing), call => call.Says(A.First, Progress.Answered), call => call.PicksUp(A.First),
            call => call.Says(A.Second, Progress.Ringing), call => call.Says(A.Second, Progress.Answered), call => call.PicksUp(A.Second),
        ];
        foreach (var order in Permutations.Of(webhooks))
        {
            var call = A.Session().Live().AsksForOne().Claims(A.First).Claims(A.Second);
            HashSet<ParticipantId> admitted = [];
            foreach (var webhook in order.Concat(order))
                if (webhook(call).Reply is CallReply.JoinRoom join)
                    admitted.Add(join.Participant.Id);
            admitted.Count.ShouldBe(1);
            call.Session.WinnerOf(A.One)?.Id.ShouldBe(admitted.Single());
            call.HangUps.ShouldBe([A.LegOf(admitted.Single() == A.First ? A.Second : A.First)]);
            Invariants.BrokenBy(null, call.Session, call.Policy).ShouldBeNull();
        }
    }

    [Fact]
    public void A_report_of_an_answer_alone_does_not_win()
    {
        var call = Ringing().Says(A.First, Progress.Answered);
        call.The(A.First).IsOnTheLine.ShouldBeFalse();
        call.HangUps.ShouldBeEmpty();
        call.PicksUp(A.Second).Reply.ShouldBeOfType<CallReply.JoinRoom>();
        call.HangUps.ShouldBe([A.LegOf(A.First)]);
    }

    [Fact]
    public void A_screened_phone_gets_the_call_when_it_is_accepted()
    {
        var call = Ringing(Screening.PressOne).PicksUp(A.Second);
        call.Reply.ShouldBeOfType<CallReply.Ask>();
        call.HangUps.ShouldBeEmpty("the phone of ines still rings");
        call.Presses(A.Second, 1).Reply.ShouldBeOfType<CallReply.JoinRoom>();
        call.HangUps.ShouldBe([A.LegOf(A.First)]);

        call = Ringing(Screening.PressOne).PicksUp(A.Second).PicksUp(A.First);
        call.Reply.ShouldBeOfType<CallReply.JoinRoom>("an app user is not asked");
        call.Presses(A.Second, 1).Reply.ShouldBeOfType<CallReply.AnsweredElsewhere>();
        Ringing(Screening.Machine).Answers(A.Second, AnsweredBy.Machine).HangUps.ShouldBeEmpty("a machine stops no phone");
    }

    [Fact]
    public void A_person_who_hangs_up_before_the_acceptance_gets_no_call()
    {
        var call = Ringing(Screening.PressOne).PicksUp(A.Second).Ends(A.Second, LeaveReason.HungUp).Presses(A.Second, 1);
        call.Reply.ShouldBeOfType<CallReply.HangUp>();
        call.Session.WinnerOf(A.One).ShouldBeNull();
        call.PicksUp(A.First).Reply.ShouldBeOfType<CallReply.JoinRoom>();
    }

    [Fact]
    public void The_participant_is_on_the_way_as_long_as_one_candidate_is()
    {
        var call = Ringing().Leaves(ParticipantId.Callee);
        call.Ends(A.First, LeaveReason.Declined).Session.IsEnded.ShouldBeFalse();
        call.Session.ReasonOf(A.One).ShouldBeNull();
        call.Ends(A.Second, LeaveReason.NoAnswer).Session.IsEnded.ShouldBeTrue();
        call.Session.ReasonOf(A.One).ShouldBe(LeaveReason.NobodyAccepted);
    }

    [Fact]
    public void All_candidates_stop_when_the_caller_leaves_and_no_other_person_is_on_the_line()
    {
        var call = A.Session().Live().AsksForOne(Strategy.InOrder).Rings(A.First)
            .Leaves(ParticipantId.Callee).Leaves(ParticipantId.Caller);
        call.Session.IsEnded.ShouldBeTrue();
        call.HangUps.ShouldBe([A.LegOf(A.First)]);
        call.The(A.Second).Reason.ShouldBe(LeaveReason.Canceled);
        call.DialOf(A.Second).ShouldBeNull();
        call.PicksUp(A.First).Reply.ShouldBeOfType<CallReply.HangUp>("no other candidate has the call");
        call.FinishesHangUps().Session.ReasonOf(A.One).ShouldBe(LeaveReason.Canceled);
    }

    [Fact]
    public void In_order_the_next_one_is_rung_when_one_has_gone()
    {
        foreach (var reason in new[] { LeaveReason.Declined, LeaveReason.Busy, LeaveReason.NoAnswer, LeaveReason.Unreachable })
        {
            var call = A.Session().Live().AsksForOne(Strategy.InOrder);
            call.DialOf(A.First).ShouldNotBeNull();
            call.DialOf(A.Second).ShouldBeNull();
            call.Rings(A.First).After(3).Ends(A.First, reason);
            call.DialOf(A.Second).ShouldNotBeNull();
            call.The(A.Second).Since.ShouldBe(call.Now, "the queue time-out counts from now");
        }

        var refused = A.Session().Live().AsksForOne(Strategy.InOrder).Claims(A.First).Settles(A.First, new DialOutcome.Refused(21211));
        refused.DialOf(A.Second).ShouldNotBeNull();
        A.Session().Live().AsksForOne(Strategy.InOrder).Rings(A.First).Removes(A.First).DialOf(A.Second).ShouldNotBeNull();
    }

    [Fact]
    public void In_order_the_next_one_is_rung_when_the_ring_time_has_passed_and_both_can_answer()
    {
        var call = A.Session().Live().AsksForOne(Strategy.InOrder, ringTime: TimeSpan.FromSeconds(10)).Rings(A.First);
        call.Due.ShouldBe(call.Now.AddSeconds(10));
        call.After(9).When(new SessionEvent.RingTimePassed()).DialOf(A.Second).ShouldBeNull();
        Deadlines.RingTimeHasPassed(call.Session, call.Policy, call.Now).ShouldBeFalse();
        call.After(1);
        Deadlines.RingTimeHasPassed(call.Session, call.Policy, call.Now).ShouldBeTrue();
        call.When(new SessionEvent.RingTimePassed()).DialOf(A.Second).ShouldNotBeNull();
        call.HangUps.ShouldBeEmpty("Twilio stops the first phone, and until then its answer counts");
        call.Rings(A.Second).PicksUp(A.First).Reply.ShouldBeOfType<CallReply.JoinRoom>();
        call.PicksUp(A.Second).Reply.ShouldBeOfType<CallReply.AnsweredElsewhere>();
    }

    [Fact]
    public void In_order_no_one_is_rung_after_the_call_was_answered_or_while_a_phone_is_screened()
    {
        A.Session().Live().AsksForOne(Strategy.InOrder).Rings(A.First).PicksUp(A.First)
            .The(A.Second).Reason.ShouldBe(LeaveReason.AnsweredElsewhere);
        var call = A.Session().Live().AsksForOne(Strategy.InOrder, Screening.PressOne, of: [A.Ivan, A.Ines]).Rings(A.First)
            .After(25).PicksUp(A.First).After(10).When(new SessionEvent.RingTimePassed());
        call.DialOf(A.Second).ShouldBeNull();
        call.Presses(A.First, 1, one: false).Presses(A.First, 2, one: false).DialOf(A.Second).ShouldNotBeNull();
    }

    [Fact]
    public void A_candidate_who_is_on_the_call_already_is_skipped()
    {
        var call = A.Session().Live().With(A.Doctor);
        call.AsksForOne(of: [A.Bob, new Party.Phone(A.PhoneOf(A.Doctor)), Carol, Carol]);
        call.Session.CandidatesOf(A.One).Select(c => c.Id).ShouldBe([Third]);
        A.Session().Live().AsksForOne(of: [A.Bob]).Last.Refused.ShouldBe(RefusalReason.AlreadyOnTheCall);
        call.When(new SessionEvent.AddOneOf(A.Participant("guest-two"), [Carol], Strategy.All, null))
            .Last.Refused.ShouldBe(RefusalReason.AlreadyOnTheCall, "she rings for the first request");
    }

    [Fact]
    public void A_candidate_who_comes_to_the_call_in_another_way_is_not_rung()
    {
        var doctor = new Party.Phone(A.PhoneOf(A.Doctor));
        var call = A.Session().Live().AsksForOne(Strategy.InOrder, of: [A.Ines, doctor, A.Ivan]).Rings(A.First);
        // The phone is on the way as a candidate, so a request of its own is refused. An older replica does not refuse it.
        call.AsksFor(A.Doctor).Last.Refused.ShouldBe(RefusalReason.AlreadyOnTheCall);
        var guest = A.Session().Live().With(A.Doctor).The(A.Doctor);
        var with = new Call(call.Policy, call.Session with { Participants = call.Session.Participants.Add(guest) });
        with.Ends(A.First, LeaveReason.Declined);
        with.The(A.Second).Reason.ShouldBe(LeaveReason.Canceled);
        with.DialOf(Third).ShouldNotBeNull();
    }

    [Fact]
    public void Limits_count_candidates()
    {
        A.Session(policy: new CallPolicy { MaxGuests = 1 }).Live().AsksForOne().Last.Refused.ShouldBe(RefusalReason.TooManyGuests);
        A.Session(policy: new CallPolicy { MaxParticipants = 3 }).Live().AsksForOne().Last.Refused.ShouldBe(RefusalReason.CallIsFull);
        A.Session(policy: new CallPolicy { MaxParticipants = 4, MaxGuests = 2 }).Live().AsksForOne().Last.Refused.ShouldBeNull();
        A.Session().Live().EndsForEveryone().AsksForOne().Last.Refused.ShouldBe(RefusalReason.CallIsOver);
    }

    [Fact]
    public void To_remove_the_participant_stops_all_candidates_or_the_one_who_has_the_call()
    {
        var call = Ringing().Removes(A.One);
        call.HangUps.ShouldBe([A.LegOf(A.First), A.LegOf(A.Second)], ignoreOrder: true);
        call.PicksUp(A.First).Reply.ShouldBeOfType<CallReply.HangUp>();
        call.FinishesHangUps().Session.ReasonOf(A.One).ShouldBe(LeaveReason.Removed);
        call.Removes(A.One).Last.Ignored.ShouldBe(IgnoreReason.LegAlreadyGone);

        call = Ringing().PicksUp(A.First).Joins(A.First).FinishesHangUps().Removes(A.One);
        call.HangUps.ShouldBe([A.LegOf(A.First)]);
        call.Removes(A.Participant("guest-two")).Last.Refused.ShouldBe(RefusalReason.NoSuchParticipant);
    }

    [Fact]
    public void A_mute_of_the_participant_waits_for_the_one_who_gets_the_call()
    {
        var call = Ringing().When(new SessionEvent.SetParticipantFlags(A.One, true, null)).PicksUp(A.Second);
        call.Session.WillBeMuted(A.Second).ShouldBeTrue();
        call.FinishesHangUps().Session.Effects.OfType<Effect.SetFlags>().Select(f => f.Participant).ShouldBe([A.Second]);
        call.Joins(A.Second).When(new SessionEvent.SetParticipantFlags(A.One, null, true));
        call.Session.FindEffect<Effect.SetFlags>(f => f.Participant == A.Second)?.Hold.ShouldBe(true);
    }

    [Fact]
    public void A_winner_who_never_enters_the_room_has_left_and_no_other_phone_rings_again()
    {
        var call = Ringing().PicksUp(A.First).FinishesHangUps().After(20).Observes([ParticipantId.Caller, ParticipantId.Callee],
            (A.First, Progress.Answered, null));
        call.The(A.First).Gone.ShouldBe(LeaveReason.NeverJoined);
        call.The(A.First).Answered.ShouldBeTrue();
        call.Session.WinnerOf(A.One)?.Id.ShouldBe(A.First);
        call.Session.Effects.OfType<Effect.Dial>().ShouldBeEmpty();
    }

    [Fact]
    public void An_answer_without_a_request_for_twiml_is_given_up_soon()
    {
        var call = Ringing().Says(A.First, Progress.Answered);
        call.After(15).Observes([ParticipantId.Caller, ParticipantId.Callee],
            (A.First, Progress.Answered, null), (A.Second, Progress.Ringing, null));
        call.The(A.First).Gone.ShouldNotBeNull();
        call.PicksUp(A.Second).Reply.ShouldBeOfType<CallReply.JoinRoom>();
    }

    [Fact]
    public void A_candidate_changes_the_call_from_the_ring_on_and_sees_nothing_of_it_when_another_one_has_it()
    {
        var (ines, carol) = (A.Identity("ines"), A.Identity("carol"));
        var call = A.Session().Live().AsksForOne(Strategy.InOrder, of: [A.Ines, Carol]).Rings(A.First);
        Rights.Of(call.Session, ines).ShouldBe(Right.Change);
        Rights.Of(call.Session, carol).ShouldBe(Right.None, "she is not rung yet");
        call.Ends(A.First, LeaveReason.NoAnswer).Rings(A.Second);
        Rights.Of(call.Session, ines).ShouldBe(Right.OwnPart);
        Rights.Of(call.Session, carol).ShouldBe(Right.Change);

        call = A.Session().Live().AsksForOne(of: [A.Ines, Carol]).Rings(A.First, A.Second).PicksUp(A.Second);
        Rights.Of(call.Session, ines).ShouldBe(Right.OwnPart, "before Twilio has stopped her phone");
        call.Joins(A.Second).With(A.Doctor).FinishesHangUps();
        Rights.Of(call.Session, ines).ShouldBe(Right.OwnPart);
        Rights.Of(call.Leaves(A.Second).Session, carol).ShouldBe(Right.See);
    }

    [Fact]
    public void The_one_who_has_the_call_can_come_back_and_the_others_cannot()
    {
        var call = A.Session().Live().AsksForOne(of: [A.Ines, Carol]).Rings(A.First, A.Second).PicksUp(A.First).Joins(A.First)
            .FinishesHangUps().Leaves(A.First);
        call.ComesBack("carol", A.Leg(71)).Last.Refused.ShouldBe(RefusalReason.SessionInUse);
        call.ComesBack("ines", A.Leg(72)).Reply.ShouldBeOfType<CallReply.JoinRoom>();
        call.Session.WinnerOf(A.One)?.Leg.ShouldBe(A.Leg(72));
    }

    [Fact]
    public void A_hold_by_the_one_who_has_the_call_ends_when_that_person_leaves()
    {
        var call = A.Session().Live().AsksForOne().Rings(A.First, A.Second).PicksUp(A.First).Joins(A.First).FinishesHangUps();
        call.When(new SessionEvent.SetParticipantFlags(ParticipantId.Callee, null, true, A.Identity("ines")));
        call.Callee.HeldBy.ShouldBe(A.First);
        call.Flags(ParticipantId.Callee, false, true, 1).Leaves(A.First);
        call.Session.FindEffect<Effect.SetFlags>(f => f.Participant == ParticipantId.Callee)?.Hold.ShouldBe(false);
    }

    [Fact]
    public void If_a_replica_of_an_older_version_has_let_two_in_one_of_them_stays()
    {
        var call = Ringing();
        // The older replica knows no gate: it stores both joins and stops no phone.
        call = new Call(call.Policy, call.Session with
        {
            Participants = [.. call.Session.Participants.Select(p => p.Id.Group is null ? p
                : p with { Progress = Progress.Joined, EverJoined = true, Answered = true })],
        });
        call.Opens(A.Room2);
        call.Session.CandidatesOf(A.One).Count(c => c.IsOnTheLine).ShouldBe(1);
        call.HangUps.Count().ShouldBe(1);
    }

    [Fact]
    public void A_session_that_is_built_again_knows_the_candidates_by_their_ids()
    {
        RebuiltLeg Leg(ParticipantId id, Party party, bool inTheRoom) =>
            new(id, A.LegOf(id), party, Progress.Answered, null) { IsListed = inTheRoom, InTheRoom = inTheRoom };
        var call = A.NoSession().When(new SessionEvent.SessionRebuilt(A.Id(), A.Nonce, A.Noon.AddMinutes(-5), A.Room1,
        [
            Leg(ParticipantId.Caller, new Party.Client(A.Identity("alice")), true),
            Leg(A.First, A.Ines, true), Leg(A.Second, A.Ivan, false),
        ]));
        call.PicksUp(A.Second).Reply.ShouldBeOfType<CallReply.AnsweredElsewhere>();
        call.HangUps.ShouldContain(A.LegOf(A.Second));
        call.The(A.First).IsOnTheLine.ShouldBeTrue();
    }

    [Theory]
    [InlineData("guest-one_1", "guest-one")]
    [InlineData("guest-one_20", "guest-one")]
    [InlineData("callee_3", "callee")]
    [InlineData("guest-one_21", null)]
    [InlineData("guest-one_0", null)]
    [InlineData("guest-one_x", null)]
    [InlineData("_1", null)]
    [InlineData("guest-one", null)]
    public void The_id_of_a_candidate_names_the_participant(string id, string? group) =>
        A.Participant(id).Group?.Value.ShouldBe(group);

    private static Call Ringing(Screening? screen = null) => A.Session().Live().AsksForOne(screen: screen).Rings(A.First, A.Second);
}
