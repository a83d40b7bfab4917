using System.Collections.Immutable;
using Calls.Domain.Tests.Properties;

namespace Calls.Domain.Tests.Flows;

/// <summary>Redis has lost a session, and it was built again from a list of participants that was some seconds old (docs/adr/0025). A
/// person who had just entered the room is not thrown out.</summary>
public sealed class A_list_is_late_when_a_session_is_built_again
{
    private static readonly CallSid Back = A.Leg(51);

    private static ParticipantId Caller => ParticipantId.Caller;

    private static ParticipantId Callee => ParticipantId.Callee;

    [Fact]
    public void A_guest_who_had_just_entered_is_looked_up_and_stays()
    {
        var call = Built(Caller, Callee).Joins(A.Doctor);
        call.Last.Ignored.ShouldBe(IgnoreReason.NotListedYet);
        call.Session.Effects.ShouldBeEmpty();
        call.When(Read(Present(Caller), Present(Callee), Present(A.Doctor) with { InTheRoom = false, IsListed = false })).Joins(A.Doctor);
        call.Last.Ignored.ShouldBeNull();
        call.The(A.Doctor).Progress.ShouldBe(Progress.Joined);
        call.The(A.Doctor).Party.ShouldBe(new Party.Phone(A.PhoneOf(A.Doctor)));
        call.HangUps.ShouldBeEmpty();
        call.Session.ReviewNow.ShouldBeTrue();
    }

    [Theory]
    [InlineData(Progress.Ringing)]
    [InlineData(Progress.Answered)]
    public void A_guest_whose_phone_reports_itself_is_looked_up(Progress progress)
    {
        var call = Built(Caller, Callee).Says(A.Doctor, progress);
        call.Last.Ignored.ShouldBe(IgnoreReason.NotListedYet);
        call.When(Read(Present(Caller), Present(A.Doctor) with { Progress = progress, InTheRoom = false })).Says(A.Doctor, progress);
        call.The(A.Doctor).Progress.ShouldBe(progress);
        call.HangUps.ShouldBeEmpty();
    }

    /// <summary>While the address of the callee was not known, Bob was added. He answered that call first and talks.</summary>
    [Fact]
    public void A_person_with_two_legs_keeps_the_one_in_the_room()
    {
        var call = A.NoSession().When(Read(
            Present(Caller), Present(Callee) with { InTheRoom = false, IsListed = false, IsInbound = false },
            Present(A.BobAgain) with { Party = A.Bob, IsInbound = false }));
        call.HangUps.ShouldBe([A.CalleeLeg]);
        call.The(A.BobAgain).IsPresent.ShouldBeTrue();
    }

    [Fact]
    public void A_person_who_had_just_come_back_keeps_the_new_leg_and_the_old_leg_is_hung_up()
    {
        var call = Built(Caller, Callee).Joins(Caller, leg: Back);
        call.Last.Ignored.ShouldBe(IgnoreReason.NotListedYet);
        call.When(Read(CameBack(), Present(Callee))).Joins(Caller, leg: Back);
        call.Caller.Leg.ShouldBe(Back);
        call.Caller.EarlierLegs.ShouldBe([A.CallerLeg]);
        call.HangUps.ShouldBe([A.CallerLeg]);
    }

    [Theory]
    [InlineData(Progress.Ringing)]
    [InlineData(Progress.Answered)]
    public void A_late_report_of_a_callee_whom_the_list_did_not_have_hangs_no_person_up(Progress progress)
    {
        var call = Built(Caller).Says(Callee, progress);
        call.Last.Ignored.ShouldBe(IgnoreReason.NotListedYet);
        call.When(Read(Present(Caller), Present(Callee))).Says(Callee, progress);
        call.Callee.Progress.ShouldBe(Progress.Joined);
        call.HangUps.ShouldBeEmpty();
    }

    [Fact]
    public void A_person_who_had_just_come_back_and_whom_the_list_did_not_have_at_all_is_on_the_line()
    {
        var call = Built(Callee);
        call.Caller.Progress.ShouldBe(Progress.Gone);
        call.Session.IsEnded.ShouldBeFalse("the callee may be in company");
        call.When(Read(A.Found(Caller, Back), Present(Callee))).Joins(Caller, leg: Back);
        call.Caller.Progress.ShouldBe(Progress.Joined);
        call.Caller.Leg.ShouldBe(Back);
        call.HangUps.ShouldBeEmpty();
        call.Session.IsEnded.ShouldBeFalse();
    }

    [Fact]
    public void A_person_who_comes_back_before_the_review_and_seems_to_be_alone_enters_the_room()
    {
        var call = Built(Caller).ComesBack("alice", Back);
        call.Reply.ShouldBeOfType<CallReply.JoinRoom>();
        call.Session.IsEnded.ShouldBeFalse();
    }

    /// <summary>The webhook is of a leg that the person had before.</summary>
    [Fact]
    public void The_older_of_two_legs_of_a_person_is_hung_up()
    {
        var call = Built(Caller, Callee).Joins(Caller, leg: Back);
        call.When(Read(Present(Caller) with { EarlierLegs = [Back] }, Present(Callee))).Joins(Caller, leg: Back);
        call.Caller.Leg.ShouldBe(A.CallerLeg);
        call.HangUps.ShouldBe([Back]);
        call.Last.Ignored.ShouldBe(IgnoreReason.SecondLeg);
    }

    [Fact]
    public void A_second_leg_that_the_service_has_dialled_is_hung_up() =>
        Built(Caller, Callee).When(Read(Present(Caller), A.Found(Callee, Back) with { EarlierLegs = [A.CalleeLeg] }))
            .HangUps.ShouldBe([Back]);

    [Fact]
    public void A_leg_of_which_Twilio_does_not_say_who_has_placed_it_waits_for_the_next_look()
    {
        var call = Built(Caller, Callee).When(Read(A.Found(Caller, Back) with { IsInbound = null }, Present(Callee)));
        call.Last.Ignored.ShouldBe(IgnoreReason.NothingNew);
        call.HangUps.ShouldBeEmpty();
    }

    [Fact]
    public void A_person_who_was_removed_after_the_loss_does_not_come_back_by_this_way()
    {
        var call = Built(Caller, Callee, A.Doctor).Removes(Callee);
        call.When(Read(Present(Caller), A.Found(Callee, Back) with { IsInbound = true })).HangUps.ShouldBe([A.CalleeLeg, Back]);
        call.Callee.Leg.ShouldBe(A.CalleeLeg);
    }

    [Fact]
    public void A_leg_that_the_service_hangs_up_is_not_taken()
    {
        var call = Built(Caller, Callee).When(Read(Present(Caller), A.Found(Callee, Back)));
        call.Joins(Callee, leg: Back).Last.Ignored.ShouldBe(IgnoreReason.SecondLeg);
        call.When(Read(Present(Caller), A.Found(Callee, Back) with { IsInbound = true })).Callee.Leg.ShouldBe(A.CalleeLeg);
    }

    [Fact]
    public void A_review_finds_a_guest_whose_webhooks_were_lost()
    {
        var call = Built(Caller, Callee).After(5).Observes([Caller, Callee, A.Doctor]);
        call.Last.Ignored.ShouldBe(IgnoreReason.NotListedYet);
        call.Session.ReviewNow.ShouldBeTrue("nothing is stored, so the review stays due");
        call.When(Read(Present(Caller), Present(Callee), Present(A.Doctor))).Observes([Caller, Callee, A.Doctor]);
        call.The(A.Doctor).Progress.ShouldBe(Progress.Joined);
        call.HangUps.ShouldBeEmpty();
        call.Session.RebuiltAt.ShouldBeNull();
    }

    [Fact]
    public void After_the_review_an_unknown_leg_is_hung_up_as_always()
    {
        var call = Built(Caller, Callee).After(5).Observes([Caller, Callee]);
        call.Session.RebuiltAt.ShouldBeNull();
        call.Joins(A.Doctor).HangUps.ShouldBe([A.DoctorLeg]);
    }

    /// <summary>A leg without a usable label. A list that is read so late has every person.</summary>
    [Fact]
    public void A_leg_in_the_room_that_no_list_names_is_hung_up_in_the_end()
    {
        var call = Built(Caller, Callee).After(17).Observes([Caller, Callee, A.Doctor]);
        call.Last.Ignored.ShouldBe(IgnoreReason.NotListedYet);
        call.When(Read(Present(Caller), Present(Callee))).Observes([Caller, Callee, A.Doctor]).HangUps.ShouldBe([A.DoctorLeg]);
    }

    [Fact]
    public void The_call_of_a_person_who_is_really_alone_ends_with_the_next_review()
    {
        var call = Built(Caller, Callee).Leaves(Callee);
        call.Session.IsEnded.ShouldBeFalse("Twilio's list may not have had another person");
        call.Due.ShouldBe(call.Now + call.Policy.Recheck);
        call.After(5).Observes([Caller]).Session.IsEnded.ShouldBeTrue();
    }

    [Fact]
    public void No_phone_rings_on_for_a_caller_who_has_gone()
    {
        var call = A.NoSession().When(Read(new RebuiltLeg(Callee, A.CalleeLeg, A.Bob, Progress.Ringing, null)));
        call.Session.IsEnded.ShouldBeTrue("no person is in the room");
        call.HangUps.ShouldBe([A.CalleeLeg]);
    }

    /// <summary>The guest's and the caller's new leg are not in the list. Twilio says of each leg whether it has ended by then.</summary>
    [Fact]
    public void The_webhooks_of_the_missing_people_lead_to_the_same_end_in_every_order()
    {
        SessionEvent[] events =
        [
            Join(A.Doctor, A.DoctorLeg), Leave(A.Doctor, A.DoctorLeg), Join(Caller, Back), Leave(Caller, A.CallerLeg),
            new SessionEvent.LegProgressed(A.Doctor, A.DoctorLeg, Progress.Answered, null, A.Nonce), Join(Callee, A.CalleeLeg),
        ];
        string? expected = null;
        foreach (var order in Permutations.Of(events))
        {
            var call = Built(Caller, Callee);
            var hasLeft = false;
            foreach (var happened in order)
            {
                hasLeft |= happened is SessionEvent.ParticipantLeft left && left.Leg == A.DoctorLeg;
                var before = call.Session;
                if (call.When(happened).Last.Ignored == IgnoreReason.NotListedYet)
                    call.When(Read(CameBack(), Present(Callee), hasLeft ? Ended(A.Doctor) : Present(A.Doctor))).When(happened);
                Invariants.BrokenBy(before, call.Session, call.Policy).ShouldBeNull(happened.ToString());
            }

            call.HangUps.Except([A.CallerLeg]).ShouldBeEmpty();
            call.Session.IsEnded.ShouldBeFalse();
            var facts = string.Join('\n', call.Session.Participants.Select(Canonical.Of));
            facts.ShouldBe(expected ??= facts, string.Join('\n', order.Select(e => e.ToString())));
        }
    }

    /// <summary>The session was built from a list with these people.</summary>
    private static Call Built(params ParticipantId[] listed) => A.NoSession().When(Read([.. listed.Select(Present)]));

    private static SessionEvent.SessionRebuilt Read(params RebuiltLeg[] legs) =>
        new(A.Id(), A.Nonce, A.Noon.AddMinutes(-5), A.Room1, legs.ToImmutableArray());

    private static RebuiltLeg Present(ParticipantId who) => A.Found(who, A.LegOf(who));

    private static RebuiltLeg Ended(ParticipantId who) =>
        new(who, A.LegOf(who), new Party.Phone(A.PhoneOf(who)), Progress.Gone, LeaveReason.HungUp);

    private static RebuiltLeg CameBack() => A.Found(Caller, Back) with { EarlierLegs = [A.CallerLeg] };

    private static SessionEvent.ParticipantJoined Join(ParticipantId who, CallSid leg) =>
        new(A.Room1, CallSession.RoomOf(A.Id(), A.Nonce), leg, who, null);

    private static SessionEvent.ParticipantLeft Leave(ParticipantId who, CallSid leg) =>
        new(CallSession.RoomOf(A.Id(), A.Nonce), leg, who, LeaveReason.HungUp);
}
