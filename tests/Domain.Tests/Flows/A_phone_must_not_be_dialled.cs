namespace Calls.Domain.Tests.Flows;

/// <summary>The dial of a phone was granted and then withheld.</summary>
public sealed class A_phone_must_not_be_dialled
{
    private static readonly CallPolicy Policy = new();

    [Fact]
    public void If_Twilio_does_not_have_the_call_a_review_is_due_at_once_and_ends_it()
    {
        var call = A.Session(A.BobsPhone).Sending().Settles(ParticipantId.Callee, new DialOutcome.CallIsGone());
        (call.DialOf(ParticipantId.Callee)!.State, call.Session.ReviewNow).ShouldBe((DialState.Planned, true));
        (call.Due - call.Now)!.Value.ShouldBeLessThan(TimeSpan.FromSeconds(3));
        call.After(2).Observes([], (ParticipantId.Caller, Progress.Gone, LeaveReason.HungUp));
        (call.Session.IsEnded, call.DialOf(ParticipantId.Callee)).ShouldBe((true, null));
    }

    [Fact]
    public void If_the_review_finds_the_call_the_phone_is_dialled()
    {
        var call = A.Session(A.BobsPhone).Sending().Settles(ParticipantId.Callee, new DialOutcome.CallIsGone());
        call.After(2).Observes([ParticipantId.Caller]).After(Policy.Recheck).Claims(ParticipantId.Callee);
        call.Reply.ShouldBeOfType<CallReply.DialGranted>();
    }

    [Fact]
    public void If_dialling_is_stopped_the_callee_is_not_reached_and_the_caller_does_not_wait()
    {
        var call = A.Session(A.BobsPhone).Sending().Settles(ParticipantId.Callee, new DialOutcome.Stopped());
        (call.Callee.Gone, call.Session.EndReason).ShouldBe((LeaveReason.NeverDialed, EndReason.CalleeUnreachable));
        call.HangUps.ShouldBe([A.CallerLeg]);
    }

    [Fact]
    public void If_dialling_is_stopped_the_call_goes_on_without_the_guest()
    {
        var call = A.Session().Live().AsksFor(A.Doctor).Claims(A.Doctor).Settles(A.Doctor, new DialOutcome.Stopped());
        (call.The(A.Doctor).Gone, call.Session.IsEnded).ShouldBe((LeaveReason.NeverDialed, false));
    }

    /// <summary>An added phone is no sign of life: its request comes from a person, not from Twilio.</summary>
    [Fact]
    public void The_service_knows_since_when_Twilio_has_said_nothing()
    {
        var call = A.Session().Live().With(A.Doctor);
        var heard = call.Now;
        call.After(300).AsksFor(A.Lawyer).Session.HeardAt.ShouldBe(heard);
        call.After(1).Observes([ParticipantId.Caller, ParticipantId.Callee, A.Doctor]).Session.HeardAt.ShouldBe(call.Now);
        call.Session.OnTheLine!.Id.ShouldBe(ParticipantId.Caller);
        call.After(300).Leaves(ParticipantId.Caller).Session.HeardAt.ShouldBe(call.Now);
        call.Session.OnTheLine!.Id.ShouldBe(ParticipantId.Callee, "the caller has left");
    }
}
