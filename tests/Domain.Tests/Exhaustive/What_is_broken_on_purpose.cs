using System.Collections.Immutable;

namespace Calls.Domain.Tests.Exhaustive;

/// <summary>A test of the explorer: it must find each of these defects, which are added to the real decisions.</summary>
public sealed class What_is_broken_on_purpose(ITestOutputHelper output)
{
    [Fact]
    public void A_second_leg_replaces_the_first() =>
        IsFound(Scenarios.LostClaim, "a participant's leg changes", real => (session, happened, policy, now) =>
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
    public void A_leg_that_has_left_comes_back() =>
        IsFound(Scenarios.TwoPeople, "progress decreases", real => (session, happened, policy, now) =>
        {
            var before = happened is SessionEvent.ParticipantJoined { Label: { } label }
                ? Changed(session, label, p => p with { Progress = Progress.Answered, Gone = null })
                : session;
            return real(before, happened, policy, now);
        });

    [Fact]
    public void A_dial_with_an_unknown_outcome_is_sent_again() =>
        IsFound(Scenarios.TwoPeople, "a leg is alive after the end of the call", real => (session, happened, policy, now) =>
        {
            var decision = real(session, happened, policy, now);
            return decision is { Changed: true, Session: { IsEnded: false } after }
                ? decision with { Session = Planned(after, d => d.State == DialState.Unknown) }
                : decision;
        });

    [Fact]
    public void A_granted_dial_is_not_recorded() =>
        IsFound(Scenarios.TwoPeople, "the same event twice in a row changes more than once", real => (session, happened, policy, now) =>
        {
            var decision = real(session, happened, policy, now);
            return decision.Reply is CallReply.DialGranted granted
                ? decision with { Session = Planned(granted.Session, _ => true) }
                : decision;
        });

    [Fact]
    public void A_late_outcome_of_one_sending_is_applied_to_the_next() =>
        IsFound(Scenarios.TwoPeople, "a leg is alive after the end of the call", real => (session, happened, policy, now) =>
        {
            if (happened is SessionEvent.DialSettled e && session?.FindEffect<Effect.Dial>(d => d.Participant == e.Participant) is { } dial)
                happened = e with { Attempt = dial.Attempt };
            return real(session, happened, policy, now);
        });

    [Fact]
    public void The_last_participant_stays_on_the_line() =>
        IsFound(Scenarios.TwoPeople, "a participant is known to be alone", real => (session, happened, policy, now) =>
        {
            var decision = real(session, happened, policy, now);
            return decision is { Session: { IsEnded: true } after } && session is { IsEnded: false }
                && after.Participants.Count(p => p.Progress == Progress.Joined) == 1
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
    public void Hang_ups_are_lost() =>
        IsFound(Scenarios.TwoPeople, "a leg is alive after the end of the call", real => (session, happened, policy, now) =>
        {
            var decision = real(session, happened, policy, now);
            return decision is { Changed: true, Session: { } after }
                ? decision with { Session = after with { Effects = after.Effects.RemoveAll(e => e is Effect.HangUp) } }
                : decision;
        });

    [Fact]
    public void Reviews_are_ignored() =>
        IsFound(Scenarios.TwoPeople, "with one participant alone", real => (session, happened, policy, now) => real(
            session,
            happened is SessionEvent.SessionObserved e
                ? new SessionEvent.SessionObserved(e.Observation with
                {
                    Legs = [.. e.Observation.Legs.Where(leg => leg.Progress == Progress.Dialing)],
                })
                : happened,
            policy,
            now));

    [Fact]
    public void A_queued_call_is_given_up_too_early() =>
        IsFound(Scenarios.TwoPeople, "given up before the queue time-out", real => (session, happened, policy, now) =>
            real(session, happened,
                happened is SessionEvent.SessionObserved ? policy with { QueueTimeout = TimeSpan.Zero } : policy, now));

    [Fact]
    public void A_queued_call_is_never_given_up() =>
        IsFound(Scenarios.TwoPeople, "without end", real => (session, happened, policy, now) =>
            real(session, happened,
                happened is SessionEvent.SessionObserved ? policy with { QueueTimeout = TimeSpan.FromDays(1) } : policy, now));

    [Fact]
    public void A_queued_call_that_is_reported_as_dialled_is_never_given_up() =>
        IsFound(Scenarios.TwoPeople with { InitiatedWhileQueued = true }, "without end", real => (session, happened, policy, now) =>
            happened is SessionEvent.SessionObserved && session!.Participants.Any(p => p.DialedAt is not null)
                ? real(session, happened, policy with { QueueTimeout = TimeSpan.FromDays(1) }, now)
                : real(session, happened, policy, now));

    [Fact]
    public void A_leg_that_is_not_found_at_once_is_given_up() =>
        IsFound(Scenarios.TwoPeople, "a leg is alive after the end of the call", real => (session, happened, policy, now) =>
            real(session, happened, policy with { UnknownDialPatience = TimeSpan.Zero }, now));

    [Fact]
    public void Every_leg_that_answers_is_admitted() =>
        IsFound(Scenarios.TwoPeople, "sent into the room of an ended call", real => (session, happened, policy, now) =>
        {
            var decision = real(session, happened, policy, now);
            return happened is SessionEvent.JoinCall e && decision.Session?.Find(e.Participant) is { } participant
                ? decision with { Reply = new CallReply.JoinRoom(participant) }
                : decision;
        });

    [Fact]
    public void A_planned_dial_outlives_the_call() =>
        IsFound(Scenarios.TwoPeople, "a dial is planned for an ended call", real => (session, happened, policy, now) =>
        {
            var decision = real(session, happened, policy, now);
            var dial = session?.FindEffect<Effect.Dial>(d => d.State == DialState.Planned);
            if (decision is not { Changed: true, Session: { IsEnded: true } after } || dial is null)
                return decision;
            var invited = Changed(after, dial.Participant, p => p with { Progress = Progress.Invited, Gone = null })!;
            return decision with { Session = invited with { Effects = after.Effects.Add(dial) } };
        });

    [Fact]
    public void A_machine_counts_as_a_person() =>
        IsFound(Scenarios.ScreenedPhone, "with one participant alone", real => (session, happened, policy, now) =>
            real(session, happened is SessionEvent.JoinCall { AnsweredBy: AnsweredBy.Machine } e
                ? e with { AnsweredBy = AnsweredBy.Human }
                : happened, policy, now));

    [Fact]
    public void A_person_who_is_on_the_call_is_added() =>
        IsFound(Scenarios.AddedAgain, "a person is on the call twice", real => (session, happened, policy, now) =>
        {
            if (happened is not SessionEvent.AddPhoneParticipant || session is null)
                return real(session, happened, policy, now);
            var hidden = Changed(session, ParticipantId.Callee, p => p with { Party = A.BobsPhone })!;
            var decision = real(hidden, happened, policy, now);
            return decision with
            {
                Session = decision.Changed ? Changed(decision.Session, ParticipantId.Callee, p => p with { Party = A.Bob }) : session,
            };
        });

    [Fact]
    public void A_person_who_comes_back_is_still_rung() =>
        IsFound(Scenarios.AddedAgain, "a person is on the call twice", real => (session, happened, policy, now) =>
        {
            if (happened is not SessionEvent.StartCall || session is null)
                return real(session, happened, policy, now);
            var hidden = Changed(session, A.BobAgain, p => p with { Party = p.Answered ? A.Bob : A.BobsPhone })!;
            var decision = real(hidden, happened, policy, now);
            return decision with
            {
                Session = decision.Changed ? Changed(decision.Session, A.BobAgain, p => p with { Party = A.Bob }) : session,
            };
        });

    [Fact]
    public void A_hold_is_ignored_when_its_holder_leaves() =>
        IsFound(Scenarios.Holds, "on hold for a person who has left", real => (session, happened, policy, now) =>
        {
            var decision = real(session, happened, policy, now);
            return decision is { Changed: true, Session: { } after }
                ? decision with
                {
                    Session = after with
                    {
                        Participants =
                            [.. after.Participants.Select(p => p.HeldBy is null ? p : p with { HeldBy = ParticipantId.Operator })],
                    },
                }
                : decision;
        });

    [Fact]
    public void A_hold_ends_only_if_a_webhook_reports_the_leave() =>
        IsFound(Scenarios.Holds, "on hold for a person who has left", real => (session, happened, policy, now) =>
        {
            if (happened is not SessionEvent.SessionObserved || session is null)
                return real(session, happened, policy, now);
            var held = session with
            {
                Participants = [.. session.Participants.Select(p => p.HeldBy is null ? p : p with { HeldBy = ParticipantId.Operator })],
            };
            var decision = real(held, happened, policy, now);
            return decision with
            {
                Session = !decision.Changed ? session : decision.Session! with
                {
                    Participants = [.. decision.Session.Participants.Select(p => p with { HeldBy = session.Find(p.Id)!.HeldBy })],
                },
            };
        });

    [Fact]
    public void A_tone_is_played_to_a_person_who_has_gone() =>
        IsFound(Scenarios.TwoPeople, "a tone is planned for a person who has left", real => (session, happened, policy, now) =>
        {
            var decision = real(session, happened, policy, now);
            var tone = session?.FindEffect<Effect.HangUp>(h => h.Because is not null);
            return decision is { Changed: true, Session: { Caller.Progress: Progress.Gone } after } && tone is not null
                && after.FindEffect<Effect.HangUp>(h => h.Leg == tone.Leg) is null
                ? decision with { Session = after with { Effects = after.Effects.Add(tone) } }
                : decision;
        });

    [Fact]
    public void A_rebuilt_session_dials() =>
        IsFound(Scenarios.Forgetful, "a dial is granted to two senders", real => (session, happened, policy, now) =>
        {
            var decision = real(session, happened, policy, now);
            return happened is SessionEvent.SessionRebuilt && decision is { Changed: true, Session: { IsEnded: false } after }
                ? decision with { Session = Planned(after, _ => true) }
                : decision;
        });

    [Fact]
    public void A_second_return_keeps_both_legs() =>
        IsFound(Scenarios.Returns, "the session does not know a leg that is alive", real => (session, happened, policy, now) =>
        {
            var decision = real(session, happened, policy, now);
            return happened is SessionEvent.StartCall && decision is { Changed: true, Session: { } after }
                && after.Participants.Any(p => p.EarlierLegs.Length == 2)
                ? decision with { Session = after with { Effects = after.Effects.RemoveAll(e => e is Effect.HangUp) } }
                : happened is SessionEvent.SessionObserved e
                    ? real(session, e with { Observation = e.Observation with { InTheRoom = Known(session!, e.Observation.InTheRoom) } },
                        policy, now)
                : decision;
        });

    [Fact]
    public void A_refused_tone_is_taken_for_the_end_of_the_leg() =>
        IsFound(Scenarios.TwoPeople, "a leg is alive after the end of the call", real => (session, happened, policy, now) =>
            real(session, happened is SessionEvent.ToneSettled { Outcome: EffectOutcome.AlreadyOver } e
                ? new SessionEvent.HangUpSettled(e.Leg, e.Outcome)
                : happened, policy, now));

    [Fact]
    public void A_late_leave_of_an_earlier_leg_counts() =>
        IsFound(Scenarios.Returns, "a person on the line counts as gone", real => (session, happened, policy, now) => real(
            session,
            happened is SessionEvent.ParticipantLeft { Label: { } label } e && session?.Find(label)?.Leg is { } leg
                ? e with { Leg = leg }
                : happened,
            policy,
            now));

    [Fact]
    public void The_call_waits_without_end_for_a_person_whose_line_has_dropped() =>
        IsFound(Scenarios.Grace, "with one participant alone", real => (session, happened, policy, now) =>
            real(session, happened, policy with { RejoinGrace = TimeSpan.FromDays(1) }, now));

    [Fact]
    public void The_ringback_goes_on_after_the_return() =>
        IsFound(Scenarios.Grace, "on hold for a person who has left", real => (session, happened, policy, now) =>
        {
            var decision = real(session, happened, policy, now);
            return decision is { Changed: true, Session: { IsEnded: false } after }
                ? decision with
                {
                    Session = after with
                    {
                        Effects = after.Effects.RemoveAll(e => e is Effect.SetFlags { Hold: false }),
                        Participants = [.. after.Participants.Select(
                            p => p.Ringback == RingbackState.Over ? p with { Ringback = RingbackState.None } : p)],
                    },
                }
                : decision;
        });

    [Fact]
    public void Two_candidates_win() =>
        IsFound(Scenarios.OneOfTwo(Strategy.All), "two candidates get the call", real => (session, happened, policy, now) =>
            real(session, happened, policy, now) is { Reply: CallReply.AnsweredElsewhere } late && happened is SessionEvent.JoinCall e
                ? late with { Reply = new CallReply.JoinRoom(late.Session!.Find(e.Participant)!) }
                : real(session, happened, policy, now));

    [Fact]
    public void The_other_candidates_are_not_stopped() =>
        IsFound(Scenarios.OneOfTwo(Strategy.All), "the phone of a candidate rings, and another one has the call",
            real => (session, happened, policy, now) =>
            {
                var decision = real(session, happened, policy, now);
                return decision is { Changed: true, Session: { IsEnded: false } after } ? decision with
                {
                    Session = after with
                    {
                        Effects = after.Effects.RemoveAll(
                            e => e is Effect.HangUp { Leg: var leg } && after.Find(leg) is { Lost: true, Progress: Progress.Ringing }),
                    },
                } : decision;
            });

    [Fact]
    public void The_next_candidate_is_never_rung() =>
        IsFound(Scenarios.OneOfTwo(Strategy.InOrder), "a candidate waits", real => (session, happened, policy, now) =>
        {
            var decision = real(session, happened, policy, now);
            return decision is { Changed: true, Session: { } after } && session?.Find(A.Second) is { } waiting && session.IsWaiting(waiting)
                && after.FindEffect<Effect.Dial>(d => d.Participant == A.Second) is { } dial
                ? decision with { Session = after with { Effects = after.Effects.Remove(dial) } }
                : decision;
        });

    [Fact]
    public void A_second_answer_of_the_group_resolver_dials_again() =>
        IsFound(Scenarios.Group(Strategy.All, isConfigured: false), "changes more than once", real => (session, happened, policy, now) =>
        {
            var decision = real(session, happened, policy, now);
            if (happened is not SessionEvent.GroupResolved { Members: not null } || decision.Ignored != IgnoreReason.NotPending
                || session is not { IsEnded: false } || session.FindEffect<Effect.Dial>(d => d.Participant == A.GroupFirst) is not { } dial)
                return decision;
            return decision with { Session = session with { Effects = session.Effects.Add(dial) }, Changed = true, Ignored = null };
        });

    [Fact]
    public void The_caller_of_a_group_without_an_answer_waits_without_end() =>
        IsFound(Scenarios.Group(Strategy.All, isConfigured: false), "without a leg has no dial", real =>
            (session, happened, policy, now) =>
            {
                var asked = session?.FindEffect<Effect.ResolveGroup>(_ => true);
                return happened is SessionEvent.GroupResolved { Members: null } && asked is not null
                    ? new Decision(happened, session! with { Effects = session.Effects.Remove(asked) }, CallReply.Nothing)
                    {
                        Changed = true,
                    }
                    : real(session, happened, policy, now);
            });

    [Fact]
    public void A_group_is_rung_although_the_caller_has_left() =>
        IsFound(Scenarios.Group(Strategy.All, isConfigured: false), "is not awaited", real => (session, happened, policy, now) =>
        {
            var decision = real(session, happened, policy, now);
            var asked = session?.FindEffect<Effect.ResolveGroup>(_ => true);
            return asked is not null && decision is { Changed: true, Session: { IsEnded: true } ended }
                && happened is SessionEvent.ParticipantLeft
                ? decision with { Session = ended with { Effects = ended.Effects.Add(asked) } }
                : decision;
        });

    private static ImmutableArray<CallSid> Known(CallSession session, ImmutableArray<CallSid> room) =>
        [.. room.Where(leg => session.Find(leg) is not null)];

    [Fact]
    public void A_session_that_is_lost_stays_lost() =>
        IsFound(Scenarios.Forgetful, "a leg is alive and there is no session", real => (session, happened, policy, now) =>
            happened is SessionEvent.SessionRebuilt
                ? new Decision(happened, session, CallReply.Nothing) { Ignored = IgnoreReason.NoSuchSession }
                : real(session, happened, policy, now));

    [Fact]
    public void A_leg_that_a_late_list_did_not_have_is_hung_up() =>
        IsFound(Scenarios.LateLists, "a person in the room is thrown out", real => (session, happened, policy, now) =>
        {
            if (happened is not SessionEvent.ParticipantJoined e || session?.RebuiltAt is null || session.Find(e.Leg) is not null)
                return real(session, happened, policy, now);
            var hungUp = session with { Effects = session.Effects.Add(new Effect.HangUp(e.Leg) { NotBefore = now }) };
            return real(hungUp, happened, policy, now) with { Changed = true };
        });

    [Fact]
    public void A_review_hangs_up_a_leg_that_a_late_list_did_not_have() =>
        IsFound(Scenarios.LateLists, "a person in the room is thrown out", real => (session, happened, policy, now) =>
            happened is SessionEvent.SessionObserved && session is { RebuiltAt: not null }
                ? real(session with { RebuiltAt = null }, happened, policy, now)
                : real(session, happened, policy, now));

    [Fact]
    public void A_session_that_was_just_built_again_ends_for_want_of_people() =>
        IsFound(Scenarios.LateLists, "the call of people who talk ends", real => (session, happened, policy, now) =>
            happened is SessionEvent.ParticipantLeft && session is { RebuiltAt: not null }
                ? real(session with { RebuiltAt = null }, happened, policy, now)
                : real(session, happened, policy, now));

    private static CallSession? Changed(CallSession? session, ParticipantId id, Func<Participant, Participant> change) =>
        session?.Find(id) is { } participant && change(participant) is var changed && changed != participant
            ? session with { Participants = session.Participants.Replace(participant, changed) }
            : session;

    private static CallSession Planned(CallSession session, Predicate<Effect.Dial> which) => session with
    {
        Effects = [.. session.Effects.Select(e => e is Effect.Dial dial && which(dial) ? dial with { State = DialState.Planned } : e)],
    };

    private void IsFound(Scenario scenario, string expected, Func<Decide, Decide> breakIt)
    {
        var found = new Explorer(scenario, breakIt(SessionDecider.Decide)).Run(500_000);
        output.WriteLine($"after {found.States:N0} states: {found.Violation}");
        found.Violation.ShouldNotBeNull();
        found.Violation.ShouldContain(expected);
    }
}
