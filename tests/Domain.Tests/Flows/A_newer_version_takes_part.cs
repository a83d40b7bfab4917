namespace Calls.Domain.Tests.Flows;

/// <summary>A newer replica stored members, effects and reasons that this version does not know. Decisions keep them.</summary>
public sealed class A_newer_version_takes_part
{
    private static readonly CallPolicy Policy = new();

    private static readonly Effect.Foreign Foreign = new("""{"k":"z"}""") { NotBefore = A.Noon.AddSeconds(40) };

    [Fact]
    public void What_it_stored_stays_through_a_whole_call_which_is_decided_as_without_it()
    {
        var plain = A.Session();
        var session = Marked(plain.Session);
        SessionEvent[] story =
        [
            new SessionEvent.ClaimDial(ParticipantId.Callee, A.Nonce),
            new SessionEvent.DialSettled(ParticipantId.Callee, A.Nonce, 1, new DialOutcome.Unknown()),
            new SessionEvent.DialSettled(ParticipantId.Callee, A.Nonce, 1, new DialOutcome.Accepted(A.CalleeLeg)),
            new SessionEvent.LegProgressed(ParticipantId.Callee, A.CalleeLeg, Progress.Ringing, null, A.Nonce),
            new SessionEvent.JoinCall(ParticipantId.Callee, A.CalleeLeg, A.Nonce),
            new SessionEvent.ParticipantJoined(A.Room1, session.Room, A.CallerLeg, ParticipantId.Caller, new Flags(false, false, 1)),
            new SessionEvent.ParticipantJoined(A.Room1, session.Room, A.CalleeLeg, ParticipantId.Callee, new Flags(false, false, 2)),
            new SessionEvent.SetParticipantFlags(ParticipantId.Callee, Muted: true, Hold: null),
            new SessionEvent.FlagsSettled(session.Room, ParticipantId.Callee, new FlagsMark(1, 2), EffectOutcome.TryLater, null),
            new SessionEvent.ParticipantLeft(session.Room, A.CalleeLeg, ParticipantId.Callee, LeaveReason.HungUp),
            new SessionEvent.HangUpSettled(A.CallerLeg, EffectOutcome.TryLater),
            new SessionEvent.HangUpSettled(A.CallerLeg, EffectOutcome.AlreadyOver),
        ];
        foreach (var happened in story)
        {
            plain.After(1).When(happened);
            var decided = SessionDecider.Decide(session, happened, Policy, plain.Now);
            session = decided.Session!;
            (decided.Changed, decided.Ignored).ShouldBe((plain.Last.Changed, plain.Last.Ignored), happened.ToString());
            session.Unknown.ShouldBe("session", happened.ToString());
            session.Participants.Select(p => p.Unknown).ShouldBe(["caller", "callee"], happened.ToString());
            session.Effects[0].ShouldBe(Foreign, happened.ToString());
            session.Participants.Select(p => p with { Unknown = null }).ShouldBe(plain.Session.Participants, happened.ToString());
            session.Effects.Skip(1).Select(e => e with { Unknown = null }).ShouldBe(plain.Session.Effects, happened.ToString());
        }

        session.EndReason.ShouldBe(EndReason.OnePersonLeft);
    }

    [Fact]
    public void Members_of_an_effect_stay_while_it_is_tried_again()
    {
        var session = Marked(A.Session().Session);
        session = SessionDecider.Decide(session, new SessionEvent.ClaimDial(ParticipantId.Callee, A.Nonce), Policy, A.Noon).Session!;
        session.FindEffect<Effect.Dial>(_ => true)!.Unknown.ShouldBe("effect");
    }

    [Fact]
    public void An_effect_of_an_unknown_kind_is_never_run_and_its_time_is_not_lost()
    {
        var over = A.Session().Live().EndsForEveryone().FinishesHangUps();
        over.Due.ShouldBeNull();
        var session = over.Session with { Effects = [Foreign] };
        Deadlines.Next(session, Policy).ShouldBe(Foreign.NotBefore, "a newer replica finds it by the index of deadlines");
        Deadlines.DueEffects(session, Policy, Foreign.NotBefore.AddHours(1)).ShouldBeEmpty();
        session.Effects.ShouldBe([Foreign]);
    }

    [Fact]
    public void After_a_look_it_comes_up_again_a_lease_later_and_every_other_deadline_stays()
    {
        var live = A.Session().Live();
        var session = live.Session with { Effects = [Foreign] };
        var (due, before) = (Foreign.NotBefore, Foreign.NotBefore.AddTicks(-1));
        Deadlines.Next(Deadlines.PutOffForeign(session, Policy, before), Policy).ShouldBe(due, "it is not due yet");
        Deadlines.Next(Deadlines.PutOffForeign(session, Policy, due), Policy).ShouldBe(due + Policy.EffectLease);
        var review = live.Due!.Value;
        Deadlines.Next(Deadlines.PutOffForeign(session, Policy, review.AddSeconds(-1)), Policy).ShouldBe(review);
    }

    [Fact]
    public void An_effect_without_a_time_is_due_since_the_last_change()
    {
        var over = A.Session().Live().EndsForEveryone().FinishesHangUps();
        var timeless = Foreign with { NotBefore = DateTimeOffset.UnixEpoch };
        Deadlines.Next(over.Session with { Effects = [timeless] }, Policy).ShouldBe(over.Session.TouchedAt);
    }

    [Fact]
    public void An_effect_of_an_unknown_kind_outlives_the_call_whose_id_is_used_again()
    {
        var over = A.Session().Live().EndsForEveryone().FinishesHangUps();
        var again = new SessionEvent.StartCall(A.Id(), "nonceofthiscall2", A.StrangerLeg, A.App("alice"), A.Bob);
        var started = SessionDecider.Decide(over.Session with { Effects = [Foreign] }, again, Policy, over.Now).Session!;
        started.Effects.ShouldContain(Foreign);
        started.Nonce.ShouldBe("nonceofthiscall2");
    }

    [Theory]
    [InlineData((EndReason)99, Evidence.Webhook, LeaveReason.HungUp)]
    [InlineData(EndReason.CalleeBusy, (Evidence)99, LeaveReason.HungUp)]
    [InlineData(EndReason.CalleeBusy, Evidence.Webhook, (LeaveReason)99)]
    public void The_end_reason_of_a_newer_version_stands(EndReason reason, Evidence evidence, LeaveReason gone)
    {
        var call = A.Session().Live().Leaves(ParticipantId.Callee);
        call.Session.EndReason.ShouldBe(EndReason.OnePersonLeft);
        var newer = call.Session with
        {
            EndReason = reason,
            EndEvidence = evidence,
            Participants = call.Session.Participants.SetItem(1, call.Callee with { Gone = gone }),
        };
        var left = new SessionEvent.ParticipantLeft(newer.Room, A.CallerLeg, ParticipantId.Caller, LeaveReason.HungUp);
        var decided = SessionDecider.Decide(newer, left, Policy, call.Now).Session!;
        decided.AllHaveLeft.ShouldBeTrue();
        (decided.EndReason, decided.EndEvidence, decided.Participants[1].Gone).ShouldBe((reason, evidence, gone));
    }

    private static CallSession Marked(CallSession session) => session with
    {
        Unknown = "session",
        Participants = [.. session.Participants.Select(p => p with { Unknown = p.Id.Value })],
        Effects = [Foreign, .. session.Effects.Select(e => e with { Unknown = "effect" })],
    };
}
