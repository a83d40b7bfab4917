using Calls.Application.Transactions;
using Calls.Domain;

namespace Calls.Simulation.Faults;

/// <summary>Puts a defect into the decisions of a replica: the decision sees another session than the stored one.</summary>
internal static class Tampering
{
    /// <summary>The decisions of a replica that has this defect.</summary>
    public static Decide With(Bug bug) => (session, happened, policy, now) => Change(bug, SessionDecider.Decide(
        session is null ? null : Change(bug, session, happened), ChangeEvent(bug, session, happened),
        bug == Bug.QueueCountsAsRinging ? policy with { QueueTimeout = TimeSpan.FromSeconds(5) } : policy, now));

    private static Decision Change(Bug bug, Decision decision) =>
        bug == Bug.HoldIgnored && decision is { Changed: true, Session: { } after }
            ? decision with
            {
                Session = after with
                {
                    Participants = [.. after.Participants.Select(p => p.HeldBy is null ? p : p with { HeldBy = ParticipantId.Operator })],
                },
            }
            : bug == Bug.TwoWinners && decision is { Reply: CallReply.AnsweredElsewhere, Happened: SessionEvent.JoinCall late }
            ? decision with { Reply = new CallReply.JoinRoom(decision.Session!.Find(late.Participant)!) }
            : bug == Bug.NoTone && decision is { Changed: true, Session: { } ended }
            ? decision with
            {
                Session = ended with
                {
                    Effects = [.. ended.Effects.Select(e => e is Effect.HangUp tone ? tone with { Because = null } : e)],
                },
            }
            : bug == Bug.RingbackGoesOn && decision is { Changed: true, Session: { } ringing }
            ? decision with
            {
                Session = ringing with
                {
                    Effects = ringing.Effects.RemoveAll(effect => effect is Effect.SetFlags { Hold: false } flags
                        && ringing.Find(flags.Participant) is { Ringback: RingbackState.Over }),
                },
            }
            : decision;

    private static SessionEvent ChangeEvent(Bug bug, CallSession? session, SessionEvent happened) => (bug, happened) switch
    {
        (Bug.EarlierLegCounted, SessionEvent.ParticipantLeft { Label: { } label } left) when session?.Find(label)?.Leg is { } leg =>
            left with { Leg = leg },
        (Bug.FlagsFromWebhooksAlone, SessionEvent.FlagsSettled settled) => settled with { Seen = null },
        (Bug.FlagsFromWebhooksAlone, SessionEvent.SessionObserved seen) => new SessionEvent.SessionObserved(
            seen.Observation with { Flags = [] }),
        (Bug.MachineCounted, SessionEvent.JoinCall { AnsweredBy: AnsweredBy.Machine } join) =>
            join with { AnsweredBy = AnsweredBy.Human },
        _ => happened,
    };

    private static CallSession Change(Bug bug, CallSession session, SessionEvent happened) => (bug, happened) switch
    {
        (Bug.NoSecondSidCheck, SessionEvent.LegProgressed progressed) => WithLeg(session, progressed.Participant, progressed.Leg),
        (Bug.NoSecondSidCheck, SessionEvent.CalleeRejected rejected) => WithLeg(session, rejected.Participant, rejected.Leg),
        (Bug.NoSecondSidCheck, SessionEvent.JoinCall join) => WithLeg(session, join.Participant, join.Leg),
        (Bug.JoinAfterLeaveCounted, SessionEvent.ParticipantJoined joined) => BackOnTheLine(session, joined.Leg),
        (Bug.AddedTwice, SessionEvent.AddPhoneParticipant) => session with
        {
            Participants = session.Participants.SetItem(1, session.Participants[1] with { Party = Party.Unknown.Instance }),
        },
        _ => session,
    };

    private static CallSession WithLeg(CallSession session, ParticipantId id, CallSid leg) =>
        session.Find(id) is { Leg: not null } participant && participant.Leg != leg
            ? session with { Participants = session.Participants.Replace(participant, participant with { Leg = leg }) }
            : session;

    private static CallSession BackOnTheLine(CallSession session, CallSid leg) =>
        session.Find(leg) is { Progress: Progress.Gone } participant
        ? session with
        {
            Participants = session.Participants.Replace(participant, participant with { Progress = Progress.Answered, Gone = null }),
        }
        : session;
}

/// <summary>The defect of a replica.</summary>
internal sealed record BugSwitch(Bug Bug);
