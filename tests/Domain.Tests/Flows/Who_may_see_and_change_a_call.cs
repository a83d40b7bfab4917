namespace Calls.Domain.Tests.Flows;

public sealed class Who_may_see_and_change_a_call
{
    private static readonly ClientIdentity Alice = A.Identity("alice");
    private static readonly ClientIdentity Bob = A.Identity("bob");

    [Fact]
    public void People_on_the_call_and_on_the_way_change_it_and_strangers_see_nothing()
    {
        foreach (var call in new[] { A.Session(), A.Session().Ringing(), A.Session().Answered(), A.Session().Live() })
        {
            Rights.Of(call.Session, Alice).ShouldBe(Right.Change);
            Rights.Of(call.Session, Bob).ShouldBe(Right.Change);
            Rights.Of(call.Session, A.Identity("carol")).ShouldBe(Right.None);
            Rights.Of(call.Session, A.Identity("ALICE")).ShouldBe(Right.None);
        }
    }

    [Fact]
    public void A_person_who_has_left_sees_the_call_that_goes_on_and_does_not_change_it()
    {
        var call = A.Session().Live().With(A.Doctor).Leaves(ParticipantId.Caller);
        call.Session.IsEnded.ShouldBeFalse();
        Rights.Of(call.Session, Alice).ShouldBe(Right.See);
        Rights.Of(call.Session, Bob).ShouldBe(Right.Change);
    }

    [Theory]
    [InlineData(LeaveReason.NoAnswer)]
    [InlineData(LeaveReason.Busy)]
    [InlineData(LeaveReason.Unreachable)]
    [InlineData(LeaveReason.Canceled)]
    public void A_person_who_was_rung_in_vain_sees_the_call(LeaveReason reason)
    {
        var call = A.Session().Ringing().Opens().WithRinging(A.Doctor).Ends(ParticipantId.Callee, reason);
        call.Session.IsEnded.ShouldBeFalse();
        Rights.Of(call.Session, Bob).ShouldBe(Right.See);
    }

    [Fact]
    public void A_person_who_declined_sees_only_the_own_part_also_when_the_call_is_over()
    {
        var call = A.Session().Ringing().Opens().WithRinging(A.Doctor).Ends(ParticipantId.Callee, LeaveReason.Declined);
        Rights.Of(call.Session, Bob).ShouldBe(Right.OwnPart);
        call.EndsForEveryone().Session.IsEnded.ShouldBeTrue();
        Rights.Of(call.Session, Bob).ShouldBe(Right.OwnPart);
        Rights.Of(call.Session, Alice).ShouldBe(Right.Change, "an ended call changes nothing, and the answer says so");
    }

    [Fact]
    public void A_person_who_is_removed_sees_only_the_own_part_before_Twilio_has_hung_up_and_after()
    {
        var call = A.Session().Live().With(A.Doctor).Removes(ParticipantId.Callee);
        call.The(ParticipantId.Callee).Progress.ShouldBe(Progress.Joined);
        Rights.Of(call.Session, Bob).ShouldBe(Right.OwnPart);
        call.HangsUp(A.CalleeLeg).Leaves(ParticipantId.Callee);
        call.The(ParticipantId.Callee).Gone.ShouldBe(LeaveReason.Removed);
        Rights.Of(call.Session, Bob).ShouldBe(Right.OwnPart);
        Rights.Of(A.Session().Removes(ParticipantId.Callee).Session, Bob).ShouldBe(Right.OwnPart, "the phone did not ring yet");
    }

    [Theory]
    [InlineData(LeaveReason.Declined, null, Right.Change)]
    [InlineData(LeaveReason.Removed, null, Right.Change)]
    [InlineData(null, LeaveReason.Declined, Right.Change)]
    [InlineData(LeaveReason.HungUp, LeaveReason.Declined, Right.OwnPart)]
    [InlineData(LeaveReason.HungUp, LeaveReason.Removed, Right.OwnPart)]
    [InlineData(LeaveReason.Declined, LeaveReason.HungUp, Right.See)]
    [InlineData(LeaveReason.HungUp, LeaveReason.HungUp, Right.See)]
    public void Of_a_person_who_is_on_the_call_twice_the_one_on_the_line_counts_and_then_the_newer_one(
        LeaveReason? first, LeaveReason? second, Right expected)
    {
        var session = A.Session().Live().With(A.Doctor).Session;
        var (callee, doctor) = (session.Participants[1], session.Participants[2]);
        var both = session with { Participants = [session.Caller, As(callee, first), As(doctor, second)] };
        Rights.Of(both, Bob).ShouldBe(expected);

        static Participant As(Participant participant, LeaveReason? gone) => participant with
        {
            Party = A.Bob,
            Gone = gone,
            Progress = gone is null ? Progress.Joined : Progress.Gone,
        };
    }
}
