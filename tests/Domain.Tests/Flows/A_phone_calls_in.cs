namespace Calls.Domain.Tests.Flows;

/// <summary>A person calls a number of the account from a phone (docs/adr/0028).</summary>
public sealed class A_phone_calls_in
{
    private static readonly Party Phone = new Party.Phone(A.Phone("+15550000009"));

    [Fact]
    public void A_caller_with_a_number_and_one_whose_number_is_withheld_are_callers_like_any_other()
    {
        foreach (var caller in new[] { Phone, Party.Unknown.Instance })
        {
            var call = CallIn(caller);
            call.Reply.ShouldBe(new CallReply.JoinRoom(call.Caller));
            call.Caller.Party.ShouldBe(caller);
            call.Ringing().PicksUp(ParticipantId.Callee).Joins(ParticipantId.Callee);
            call.Caller.IsOnTheLine.ShouldBeTrue();
            call.Leaves(ParticipantId.Caller).Session.EndReason.ShouldBe(EndReason.OnePersonLeft);
            Rights.Of(call.Session, A.Identity("bob")).ShouldBe(Right.Change);
        }
    }

    [Fact]
    public void A_phone_does_not_come_back_and_the_call_does_not_wait_for_it()
    {
        var call = CallIn(Phone, new CallPolicy { RejoinGrace = TimeSpan.FromSeconds(30) }).Ringing().PicksUp(ParticipantId.Callee)
            .Joins(ParticipantId.Callee);
        call.When(new SessionEvent.StartCall(A.Id(), "nonceofanewcall1", A.StrangerLeg, Phone, A.Bob))
            .Last.Refused.ShouldBe(RefusalReason.SessionInUse);
        call.When(new SessionEvent.StartCall(A.Id(), "nonceofanewcall1", A.StrangerLeg, Party.Unknown.Instance, A.Bob))
            .Last.Refused.ShouldBe(RefusalReason.SessionInUse);
        call.Leaves(ParticipantId.Caller).Session.IsEnded.ShouldBeTrue();
    }

    [Fact]
    public void A_phone_does_not_call_itself() => A.NoSession()
        .When(new SessionEvent.StartCall(A.Id(), A.Nonce, A.CallerLeg, Phone, Phone)).Last.Refused.ShouldBe(RefusalReason.CallingOneself);

    private static Call CallIn(Party caller, CallPolicy? policy = null) => new Call(policy ?? new CallPolicy())
        .When(new SessionEvent.StartCall(A.Id(), A.Nonce, A.CallerLeg, caller, A.Bob));
}
