namespace Calls.Domain.Tests.Exhaustive;

/// <summary>A check on the checker: each of these defects is put around the real decisions, and must be found.</summary>
public sealed class What_is_broken_on_purpose(ITestOutputHelper output)
{
    [Fact]
    public void A_second_leg_is_taken_for_the_first() => IsFound(Scenarios.LostClaim, "a person's leg is another", real => (session, happened, policy, now) =>
    {
        var (id, leg) = happened switch
        {
            SessionEvent.LegProgressed e => (e.Participant, e.Leg),
            SessionEvent.JoinCall e => (e.Participant, e.Leg),
            SessionEvent.ParticipantJoined { Label: { } label } e => (label, e.Leg),
            _ => (ParticipantId.Caller, session?.Caller.Leg),
        };
        var decision = real(Changed(session, id, p => p with { Leg = p.Leg is null ? null : leg }), happened, policy, now);
        return decision with { Changed = !ReferenceEquals(decision.Session, session) };
    });

    [Fact]
    public void A_leg_that_has_gone_comes_back() => IsFound(Scenarios.TwoPeople, "progress falls", real => (session, happened, policy, now) =>
        real(happened is SessionEvent.ParticipantJoined { Label: { } label } ? Changed(session, label, p => p with { Progress = Progress.Answered, Gone = null }) : session, happened, policy, now));

    [Fact]
    public void A_dial_is_sent_again_though_its_outcome_is_unknown() => IsFound(Scenarios.TwoPeople, "a leg lives though the call is over", real => (session, happened, policy, now) =>
    {
        var decision = real(session, happened, policy, now);
        return decision is { Changed: true, Session: { IsEnded: false } after }
            ? decision with { Session = after with { Effects = [.. after.Effects.Select(e => e is Effect.Dial { State: DialState.Unknown } dial ? dial with { State = DialState.Planned } : e)] } }
            : decision;
    });

    [Fact]
    public void A_dial_is_sent_and_leaves_no_mark() => IsFound(Scenarios.TwoPeople, "the same event twice is more than once", real => (session, happened, policy, now) =>
    {
        var decision = real(session, happened, policy, now);
        return decision.Reply is CallReply.DialGranted granted
            ? decision with { Session = granted.Session with { Effects = [.. granted.Session.Effects.Select(e => e is Effect.Dial d ? d with { State = DialState.Planned } : e)] } }
            : decision;
    });

    [Fact]
    public void A_late_word_of_one_sending_is_taken_for_the_next_ones() => IsFound(Scenarios.TwoPeople, "a leg lives though the call is over", real => (session, happened, policy, now) =>
        real(session, happened is SessionEvent.DialSettled e ? e with { Attempt = session?.FindEffect<Effect.Dial>(d => d.Participant == e.Participant)?.Attempt ?? e.Attempt } : happened, policy, now));

    [Fact]
    public void The_last_one_on_the_line_is_left_there() => IsFound(Scenarios.TwoPeople, "somebody is known to be alone", real => (session, happened, policy, now) =>
    {
        var decision = real(session, happened, policy, now);
        return decision is { Session: { IsEnded: true } after } && session is { IsEnded: false } && after.Participants.Count(p => p.Progress == Progress.Joined) == 1
            ? decision with
            {
                Session = after with
                {
                    EndedAt = null,
                    EndReason = null,
                    EndEvidence = null,
                    Effects = [],
                    Participants = [.. after.Participants.Select(p => p with { Leaving = Leaving.No })],
                },
            }
            : decision;
    });

    [Fact]
    public void Hang_ups_are_forgotten() => IsFound(Scenarios.TwoPeople, "a leg lives though the call is over", real => (session, happened, policy, now) =>
    {
        var decision = real(session, happened, policy, now);
        return decision with { Session = decision.Changed && decision.Session is { } after ? after with { Effects = after.Effects.RemoveAll(e => e is Effect.HangUp) } : decision.Session };
    });

    [Fact]
    public void Reviews_are_not_listened_to() => IsFound(Scenarios.TwoPeople, "somebody is alone", real => (session, happened, policy, now) =>
        real(session, happened is SessionEvent.SessionObserved e ? new SessionEvent.SessionObserved(e.Observation with { Legs = [] }) : happened, policy, now));

    [Fact]
    public void Whoever_answers_is_let_in() => IsFound(Scenarios.TwoPeople, "sent into the room of a call that is over", real => (session, happened, policy, now) =>
    {
        var decision = real(session, happened, policy, now);
        return happened is SessionEvent.JoinCall e && decision.Session?.Find(e.Participant) is { } participant
            ? decision with { Reply = new CallReply.JoinRoom(decision.Session.Room, participant) }
            : decision;
    });

    [Fact]
    public void A_planned_dial_outlives_the_call() => IsFound(Scenarios.TwoPeople, "a dial is planned for a call that is over", real => (session, happened, policy, now) =>
    {
        var decision = real(session, happened, policy, now);
        var dial = session?.FindEffect<Effect.Dial>(d => d.State == DialState.Planned);
        return decision is { Changed: true, Session: { IsEnded: true } after } && dial is not null
            ? decision with
            {
                Session = Changed(after, dial.Participant, p => p with { Progress = Progress.Invited, Gone = null })! with { Effects = after.Effects.Add(dial) },
            }
            : decision;
    });

    [Fact]
    public void What_may_yet_matter_is_taken_for_known() => IsFound(Scenarios.TwoPeople, "made no difference for good, and then did", real => (session, happened, policy, now) =>
        session is { Conference: null } && happened is SessionEvent.LegProgressed { To: Progress.Ringing }
            ? new Decision(happened, session, CallReply.Nothing) { Ignored = IgnoreReason.NothingNew }
            : real(session, happened, policy, now));

    private static CallSession? Changed(CallSession? session, ParticipantId id, Func<Participant, Participant> change) =>
        session?.Find(id) is { } participant && change(participant) is var changed && changed != participant
            ? session with { Participants = session.Participants.Replace(participant, changed) }
            : session;

    private void IsFound(Scenario scenario, string expected, Func<Decide, Decide> breakIt)
    {
        var found = new Explorer(scenario, breakIt(SessionDecider.Decide)).Run(500_000);
        output.WriteLine($"after {found.States:N0} states: {found.Violation}");
        found.Violation.ShouldNotBeNull();
        found.Violation.ShouldContain(expected);
    }
}
