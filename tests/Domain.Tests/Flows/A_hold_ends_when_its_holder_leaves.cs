namespace Calls.Domain.Tests.Flows;

/// <summary>Issue 16, 1: alice put two phones on hold and hung up, and both phones heard music for ever.</summary>
public sealed class A_hold_ends_when_its_holder_leaves
{
    private static readonly ParticipantId Callee = ParticipantId.Callee;

    [Theory]
    [InlineData("webhook")]
    [InlineData("review")]
    [InlineData("removal")]
    public void Both_phones_are_taken_off_hold_and_the_call_goes_on(string how)
    {
        var call = HeldByAlice();
        call = how switch
        {
            "webhook" => call.Leaves(ParticipantId.Caller),
            "review" => call.Observes([Callee, A.Doctor], (ParticipantId.Caller, Progress.Gone, LeaveReason.HungUp)),
            _ => call.Removes(ParticipantId.Caller),
        };
        call.Session.IsEnded.ShouldBeFalse();
        Wanted(call).ShouldBe([(Callee, null, false), (A.Doctor, null, false)]);
        call.When(Settled(call, Callee, EffectOutcome.Done, hold: false)).When(Settled(call, A.Doctor, EffectOutcome.Done, hold: false));
        (call.Callee.Hold, call.The(A.Doctor).Hold, call.Session.IsEnded).ShouldBe((false, false, false));
        Wanted(call).ShouldBeEmpty();
    }

    [Fact]
    public void The_session_knows_who_holds_whom()
    {
        var call = HeldByAlice(A.Bob).When(Hold(A.Doctor, "bob"));
        call.Callee.HeldBy.ShouldBe(ParticipantId.Caller);
        call.The(A.Doctor).HeldBy.ShouldBe(ParticipantId.Caller, "the first holder counts until the hold ends");
        call.When(Hold(A.Doctor, "alice", false)).When(Settled(call, A.Doctor, EffectOutcome.Done, hold: false));
        call.When(Hold(A.Doctor, "bob"));
        call.The(A.Doctor).HeldBy.ShouldBe(Callee);
        call.When(Hold(Callee, "carol"));
        call.Callee.HeldBy.ShouldBe(ParticipantId.Operator, "a bearer who is not on the call is an operator");
    }

    [Fact]
    public void A_hold_whose_holder_stays_is_kept_when_another_person_leaves()
    {
        var call = A.Session().Live().With(A.Doctor).With(A.Lawyer).When(Hold(A.Doctor, "bob")).Flags(A.Doctor, false, true, 3)
            .When(Settled(A.Doctor, 1, EffectOutcome.Done, hold: true)).Leaves(ParticipantId.Caller);
        Wanted(call).ShouldBeEmpty();
        call.The(A.Doctor).Hold.ShouldBeTrue();
        Wanted(call.Leaves(Callee)).ShouldBe([(A.Doctor, null, false)]);
    }

    [Fact]
    public void A_hold_by_an_operator_does_not_end_when_people_leave()
    {
        var call = HeldByAlice().When(new SessionEvent.SetParticipantFlags(A.Doctor, null, true)).When(Hold(A.Doctor, "alice"));
        call.The(A.Doctor).HeldBy.ShouldBe(ParticipantId.Operator, "no person takes the hold from the operator");
        call.When(Settled(call, A.Doctor, EffectOutcome.Done, hold: true)).Leaves(ParticipantId.Caller);
        Wanted(call).ShouldBe([(Callee, null, false)]);
        call.When(new SessionEvent.SetParticipantFlags(A.Doctor, null, false));
        Wanted(call).ShouldContain((A.Doctor, null, false));
    }

    /// <summary>A replica of the version before has stored the hold, or Twilio was asked by another client of the account.</summary>
    [Fact]
    public void A_hold_without_a_known_holder_ends_when_no_app_user_is_there_who_could_end_it()
    {
        var call = A.Session().Live().With(A.Doctor).With(A.Lawyer).Flags(A.Doctor, false, true, 3).Leaves(ParticipantId.Caller);
        Wanted(call).ShouldBeEmpty();
        Wanted(call.Leaves(Callee)).ShouldBe([(A.Doctor, null, false)]);
    }

    [Fact]
    public void A_hold_that_was_requested_and_not_made_yet_is_not_made()
    {
        var asked = A.Session().Live().With(A.Doctor).With(A.Lawyer).When(Hold(A.Doctor, "alice")).Leaves(ParticipantId.Caller);
        Wanted(asked).ShouldBe([(A.Doctor, null, false)]);
        asked.When(Settled(A.Doctor, 1, EffectOutcome.Done, hold: true)).Last.Ignored.ShouldBe(IgnoreReason.NotPending);
        var waits = A.Session().Live().WithRinging(A.Doctor).When(new SessionEvent.SetParticipantFlags(A.Doctor, true, null))
            .When(Hold(A.Doctor, "alice")).Leaves(ParticipantId.Caller);
        Wanted(waits).ShouldBe([(A.Doctor, true, false)], "the mute is kept");
    }

    /// <summary>Twilio can carry out the request of the holder after the end of the hold.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_hold_that_reaches_Twilio_late_ends_too(bool webhookArrives)
    {
        var call = HeldByAlice().Leaves(ParticipantId.Caller);
        call.When(Settled(call, A.Doctor, EffectOutcome.Done, hold: false)).When(Settled(call, Callee, EffectOutcome.Done, hold: false));
        Wanted(call).ShouldBeEmpty();
        call = webhookArrives ? call.Flags(A.Doctor, false, true, 9) : call.When(Seen(call, A.Doctor, hold: true));
        Wanted(call).ShouldBe([(A.Doctor, null, false)]);
    }

    [Fact]
    public void If_Twilio_is_busy_the_end_of_the_hold_is_repeated()
    {
        var call = HeldByAlice().Leaves(ParticipantId.Caller);
        call.When(Settled(call, A.Doctor, EffectOutcome.TryLater, hold: false));
        call.Session.FindEffect<Effect.SetFlags>(f => f.Participant == A.Doctor)!.Attempt.ShouldBe(1);
        call.Session.IsEnded.ShouldBeFalse();
    }

    [Fact]
    public void If_Twilio_refuses_the_end_of_a_hold_the_leg_is_hung_up_and_does_not_count()
    {
        var call = HeldByAlice().Leaves(ParticipantId.Caller);
        call.When(Settled(call, A.Doctor, EffectOutcome.Refused, hold: false));
        call.HangUps.ShouldContain(A.DoctorLeg);
        call.Session.EndReason.ShouldBe(EndReason.OnePersonLeft, "the callee is alone");
        call.FinishesHangUps().Session.Effects.ShouldBeEmpty();
        var other = HeldByAlice().When(Hold(A.Doctor, "alice", false));
        other.When(Settled(other, A.Doctor, EffectOutcome.Refused, hold: false));
        other.HangUps.ShouldBeEmpty("alice is still there");
    }

    [Fact]
    public void A_participant_who_is_being_removed_stays_so_if_Twilio_refuses_the_end_of_the_hold()
    {
        var call = HeldByAlice().With(A.Lawyer).Leaves(ParticipantId.Caller).Removes(A.Doctor);
        call.When(Settled(call, A.Doctor, EffectOutcome.Refused, hold: false)).The(A.Doctor).Leaving.ShouldBe(Leaving.Removed);
    }

    /// <summary>Alice has put the callee and the doctor, two phones, on hold, and Twilio has done it.</summary>
    private static Call HeldByAlice(Party? callee = null) => A.Session(callee ?? A.BobsPhone).Live().With(A.Doctor)
        .When(Hold(Callee, "alice")).When(Hold(A.Doctor, "alice")).When(Settled(Callee, 1, EffectOutcome.Done, hold: true))
        .When(Settled(A.Doctor, 1, EffectOutcome.Done, hold: true));

    private static IEnumerable<(ParticipantId Participant, bool? Muted, bool? Hold)> Wanted(Call call) =>
        call.Session.Effects.OfType<Effect.SetFlags>().Select(f => (f.Participant, f.Muted, f.Hold));

    private static SessionEvent.SetParticipantFlags Hold(ParticipantId whom, string by, bool hold = true) =>
        new(whom, null, hold, A.Identity(by));

    private static SessionEvent.FlagsSettled Settled(Call call, ParticipantId whom, EffectOutcome outcome, bool hold) =>
        Settled(whom, call.The(whom).FlagsVersion, outcome, hold);

    private static SessionEvent.FlagsSettled Settled(ParticipantId whom, int version, EffectOutcome outcome, bool hold) => new(
        CallSession.RoomOf(A.Id(), A.Nonce), whom, new FlagsMark(version, -1), outcome,
        outcome == EffectOutcome.Done ? new SeenFlags(false, hold) : null);

    private static SessionEvent.SessionObserved Seen(Call call, ParticipantId whom, bool hold) => new(
        new Observation(call.Session.Room, A.Room1, [A.CalleeLeg, A.DoctorLeg],
            [new ObservedLeg(A.CalleeLeg, Progress.Answered, null), new ObservedLeg(A.DoctorLeg, Progress.Answered, null)])
        {
            Flags = [new ObservedFlags(A.LegOf(whom), call.The(whom).FlagsMark, false, hold)],
        });
}
