namespace Calls.Domain.Tests.Flows;

/// <summary>The callee is a group: several phones ring, and exactly one of them gets the call (G7, docs/adr/0030).</summary>
public sealed class A_group_is_called
{
    private static readonly Party Carol = new Party.Client(A.Identity("carol"));
    private static readonly GroupMembers Both = new(A.Interpreters, Strategy.All);

    [Fact]
    public void All_members_are_dialled_and_the_first_answer_gets_the_call()
    {
        var call = A.GroupCall();
        call.Reply.ShouldBeOfType<CallReply.JoinRoom>().Participant.Id.ShouldBe(ParticipantId.Caller);
        call.Session.Participants.Select(p => (p.Id.Value, p.Role)).ShouldBe(
            [("caller", Role.Caller), ("callee_1", Role.Callee), ("callee_2", Role.Callee)]);
        call.Joins(ParticipantId.Caller).Rings(A.GroupFirst, A.GroupSecond).PicksUp(A.GroupSecond);
        call.Reply.ShouldBeOfType<CallReply.JoinRoom>().Participant.Id.ShouldBe(A.GroupSecond);
        call.HangUps.ShouldBe([A.LegOf(A.GroupFirst)]);
        call.PicksUp(A.GroupFirst).Reply.ShouldBeOfType<CallReply.AnsweredElsewhere>();
        call.Joins(A.GroupSecond).FinishesHangUps().Session.Participants.Count(p => p.IsOnTheLine).ShouldBe(2);
        call.Leaves(A.GroupSecond).Session.EndReason.ShouldBe(EndReason.OnePersonLeft);
    }

    [Fact]
    public void The_same_voice_webhook_again_dials_no_phone()
    {
        var call = A.GroupCall();
        call.When(A.Calls(Both)).Last.Changed.ShouldBeFalse();
        call.Reply.ShouldBeOfType<CallReply.JoinRoom>();
        call = A.AskedGroup();
        call.When(A.Calls(null)).Last.Changed.ShouldBeFalse();
    }

    [Fact]
    public void In_order_the_next_member_rings_when_one_declines_or_has_rung_long_enough()
    {
        var call = A.GroupCall(Strategy.InOrder).Joins(ParticipantId.Caller);
        (call.DialOf(A.GroupFirst) is not null, call.DialOf(A.GroupSecond) is not null).ShouldBe((true, false));
        call.Rings(A.GroupFirst).Ends(A.GroupFirst, LeaveReason.Declined);
        call.Session.IsEnded.ShouldBeFalse("the caller hears ringback, and the next phone is dialled");
        call.DialOf(A.GroupSecond).ShouldNotBeNull();

        call = A.GroupCall(Strategy.InOrder).Joins(ParticipantId.Caller).Rings(A.GroupFirst);
        call.Due.ShouldBe(call.Now + call.Policy.RingTimeout);
        call.After(call.Policy.RingTimeout).When(new SessionEvent.RingTimePassed()).DialOf(A.GroupSecond).ShouldNotBeNull();
    }

    [Fact]
    public void If_no_member_accepts_the_caller_hears_the_reorder_tone_and_the_call_ends()
    {
        var call = A.GroupCall().Joins(ParticipantId.Caller).Rings(A.GroupFirst, A.GroupSecond).Ends(A.GroupFirst, LeaveReason.Declined);
        call.Session.IsEnded.ShouldBeFalse("one phone rings");
        call.Ends(A.GroupSecond, LeaveReason.NoAnswer);
        (call.Session.EndReason, ToneOf(call)).ShouldBe((EndReason.NobodyAccepted, LeaveReason.NobodyAccepted));
        call.Session.ReasonOf(ParticipantId.Callee).ShouldBe(LeaveReason.NobodyAccepted);
        Tones.Of(LeaveReason.NobodyAccepted).ShouldBe(Tone.Reorder);
    }

    [Fact]
    public void If_the_caller_hangs_up_all_phones_stop()
    {
        var call = A.GroupCall().Joins(ParticipantId.Caller).Rings(A.GroupFirst, A.GroupSecond).Leaves(ParticipantId.Caller);
        call.HangUps.ShouldBe([A.LegOf(A.GroupFirst), A.LegOf(A.GroupSecond)], ignoreOrder: true);
        call.FinishesHangUps().Session.EndReason.ShouldBe(EndReason.CallerHungUpBeforeAnswer);
        call = A.GroupCall(Strategy.InOrder).Joins(ParticipantId.Caller).Rings(A.GroupFirst).Leaves(ParticipantId.Caller).FinishesHangUps();
        call.Session.AllHaveLeft.ShouldBeTrue();
        call.Session.EndReason.ShouldBe(EndReason.CallerHungUpBeforeAnswer);
    }

    [Fact]
    public void To_remove_the_callee_stops_all_phones_and_ends_the_call()
    {
        var call = A.GroupCall().Joins(ParticipantId.Caller).Rings(A.GroupFirst, A.GroupSecond).Removes(ParticipantId.Callee);
        call.HangUps.ShouldContain(A.LegOf(A.GroupFirst));
        call.HangUps.ShouldContain(A.LegOf(A.GroupSecond));
        call.FinishesHangUps().Session.EndReason.ShouldBe(EndReason.EndedByPerson);
        call = A.AskedGroup().Joins(ParticipantId.Caller).Removes(ParticipantId.Callee);
        call.Session.EndReason.ShouldBe(EndReason.EndedByPerson);
        call.Resolves(Both).Last.Ignored.ShouldBe(IgnoreReason.NotPending);
    }

    [Fact]
    public void The_caller_and_a_second_equal_member_are_skipped()
    {
        var call = A.GroupCall(Strategy.All, null, A.App("alice"), A.Ines, A.Ines);
        call.Session.Callees.Select(c => c.Id.Value).ShouldBe(["callee_2"]);
        A.GroupCall(Strategy.All, null, A.App("alice")).Last.Refused.ShouldBe(RefusalReason.CallingOneself);
        A.GroupCall(Strategy.All, new CallPolicy { MaxParticipants = 2 }).Last.Refused.ShouldBe(RefusalReason.CallIsFull);
        A.GroupCall(Strategy.All, new CallPolicy { MaxParticipants = 3 }).Last.Refused.ShouldBeNull();
    }

    [Fact]
    public void A_phone_of_a_group_is_screened_as_configured()
    {
        var call = A.GroupCall(policy: new CallPolicy { ScreenPhones = Screening.PressOne });
        (call.The(A.GroupFirst).Screen, call.The(A.GroupSecond).Screen).ShouldBe((Screening.None, Screening.PressOne));
        call.Joins(ParticipantId.Caller).Rings(A.GroupFirst, A.GroupSecond).PicksUp(A.GroupSecond).Reply.ShouldBeOfType<CallReply.Ask>();
        call.PicksUp(A.GroupFirst).Reply.ShouldBeOfType<CallReply.JoinRoom>();
    }

    [Fact]
    public void The_answer_of_the_group_resolver_takes_the_place_of_the_callee()
    {
        var call = A.AskedGroup().Joins(ParticipantId.Caller);
        call.Session.Effects.ShouldHaveSingleItem().ShouldBeOfType<Effect.ResolveGroup>().Group.ShouldBe(A.Group("interpreters"));
        call.Callee.IsOnTheWay.ShouldBeTrue();
        call.Due.ShouldBe(A.Noon + call.Policy.EffectLease, "another replica asks if this one has died");
        call.Resolves(Both);
        call.Session.Callees.Select(c => c.Id).ShouldBe([A.GroupFirst, A.GroupSecond]);
        call.Session.Effects.OfType<Effect.Dial>().Count().ShouldBe(2);
        call.Session.FindEffect<Effect.ResolveGroup>(_ => true).ShouldBeNull();
        call.Resolves(Both).Last.Ignored.ShouldBe(IgnoreReason.NotPending, "two replicas have asked");
        call.Rings(A.GroupFirst).PicksUp(A.GroupFirst).Reply.ShouldBeOfType<CallReply.JoinRoom>();
        A.AskedGroup().Resolves(new GroupMembers(A.Interpreters, Strategy.InOrder)).Session.Effects.OfType<Effect.Dial>().Count()
            .ShouldBe(1);
    }

    [Fact]
    public void Without_a_candidate_the_caller_hears_so_and_the_call_ends()
    {
        GroupMembers?[] answers = [null, new([], Strategy.All), new([A.App("alice")], Strategy.All)];
        foreach (var answer in answers)
        {
            var call = A.AskedGroup().Joins(ParticipantId.Caller).Resolves(answer);
            (call.Session.EndReason, ToneOf(call)).ShouldBe((EndReason.CalleeUnreachable, LeaveReason.NoCandidates));
            call.Callee.Gone.ShouldBe(LeaveReason.NoCandidates);
            call.Resolves(Both).Last.Changed.ShouldBeFalse("a late answer rings no phone");
        }

        ToneOf(A.AskedGroup(new CallPolicy { MaxParticipants = 2 }).Joins(ParticipantId.Caller).Resolves(Both))
            .ShouldBe(LeaveReason.NoCandidates, "the limits count candidates");
    }

    [Fact]
    public void A_question_that_is_not_answered_within_the_queue_time_out_is_dropped()
    {
        var call = A.AskedGroup().Joins(ParticipantId.Caller).After(60).Opens();
        (call.Session.EndReason, call.Callee.Gone).ShouldBe((EndReason.CalleeUnreachable, LeaveReason.NoCandidates));
    }

    [Fact]
    public void If_the_caller_hangs_up_before_the_answer_no_phone_rings()
    {
        var call = A.AskedGroup().Joins(ParticipantId.Caller).Leaves(ParticipantId.Caller);
        call.Session.EndReason.ShouldBe(EndReason.CallerHungUpBeforeAnswer);
        call.Session.Effects.ShouldBeEmpty();
        call.Due.ShouldBeNull();
        call.Resolves(Both).Session.Effects.ShouldBeEmpty();
    }

    [Fact]
    public void The_answer_for_an_earlier_call_and_for_one_that_is_lost_changes_nothing()
    {
        A.AskedGroup().Resolves(Both, "earlier").Last.Ignored.ShouldBe(IgnoreReason.OfAnEarlierCall);
        A.NoSession().When(new SessionEvent.GroupResolved(A.Nonce, Both)).Last.Ignored.ShouldBe(IgnoreReason.NoSuchSession);
    }

    [Fact]
    public void Who_was_added_in_the_meantime_is_skipped_and_a_mute_of_the_callee_is_kept()
    {
        var call = A.AskedGroup().Joins(ParticipantId.Caller).AsksFor(A.Carol)
            .When(new SessionEvent.SetParticipantFlags(ParticipantId.Callee, true, null));
        call.Resolves(new GroupMembers([Carol, A.Ines], Strategy.All)).Session.Callees.ShouldHaveSingleItem().Id.ShouldBe(A.GroupSecond);
        call.Session.WillBeMuted(A.GroupSecond).ShouldBeTrue();
        call.Session.FindEffect<Effect.SetFlags>(f => f.Participant == ParticipantId.Callee).ShouldBeNull();
    }

    [Fact]
    public void A_session_that_is_built_again_knows_the_winner_of_a_group()
    {
        var call = Rebuilt(5, Leg(A.GroupSecond, A.Ivan, Progress.Answered, inTheRoom: true));
        call.Session.Participants[1].Role.ShouldBe(Role.Callee);
        call.The(A.GroupSecond).IsOnTheLine.ShouldBeTrue();
        call.Session.Find(ParticipantId.Callee).ShouldBeNull();
        call.PicksUp(A.GroupFirst).Last.Ignored.ShouldBe(IgnoreReason.NotListedYet, "the call is read again");
        call.When(Seen(A.Noon.AddMinutes(-5), Leg(A.GroupSecond, A.Ivan, Progress.Answered, true), Leg(A.GroupFirst, A.Ines,
            Progress.Answered)));
        call.PicksUp(A.GroupFirst).Reply.ShouldBeOfType<CallReply.AnsweredElsewhere>();
        call.HangUps.ShouldContain(A.LegOf(A.GroupFirst));
    }

    [Fact]
    public void A_session_that_is_built_again_waits_for_the_candidates_that_it_does_not_know()
    {
        var call = Rebuilt(0, Leg(A.GroupFirst, A.Ines, Progress.Gone, gone: LeaveReason.Declined));
        call.Session.IsEnded.ShouldBeFalse("another candidate may ring");
        call.Callee.IsOnTheWay.ShouldBeTrue();
        call.When(Seen(A.Noon, Leg(A.GroupSecond, A.Ivan, Progress.Ringing)));
        call.Session.Participants.Select(p => p.Id).ShouldBe([ParticipantId.Caller, A.GroupSecond]);
        call.PicksUp(A.GroupSecond).Reply.ShouldBeOfType<CallReply.JoinRoom>();
    }

    [Fact]
    public void A_candidate_that_a_rebuilt_session_learns_of_takes_over_the_mute_of_the_callee()
    {
        var call = Rebuilt(0, Leg(A.GroupFirst, A.Ines, Progress.Gone, gone: LeaveReason.Declined))
            .When(new SessionEvent.SetParticipantFlags(ParticipantId.Callee, true, null));
        call.When(Seen(A.Noon, Leg(A.GroupSecond, A.Ivan, Progress.Ringing)));
        call.Session.WillBeMuted(A.GroupSecond).ShouldBeTrue();
        call.Session.FindEffect<Effect.SetFlags>(f => f.Participant == ParticipantId.Callee).ShouldBeNull();
    }

    [Theory]
    [InlineData("group:interpreters", "interpreters")]
    [InlineData("Group:a_1-b.c", "a_1-b.c")]
    [InlineData("group:", null)]
    [InlineData("group:a b", null)]
    [InlineData("group:a:b", null)]
    [InlineData("interpreters", null)]
    [InlineData(null, null)]
    public void The_address_of_a_group_names_it(string? address, string? name) =>
        (GroupName.TryParseAddress(address, out var group) ? group.Value : null).ShouldBe(name);

    private static LeaveReason? ToneOf(Call call) => call.Session.FindEffect<Effect.HangUp>(h => h.Because is not null)?.Because;

    private static Call Rebuilt(int minutesAgo, RebuiltLeg callee) => A.NoSession().When(Seen(A.Noon.AddMinutes(-minutesAgo), callee));

    private static SessionEvent.SessionRebuilt Seen(DateTimeOffset startedAt, params RebuiltLeg[] callees) =>
        new(A.Id(), A.Nonce, startedAt, A.Room1,
            [Leg(ParticipantId.Caller, A.App("alice"), Progress.Answered, inTheRoom: true), .. callees]);

    private static RebuiltLeg Leg(
        ParticipantId id, Party party, Progress progress, bool inTheRoom = false, LeaveReason? gone = null) =>
        new(id, A.LegOf(id), party, progress, gone) { IsListed = inTheRoom, InTheRoom = inTheRoom };
}
