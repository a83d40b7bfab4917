namespace Calls.Domain.Tests.Flows;

/// <summary>App users are added as phones are, by label and without a gate (docs/adr/0028).</summary>
public sealed class App_users_are_added
{
    private static readonly CallSid Second = A.Leg(51);

    private static ParticipantId Callee => ParticipantId.Callee;

    [Fact]
    public void An_app_user_is_added_to_the_room_and_never_screened()
    {
        var call = A.Session(policy: new CallPolicy { ScreenPhones = Screening.PressOne }).Live()
            .AsksFor(A.Carol, "interpreter", Screening.Machine);
        var carol = call.The(A.Carol);
        (carol.Role, carol.Party, carol.Label).ShouldBe((Role.Guest, A.PartyOf(A.Carol), "interpreter"));
        (carol.Screen, carol.HasAnswerUrl).ShouldBe((Screening.None, false));
        call.Claims(A.Carol).Accepts(A.Carol).Says(A.Carol, Progress.Ringing).Says(A.Carol, Progress.Answered).Joins(A.Carol);
        call.The(A.Carol).IsOnTheLine.ShouldBeTrue();
        call.Session.Effects.ShouldBeEmpty();
    }

    [Fact]
    public void A_person_who_is_on_the_call_on_the_way_or_reconnecting_is_not_added()
    {
        var add = new SessionEvent.AddPhoneParticipant(A.BobAgain, A.Bob, null);
        foreach (var call in new[] { A.Session(), A.Session().Ringing(), A.Session().Answered(), A.Session().Live() })
            call.When(add).Last.Refused.ShouldBe(RefusalReason.AlreadyOnTheCall);
        A.Session(policy: new CallPolicy { RejoinGrace = TimeSpan.FromSeconds(30) }).Live().Leaves(Callee)
            .When(add).Last.Refused.ShouldBe(RefusalReason.AlreadyOnTheCall);
        A.Session().Live().With(A.Doctor).Leaves(Callee).When(add).Reply.ShouldBeOfType<CallReply.Added>("Bob has left");
    }

    [Fact]
    public void A_person_does_not_add_the_own_app_also_as_an_operator_who_is_not_on_the_call()
    {
        var call = A.Session().Live();
        foreach (var (guest, who) in new[] { (A.BobAgain, "bob"), (A.Carol, "carol") })
            call.When(new SessionEvent.AddPhoneParticipant(guest, A.PartyOf(guest), null, A.Identity(who)))
                .Last.Refused.ShouldBe(RefusalReason.AddingOneself);
        call.When(new SessionEvent.AddPhoneParticipant(A.Carol, A.PartyOf(A.Carol), null, A.Identity("alice")))
            .Reply.ShouldBeOfType<CallReply.Added>();
    }

    /// <summary>A second replica, whose clock is four seconds behind, decides next.</summary>
    [Fact]
    public void An_app_user_who_is_added_again_rings_on_although_a_slower_clock_would_still_wait_for_the_return()
    {
        var call = A.Session(policy: new CallPolicy { RejoinGrace = TimeSpan.FromSeconds(30) }).Live().With(A.Doctor).Leaves(Callee)
            .After(30).When(new SessionEvent.RejoinGracePassed()).AsksFor(A.BobAgain);
        call.Reply.ShouldBeOfType<CallReply.Added>();
        call.After(-4).Claims(A.BobAgain).Accepts(A.BobAgain).Says(A.BobAgain, Progress.Ringing);
        call.The(Callee).Reconnecting.ShouldBeFalse();
        call.The(A.BobAgain).Leaving.ShouldBe(Leaving.No);
        call.HangUps.ShouldBeEmpty();
        call.ComesBack("bob", Second).Reply.ShouldBe(new CallReply.JoinRoom(call.The(Callee)), "Bob can still call back");
    }

    [Fact]
    public void An_app_user_who_comes_back_is_not_rung_any_more()
    {
        var call = A.Session().Live().With(A.Doctor).Leaves(Callee).AsksFor(A.BobAgain).Claims(A.BobAgain).Accepts(A.BobAgain)
            .Says(A.BobAgain, Progress.Ringing).ComesBack("bob", Second);
        call.Reply.ShouldBe(new CallReply.JoinRoom(call.The(Callee)));
        call.The(Callee).Leg.ShouldBe(Second);
        call.HangUps.ShouldBe([A.LegOf(A.BobAgain)]);
        call.The(A.BobAgain).IsPresent.ShouldBeFalse();
        call.Ends(A.BobAgain, LeaveReason.Canceled).The(A.BobAgain).Reason.ShouldBe(LeaveReason.Canceled);
        Rights.Of(call.Session, A.Identity("bob")).ShouldBe(Right.Change);
        call.Joins(Callee, leg: Second).Leaves(Callee);
    }

    [Fact]
    public void A_dial_that_was_not_sent_is_dropped_when_the_app_user_comes_back()
    {
        var call = A.Session().Live().With(A.Doctor).Leaves(Callee).AsksFor(A.BobAgain).ComesBack("bob", Second);
        call.DialOf(A.BobAgain).ShouldBeNull();
        call.The(A.BobAgain).Gone.ShouldBe(LeaveReason.Canceled);
    }

    [Fact]
    public void The_report_of_a_leave_that_says_busy_of_an_app_means_declined_and_of_a_phone_busy()
    {
        var call = A.Session().Live().WithRinging(A.Doctor).WithRinging(A.Carol);
        call.Leaves(A.Doctor, LeaveReason.Busy).Leaves(A.Carol, LeaveReason.Busy);
        (call.The(A.Doctor).Reason, call.The(A.Carol).Reason).ShouldBe((LeaveReason.Busy, LeaveReason.Declined));
        Rights.Of(call.Session, A.Identity("carol")).ShouldBe(Right.OwnPart);
    }
}
