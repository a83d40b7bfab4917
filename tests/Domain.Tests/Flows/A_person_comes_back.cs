namespace Calls.Domain.Tests.Flows;

/// <summary>A person who is or was on the call connects again with the same session id (docs/adr/0022).</summary>
public sealed class A_person_comes_back
{
    private static readonly CallSid Second = A.Leg(51);
    private static readonly CallSid Third = A.Leg(52);
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(30);

    private static ParticipantId Caller => ParticipantId.Caller;

    private static ParticipantId Callee => ParticipantId.Callee;

    [Theory]
    [InlineData("alice", "caller")]
    [InlineData("bob", "callee")]
    public void A_person_whom_Twilio_still_holds_gets_a_new_leg_and_the_old_leg_is_hung_up(string person, string id)
    {
        var call = A.Session().Live();
        var old = call.The(A.Participant(id)).Leg!;
        call.ComesBack(person, Second);
        var back = call.The(A.Participant(id));
        call.Reply.ShouldBe(new CallReply.JoinRoom(back));
        back.Leg.ShouldBe(Second);
        back.EarlierLegs.ShouldBe([old]);
        back.RoomLabel.ShouldBe(id + "~" + Second.Value[^8..], "Twilio may still hold the label of the old leg");
        call.HangUps.ShouldBe([old]);
        call.Session.IsEnded.ShouldBeFalse();
        call.DialOf(Callee).ShouldBeNull("no phone is rung");
    }

    [Fact]
    public void A_person_who_has_left_a_call_that_goes_on_is_the_same_participant_again()
    {
        var call = A.Session().Live().With(A.Doctor).Leaves(Caller).After(600).ComesBack("alice", Second);
        call.Session.Participants.Length.ShouldBe(3);
        call.Caller.Progress.ShouldBe(Progress.Answered);
        call.Caller.Gone.ShouldBeNull();
        call.HangUps.ShouldBeEmpty("the old leg is known to have ended");
        call.Joins(Caller, leg: Second).Caller.Progress.ShouldBe(Progress.Joined);
    }

    [Fact]
    public void The_same_leg_again_gets_the_same_answer_and_an_earlier_leg_gets_none()
    {
        var call = A.Session().Live().ComesBack("alice", Second);
        var once = call.Session;
        call.ComesBack("alice", Second).Session.ShouldBeSameAs(once);
        call.Reply.ShouldBe(new CallReply.JoinRoom(call.Caller));
        call.Starts().Session.ShouldBeSameAs(once, "the voice webhook of the first leg is repeated");
        call.Reply.ShouldBe(CallReply.End);
        call.Last.Ignored.ShouldBe(IgnoreReason.EarlierLeg);
    }

    [Fact]
    public void A_second_return_leaves_one_leg()
    {
        var call = A.Session().Live().ComesBack("alice", Second).ComesBack("alice", Third);
        call.Caller.Leg.ShouldBe(Third);
        call.Caller.EarlierLegs.ShouldBe([A.CallerLeg, Second]);
        call.HangUps.ShouldBe([A.CallerLeg, Second]);
        call.Caller.RoomLabel.ShouldBe("caller~" + Third.Value[^8..]);
    }

    /// <summary>In every order the late webhooks of the old leg change nothing about the person who is back.</summary>
    [Fact]
    public void Late_webhooks_of_the_earlier_leg_do_not_remove_the_person()
    {
        var room = CallSession.RoomOf(A.Id(), A.Nonce);
        SessionEvent[] events =
        [
            new SessionEvent.StartCall(A.Id(), "nonceofanewcall1", Second, A.App("bob"), A.BobsPhone),
            new SessionEvent.ParticipantLeft(room, A.CalleeLeg, Callee, LeaveReason.HungUp),
            new SessionEvent.ParticipantLeft(room, A.CalleeLeg, null, LeaveReason.HungUp),
            new SessionEvent.LegProgressed(Callee, A.CalleeLeg, Progress.Gone, LeaveReason.HungUp, A.Nonce),
            new SessionEvent.ParticipantJoined(A.Room1, room, A.CalleeLeg, Callee, null),
            new SessionEvent.HangUpSettled(A.CalleeLeg, EffectOutcome.AlreadyOver),
        ];
        foreach (var order in Permutations.Of(events))
        {
            var call = A.Session().Live().With(A.Doctor);
            foreach (var happened in order)
                call.When(happened);
            call.Callee.Leg.ShouldBe(Second);
            call.Callee.IsOnTheLine.ShouldBeTrue();
            call.Session.IsEnded.ShouldBeFalse();
        }
    }

    [Fact]
    public void Mute_is_kept_and_hold_is_not()
    {
        var call = A.Session().Live().With(A.Doctor).Flags(Caller, muted: true, hold: true, sequence: 9);
        call.When(new SessionEvent.SetParticipantFlags(Caller, null, true)).ComesBack("alice", Second);
        call.Caller.Muted.ShouldBeTrue();
        call.Session.WillBeMuted(Caller).ShouldBeTrue("the new leg enters muted");
        call.Caller.Hold.ShouldBeFalse();
        call.Caller.HeldBy.ShouldBeNull();
        call.Session.Effects.OfType<Effect.SetFlags>().ShouldBeEmpty("a hold that was requested is not made");
    }

    [Fact]
    public void A_mute_that_was_requested_and_not_made_is_kept()
    {
        var call = A.Session().Live().With(A.Doctor).When(new SessionEvent.SetParticipantFlags(Caller, true, null));
        call.Leaves(Caller).ComesBack("alice", Second).Session.WillBeMuted(Caller).ShouldBeTrue();
    }

    [Fact]
    public void A_person_who_was_removed_cannot_come_back()
    {
        var call = A.Session().Live().With(A.Doctor).Removes(Callee);
        call.ComesBack("bob", Second).Last.Refused.ShouldBe(RefusalReason.SessionInUse, "while the leg is hung up");
        call.HangsUp(A.CalleeLeg).Leaves(Callee).ComesBack("bob", Second).Last.Refused.ShouldBe(RefusalReason.SessionInUse);
        call.Callee.Reason.ShouldBe(LeaveReason.Removed);
    }

    [Fact]
    public void A_person_who_has_hung_up_and_is_removed_then_cannot_come_back()
    {
        var call = A.Session().Live().With(A.Doctor).Leaves(Callee).Removes(Callee);
        call.Callee.Reason.ShouldBe(LeaveReason.Removed);
        call.ComesBack("bob", Second).Last.Refused.ShouldBe(RefusalReason.SessionInUse);
    }

    [Theory]
    [InlineData(LeaveReason.Declined)]
    [InlineData(LeaveReason.NoAnswer)]
    [InlineData(LeaveReason.Unreachable)]
    public void A_callee_who_was_never_on_the_line_cannot_come_back(LeaveReason because)
    {
        var call = A.Session().Ringing().Opens().With(A.Doctor).Ends(Callee, because);
        call.ComesBack("bob", Second).Last.Refused.ShouldBe(RefusalReason.SessionInUse);
    }

    [Fact]
    public void A_callee_whose_phone_still_rings_and_a_stranger_cannot_come_back()
    {
        A.Session().Ringing().ComesBack("bob", Second).Last.Refused.ShouldBe(RefusalReason.SessionInUse);
        A.Session().Live().ComesBack("mallory", Second).Last.Refused.ShouldBe(RefusalReason.SessionInUse);
    }

    [Fact]
    public void A_call_that_has_ended_stays_ended()
    {
        var call = A.Session().Live().Leaves(Callee);
        call.Session.IsEnded.ShouldBeTrue("by default the call does not wait");
        call.ComesBack("bob", Second).Last.Refused.ShouldBe(RefusalReason.SessionOfAnotherCaller);
    }

    [Fact]
    public void A_person_does_not_come_back_without_end()
    {
        var call = A.Session(policy: new CallPolicy { MaxLegs = 2 }).Live().ComesBack("alice", Second);
        call.ComesBack("alice", Third).Last.Refused.ShouldBe(RefusalReason.SessionInUse);
    }

    [Fact]
    public void A_full_call_does_not_let_a_person_back()
    {
        var call = A.Session(policy: new CallPolicy { MaxParticipants = 3 }).Live().With(A.Doctor).Leaves(Caller).With(A.Lawyer);
        call.ComesBack("alice", Second).Last.Refused.ShouldBe(RefusalReason.CallIsFull);
    }

    [Fact]
    public void The_maximum_duration_counts_from_the_start_of_the_call()
    {
        var call = A.Session().Live().After(3600).ComesBack("alice", Second);
        call.Session.StartedAt.ShouldBe(A.Noon);
        call.After(call.Policy.MaxDuration - TimeSpan.FromSeconds(3600)).When(new SessionEvent.MaxDurationPassed());
        call.Session.EndReason.ShouldBe(EndReason.MaxDuration);
        call.HangUps.ShouldContain(Second);
    }

    [Fact]
    public void While_the_call_waits_the_person_who_is_left_hears_ringback_and_then_the_call_ends()
    {
        var call = Waiting().Live().Leaves(Caller);
        call.Session.IsEnded.ShouldBeFalse();
        call.Caller.Reconnecting.ShouldBeTrue();
        Rights.Of(call.Session, A.Identity("alice")).ShouldBe(Right.Change);
        call.Session.FindEffect<Effect.SetFlags>(_ => true).ShouldNotBeNull().Hold.ShouldBe(true);
        call.Callee.Ringback.ShouldBe(RingbackState.Plays);
        call.When(Settled(Callee, 1, true));
        call.After(Grace - TimeSpan.FromSeconds(1)).When(new SessionEvent.RejoinGracePassed()).Session.IsEnded.ShouldBeFalse();
        Deadlines.RejoinGraceHasPassed(call.Session, call.Policy, call.Now).ShouldBeFalse();
        call.After(1).Due.ShouldBe(call.Now);
        Deadlines.RejoinGraceHasPassed(call.Session, call.Policy, call.Now).ShouldBeTrue();
        call.When(new SessionEvent.RejoinGracePassed());
        call.Session.EndReason.ShouldBe(EndReason.OnePersonLeft);
        call.Session.EndEvidence.ShouldBe(Evidence.Deadline);
        call.HangUps.ShouldBe([A.CalleeLeg]);
        call.Caller.Reconnecting.ShouldBeFalse();
    }

    [Fact]
    public void Ringback_ends_when_the_person_is_back_and_also_if_the_request_for_it_was_late()
    {
        var call = Waiting().Live().Leaves(Caller).When(Settled(Callee, 1, true)).ComesBack("alice", Second);
        call.Caller.Reconnecting.ShouldBeFalse();
        call.Session.FindEffect<Effect.SetFlags>(f => f.Participant == Callee).ShouldNotBeNull().Hold.ShouldBe(false);
        call.When(Settled(Callee, 3, false)).Session.FindEffect<Effect.SetFlags>(_ => true).ShouldBeNull();
        call.Flags(Callee, muted: false, hold: true, sequence: 20);
        call.Session.FindEffect<Effect.SetFlags>(f => f.Participant == Callee).ShouldNotBeNull().Hold.ShouldBe(false);
    }

    [Fact]
    public void A_person_on_hold_by_the_person_who_reconnects_stays_on_hold()
    {
        var call = Waiting().Live().When(new SessionEvent.SetParticipantFlags(Callee, null, true, A.Identity("alice")))
            .When(Settled(Callee, 1, true)).Leaves(Caller);
        call.Session.FindEffect<Effect.SetFlags>(_ => true).ShouldBeNull("the holder may come back");
        call.ComesBack("alice", Second).Callee.HeldBy.ShouldBe(Caller);
        call.Session.FindEffect<Effect.SetFlags>(_ => true).ShouldBeNull();
    }

    [Fact]
    public void Two_people_who_are_left_hear_each_other_and_the_drop_ends_no_call()
    {
        var call = Waiting().Live().With(A.Doctor).Leaves(Caller);
        call.Caller.Reconnecting.ShouldBeTrue();
        call.Session.FindEffect<Effect.SetFlags>(_ => true).ShouldBeNull();
        call.After(Grace).When(new SessionEvent.RejoinGracePassed()).Session.IsEnded.ShouldBeFalse();
        call.Caller.Reconnecting.ShouldBeFalse();
        call.ComesBack("alice", Second).Reply.ShouldBe(new CallReply.JoinRoom(call.Caller), "while the call goes on");
    }

    [Fact]
    public void The_call_does_not_wait_for_a_phone_nor_without_any_person_nor_for_a_person_who_was_removed()
    {
        Waiting(A.BobsPhone).Live().Leaves(Callee).Session.IsEnded.ShouldBeTrue("a phone cannot come back");
        Waiting().Ringing().Leaves(Caller).Session.EndReason.ShouldBe(EndReason.CallerHungUpBeforeAnswer);
        Waiting().Live().Removes(Callee).Session.IsEnded.ShouldBeTrue();
        Waiting().Live().Leaves(Caller).Removes(Caller).Session.IsEnded.ShouldBeTrue("nobody waits for a removed person");
        Waiting().Live().Leaves(Caller).Leaves(Callee).Session.IsEnded.ShouldBeTrue();
        Waiting().Live().Leaves(Caller).EndsForEveryone().Caller.Reconnecting.ShouldBeFalse();
    }

    private static Call Waiting(Party? callee = null) => A.Session(callee, new CallPolicy { RejoinGrace = Grace });

    private static SessionEvent.FlagsSettled Settled(ParticipantId whom, int version, bool hold) => new(
        CallSession.RoomOf(A.Id(), A.Nonce), whom, new FlagsMark(version, -1), EffectOutcome.Done, new SeenFlags(false, hold));
}
