namespace Calls.Domain.Tests.Flows;

/// <summary>The caller of a callee who was not reached hears a tone or words, and then the line ends (G4).</summary>
public sealed class The_caller_hears_why
{
    public static TheoryData<LeaveReason, Tone> Reasons => new()
    {
        { LeaveReason.Busy, Tone.Busy },
        { LeaveReason.Declined, Tone.Busy },
        { LeaveReason.NoAnswer, Tone.Reorder },
        { LeaveReason.Unreachable, Tone.Reorder },
    };

    [Theory, MemberData(nameof(Reasons))]
    public void The_reason_has_a_tone(LeaveReason because, Tone tone)
    {
        var call = A.Session(A.BobsPhone).Ringing().Ends(ParticipantId.Callee, because);
        ToneOf(call).ShouldBe(because);
        Tones.Of(because).ShouldBe(tone);
        call.Leaves(ParticipantId.Caller).Session.AllHaveLeft.ShouldBeTrue("the redirected leg leaves the room");
        call.Due.ShouldBeNull();
    }

    [Fact]
    public void A_dial_that_is_refused_or_cannot_be_sent_has_the_reorder_tone()
    {
        ToneOf(A.Session().Sending().Settles(ParticipantId.Callee, new DialOutcome.Refused(21211)))
            .ShouldBe(LeaveReason.RefusedByTwilio);
        ToneOf(A.Session().Joins(ParticipantId.Caller).After(60).Claims(ParticipantId.Callee)).ShouldBe(LeaveReason.Unreachable);
        Tones.Of(LeaveReason.RefusedByTwilio).ShouldBe(Tone.Reorder);
    }

    [Fact]
    public void A_machine_and_a_person_who_does_not_accept_have_the_reorder_tone()
    {
        ToneOf(A.ScreenedCall().Answers(ParticipantId.Callee, AnsweredBy.Machine)).ShouldBe(LeaveReason.Voicemail);
        var asked = A.ScreenedCall().Answers(ParticipantId.Callee, AnsweredBy.Unknown).Presses(ParticipantId.Callee, 1, one: false);
        ToneOf(asked.Presses(ParticipantId.Callee, 2, one: false)).ShouldBe(LeaveReason.NotAccepted);
        Tones.Of(LeaveReason.Voicemail).ShouldBe(Tone.Reorder);
        Tones.Of(LeaveReason.NotAccepted).ShouldBe(Tone.Reorder);
    }

    [Fact]
    public void A_call_that_simply_ends_has_no_tone()
    {
        ToneOf(A.Session().Live().Leaves(ParticipantId.Callee)).ShouldBeNull();
        ToneOf(A.Session().Ringing().EndsForEveryone()).ShouldBeNull();
        ToneOf(A.Session().Ringing().Removes(ParticipantId.Callee)).ShouldBeNull();
        ToneOf(A.Session().Live().After(TimeSpan.FromHours(4)).When(new SessionEvent.MaxDurationPassed())).ShouldBeNull();
    }

    [Fact]
    public void A_caller_who_has_hung_up_or_was_removed_hears_nothing()
    {
        ToneOf(A.Session().Ringing().Leaves(ParticipantId.Caller).Ends(ParticipantId.Callee, LeaveReason.Busy)).ShouldBeNull();
        var call = A.Session().Ringing().Ends(ParticipantId.Callee, LeaveReason.Busy).Leaves(ParticipantId.Caller);
        call.Session.Effects.ShouldBeEmpty("the caller left before the tone was sent");
        ToneOf(A.Session().Ringing().Removes(ParticipantId.Caller).Ends(ParticipantId.Callee, LeaveReason.Busy)).ShouldBeNull();
    }

    [Fact]
    public void A_caller_who_talks_to_a_guest_or_waits_for_one_hears_nothing()
    {
        var waits = A.Session().Ringing().Opens().WithRinging(A.Doctor).Ends(ParticipantId.Callee, LeaveReason.Declined);
        waits.Session.IsEnded.ShouldBeFalse();
        ToneOf(waits).ShouldBeNull();
        ToneOf(waits.Ends(A.Doctor, LeaveReason.NoAnswer)).ShouldBe(LeaveReason.Declined, "now no person is on the way");
    }

    [Fact]
    public void While_the_tone_plays_the_hang_up_waits_and_it_is_sent_if_no_webhook_says_that_the_leg_has_left()
    {
        var call = A.Session().Ringing().Ends(ParticipantId.Callee, LeaveReason.Busy);
        call.When(new SessionEvent.ToneSettled(A.CallerLeg, EffectOutcome.Done));
        ToneOf(call).ShouldBeNull("it is played once");
        call.Session.Effects.ShouldHaveSingleItem().NotBefore.ShouldBe(call.Now + call.Policy.ToneTime);
        call.Observes([], (ParticipantId.Caller, Progress.Answered, null)).Session.Effects.Length.ShouldBe(1, "the leg hears the tone");
        call.After(call.Policy.ToneTime).Session.Effects.ShouldBe(Deadlines.DueEffects(call.Session, call.Policy, call.Now));
        call.HangsUp(A.CallerLeg, EffectOutcome.AlreadyOver).Session.AllHaveLeft.ShouldBeTrue();
        call.Due.ShouldBeNull();
    }

    [Theory]
    [InlineData(EffectOutcome.TryLater)]
    [InlineData(EffectOutcome.Refused)]
    [InlineData(EffectOutcome.AlreadyOver)]
    public void If_the_tone_cannot_be_played_the_leg_is_hung_up_at_once(EffectOutcome outcome)
    {
        var call = A.Session().Ringing().Ends(ParticipantId.Callee, LeaveReason.Busy);
        call.When(new SessionEvent.ToneSettled(A.CallerLeg, outcome));
        ToneOf(call).ShouldBeNull();
        call.HangUps.ShouldBe([A.CallerLeg]);
        call.Session.Effects.ShouldHaveSingleItem().Attempt.ShouldBe(0, "this replica runs it at once");
        call.Caller.Progress.ShouldBe(Progress.Joined, "a refusal does not prove that the leg has gone");
        call.When(new SessionEvent.ToneSettled(A.CallerLeg, outcome)).Last.Ignored.ShouldBe(IgnoreReason.NotPending);
    }

    [Fact]
    public void A_call_with_the_same_id_just_hangs_the_old_leg_up()
    {
        var call = A.Session().Ringing().Ends(ParticipantId.Callee, LeaveReason.Busy).Starts(A.Leg(11), nonce: "nonceofthesecond");
        call.HangUps.ShouldContain(A.CallerLeg);
        ToneOf(call).ShouldBeNull();
    }

    [Fact]
    public void The_language_of_the_call_is_kept()
    {
        Language.TryParse("de-CH", out var german).ShouldBeTrue();
        var call = A.NoSession().When(new SessionEvent.StartCall(A.Id(), A.Nonce, A.CallerLeg, A.App("alice"), A.Bob)
        {
            Language = german,
        });
        call.Session.Language.ShouldBe(german);
        german.Primary.ShouldBe("de");
    }

    [Theory]
    [InlineData("en", true)]
    [InlineData("de-CH", true)]
    [InlineData("cmn-Hans-CN", true)]
    [InlineData("", false)]
    [InlineData("e", false)]
    [InlineData("english", false)]
    [InlineData("en_US", false)]
    [InlineData("en-", false)]
    [InlineData("d3", false)]
    [InlineData("en\"/><Dial>+41", false)]
    [InlineData("en-aaaaaaaa-aaaaaaaa-aaaaaaaa-aaaaaaaa", false)]
    public void A_language_has_letters_and_subtags(string text, bool isLanguage) =>
        Language.TryParse(text, out _).ShouldBe(isLanguage);

    private static LeaveReason? ToneOf(Call call) =>
        call.Session.FindEffect<Effect.HangUp>(h => h.Because is not null)?.Because;
}
