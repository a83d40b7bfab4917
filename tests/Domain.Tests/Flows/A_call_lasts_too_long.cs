namespace Calls.Domain.Tests.Flows;

/// <summary>The service ends a call at its own limit, without asking Twilio.</summary>
public sealed class A_call_lasts_too_long
{
    private static readonly CallPolicy Policy = new();

    [Fact]
    public void The_session_is_due_at_the_maximum_duration_and_then_the_call_ends_for_all_participants()
    {
        var call = A.Session().Live().With(A.Doctor);
        var end = call.Session.StartedAt + Policy.MaxDuration;
        call.After(end - call.Now - TimeSpan.FromSeconds(10)).Observes([ParticipantId.Caller, ParticipantId.Callee, A.Doctor]);
        call.Due.ShouldBe(end);
        Deadlines.MaxDurationHasPassed(call.Session, Policy, end.AddTicks(-1)).ShouldBeFalse();
        Deadlines.MaxDurationHasPassed(call.Session, Policy, end).ShouldBeTrue();

        call.After(10).When(new SessionEvent.MaxDurationPassed());
        (call.Session.EndReason, call.Session.EndEvidence).ShouldBe((EndReason.MaxDuration, Evidence.Deadline));
        call.HangUps.ShouldBe([A.CallerLeg, A.CalleeLeg, A.DoctorLeg], ignoreOrder: true);
        call.FinishesHangUps().Session.EndReason.ShouldBe(EndReason.MaxDuration, "what is known later does not change the reason");
        call.Due.ShouldBeNull();
    }

    [Fact]
    public void A_call_that_has_not_lasted_so_long_goes_on()
    {
        var call = A.Session().Live().After(Policy.MaxDuration - TimeSpan.FromSeconds(1)).When(new SessionEvent.MaxDurationPassed());
        (call.Last.Changed, call.Last.Ignored).ShouldBe((false, IgnoreReason.NothingNew));
    }

    [Fact]
    public void A_phone_that_still_rings_for_the_call_stops()
    {
        var call = A.Session().Live().After(Policy.MaxDuration).WithRinging(A.Doctor).When(new SessionEvent.MaxDurationPassed());
        call.HangUps.ShouldContain(A.DoctorLeg);
    }

    [Fact]
    public void A_call_that_has_ended_keeps_its_reason()
    {
        var call = A.Session().Live().EndsForEveryone().After(Policy.MaxDuration).When(new SessionEvent.MaxDurationPassed());
        (call.Session.EndReason, call.Last.Ignored).ShouldBe((EndReason.EndedByPerson, IgnoreReason.CallIsOver));
    }
}
