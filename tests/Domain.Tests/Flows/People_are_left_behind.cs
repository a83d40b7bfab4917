namespace Calls.Domain.Tests.Flows;

/// <summary>The sweep of Twilio's open conferences finds a room whose session is stored, but no rule will end its legs.</summary>
public sealed class People_are_left_behind
{
    private static readonly CallSid Stranger = A.StrangerLeg;

    [Fact]
    public void A_person_in_the_room_of_a_call_that_has_ended_is_hung_up()
    {
        var call = A.Session().Live().Leaves(ParticipantId.Callee).FinishesHangUps();
        call.Session.IsEnded.ShouldBeTrue();
        call.When(Found(A.Nonce, A.CalleeLeg)).HangUps.ShouldBe([A.CalleeLeg]);
        call.When(Found(A.Nonce, A.CalleeLeg)).Last.Ignored.ShouldBe(IgnoreReason.NothingNew, "one hang-up is enough");
    }

    [Fact]
    public void People_of_a_call_that_goes_on_are_not_touched() =>
        A.Session().Live().When(Found(A.Nonce, Stranger)).Last.Ignored.ShouldBe(IgnoreReason.NothingNew);

    /// <summary>The call was lost, and a new call took its session id before it was found.</summary>
    [Fact]
    public void The_last_person_of_an_earlier_call_is_hung_up_and_two_who_talk_are_not()
    {
        var call = A.Session().Live().When(Found("c1-nonceofanothercall", A.Leg(8), Stranger));
        call.Last.Ignored.ShouldBe(IgnoreReason.OfAnEarlierCall);
        call.When(Found("c1-nonceofanothercall", Stranger)).HangUps.ShouldBe([Stranger]);
        call.Session.IsEnded.ShouldBeFalse();
    }

    private static SessionEvent.SessionRebuilt Found(string nonce, params CallSid[] room) => new(
        A.Id(), nonce, A.Noon, A.Room2,
        [.. room.Select(leg => new RebuiltLeg(ParticipantId.Callee, leg, null, Progress.Answered, null) { InTheRoom = true })]);
}
