namespace Calls.Domain.Tests.Flows;

/// <summary>By default Twilio starts one call a second and queues the rest. The ring time begins when Twilio dials.</summary>
public sealed class Twilio_queues_a_call
{
    private static readonly CallPolicy Policy = new();

    [Fact]
    public void A_call_that_waits_is_queued_until_Twilio_reports_that_it_dials()
    {
        var call = A.Session().Dialing();
        (call.Callee.IsQueued, call.Callee.QueuedAt).ShouldBe((true, call.Now));
        call.After(50).Says(ParticipantId.Callee, Progress.Dialing);
        (call.Callee.IsQueued, call.Callee.DialedAt).ShouldBe((false, call.Now));
    }

    [Theory]
    [InlineData(Progress.Dialing, Progress.Ringing)]
    [InlineData(Progress.Ringing, Progress.Dialing)]
    public void The_ring_time_counts_from_the_first_report_in_either_order(Progress first, Progress then)
    {
        var call = A.Session().Dialing().Joins(ParticipantId.Caller).After(50);
        var dialed = call.Now;
        call.Says(ParticipantId.Callee, first).After(2).Says(ParticipantId.Callee, then);
        call.Callee.DialedAt.ShouldBe(dialed);
        call.Observes([ParticipantId.Caller], (ParticipantId.Callee, Progress.Ringing, null));
        call.Due.ShouldBe(dialed + Policy.RingTimeout + Policy.RingSlack);
    }

    [Fact]
    public void A_report_before_Twilios_answer_to_the_dial_begins_the_ring_time_and_the_call_is_never_queued()
    {
        var call = A.Session().Sending().Says(ParticipantId.Callee, Progress.Dialing).Accepts(ParticipantId.Callee);
        (call.Callee.IsQueued, call.Callee.QueuedAt, call.Callee.DialedAt).ShouldBe((false, null, call.Now));
    }

    [Fact]
    public void A_call_is_not_given_up_while_it_waits_for_less_than_the_queue_timeout_however_often_a_review_looks()
    {
        var call = A.Session().Dialing().Joins(ParticipantId.Caller);
        for (var waited = 0; waited < 59; waited++)
        {
            call.After(1).Observes([ParticipantId.Caller], (ParticipantId.Callee, Progress.Dialing, null));
            call.Session.IsEnded.ShouldBeFalse();
        }

        call.Says(ParticipantId.Callee, Progress.Ringing).After(30).PicksUp(ParticipantId.Callee);
        call.Reply.ShouldBeOfType<CallReply.JoinRoom>();
    }

    [Fact]
    public void A_call_that_waits_for_longer_is_given_up_and_hung_up()
    {
        var call = A.Session().Dialing().Joins(ParticipantId.Caller).After(37)
            .Observes([ParticipantId.Caller], (ParticipantId.Callee, Progress.Dialing, null));
        call.Due.ShouldBe(A.Noon + Policy.QueueTimeout, "after the look for a lost end, the next look is at the end of the queue time");
        call.After(23).Observes([ParticipantId.Caller], (ParticipantId.Callee, Progress.Dialing, null));
        call.Callee.Gone.ShouldBe(LeaveReason.Unreachable);
        call.HangUps.ShouldBe([A.CalleeLeg, A.CallerLeg], ignoreOrder: true);
        call.Session.EndReason.ShouldBe(EndReason.CalleeUnreachable);
    }

    /// <summary>Twilio's REST API says <c>queued</c> of an initiated call too.</summary>
    [Fact]
    public void A_call_that_Twilio_dials_is_not_taken_for_a_queued_one()
    {
        var call = A.Session().Dialing().Joins(ParticipantId.Caller).Says(ParticipantId.Callee, Progress.Dialing).After(70)
            .Observes([ParticipantId.Caller], (ParticipantId.Callee, Progress.Dialing, null));
        call.Session.IsEnded.ShouldBeFalse();
    }

    /// <summary>Twilio may send <c>initiated</c> when the call enters the queue (docs/emulator.md).</summary>
    [Fact]
    public void A_call_that_is_reported_as_dialled_and_stays_queued_is_given_up_after_the_queue_time_and_the_ring_time()
    {
        var call = A.Session().Dialing().Joins(ParticipantId.Caller).Says(ParticipantId.Callee, Progress.Dialing).After(37)
            .Observes([ParticipantId.Caller], (ParticipantId.Callee, Progress.Dialing, null));
        call.Due.ShouldBe(A.Noon + TimeSpan.FromSeconds(37) + Policy.ReviewInterval, "it is not reviewed every few seconds");
        call.After(Policy.LongestWait - TimeSpan.FromSeconds(38))
            .Observes([ParticipantId.Caller], (ParticipantId.Callee, Progress.Dialing, null));
        call.Session.IsEnded.ShouldBeFalse("its ring time may not be over");
        call.After(1).Observes([ParticipantId.Caller], (ParticipantId.Callee, Progress.Dialing, null));
        call.Callee.Gone.ShouldBe(LeaveReason.Unreachable);
        call.HangUps.ShouldBe([A.CalleeLeg, A.CallerLeg], ignoreOrder: true);
    }

    [Fact]
    public void A_dial_that_must_wait_for_its_turn_is_queued_and_may_be_sent_until_the_queue_timeout()
    {
        var call = A.Session().When(new SessionEvent.DialPaced(ParticipantId.Callee, A.Nonce));
        call.Callee.IsQueued.ShouldBeTrue();
        call.After(59).Claims(ParticipantId.Callee).Reply.ShouldBeOfType<CallReply.DialGranted>();
        call.Accepts(ParticipantId.Callee).Callee.QueuedAt.ShouldBe(A.Noon);
        A.Session().When(new SessionEvent.DialPaced(ParticipantId.Callee, A.Nonce)).After(60).Claims(ParticipantId.Callee)
            .Callee.Gone.ShouldBe(LeaveReason.NeverDialed);
    }

    [Fact]
    public void A_dial_with_an_unknown_outcome_is_looked_up_for_as_long_as_its_call_can_wait_and_ring()
    {
        var call = A.Session().Unknown();
        var sent = call.Now;
        while (call.DialOf(ParticipantId.Callee) is { } dial)
        {
            (dial.NotBefore - sent).ShouldBeLessThanOrEqualTo(Policy.LongestWait);
            call.After(dial.NotBefore - call.Now).Settles(ParticipantId.Callee, new DialOutcome.LookUpFailed());
        }

        (call.Now - sent).ShouldBe(Policy.LongestWait);
        call.Callee.Gone.ShouldBe(LeaveReason.Unreachable);
    }
}
