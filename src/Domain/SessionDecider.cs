using System.Diagnostics;

namespace Calls.Domain;

/// <summary>Every decision of a call: the state and one event in, the new state and its effects out. Pure; reads no clock.</summary>
/// <remarks>
/// After each event the same rules look at the whole session (<see cref="CallRules.Settle"/>), so no webhook has a rule of its own.
/// An event that says nothing new leaves the very same session, and nothing is stored.
/// </remarks>
public static class SessionDecider
{
    public static Decision Decide(CallSession? session, SessionEvent happened, CallPolicy policy, DateTimeOffset now)
    {
        var step = happened is SessionEvent.StartCall start ? Start(session, start, policy, now)
            : session is null ? Step.Ignore(NoSession(happened), IgnoreReason.NoSuchSession)
            : Apply(session, happened, policy, now);
        if (step.Session is null)
            return new Decision(happened, session, step.Reply) { Ignored = step.Ignored };
        var settled = CallRules.Settle(step.Session, EvidenceOf(happened), policy, now);
        var changed = !ReferenceEquals(settled, session);
        // Whoever asks to be let in while the rules, looking at the same moment, find the call over, is not let in.
        var reply = step.Reply is CallReply.JoinRoom && settled.IsEnded ? CallReply.End : step.Reply;
        return new Decision(happened, changed ? settled with { TouchedAt = now } : session, reply)
        {
            Changed = changed,
            Ignored = changed ? step.Ignored : step.Ignored ?? (reply is CallReply.Acknowledged ? IgnoreReason.NothingNew : null),
        };
    }

    private static Step Apply(CallSession session, SessionEvent happened, CallPolicy policy, DateTimeOffset now) => happened switch
    {
        SessionEvent.JoinCall e => LegDecisions.Answered(session, e, policy, now),
        SessionEvent.LegProgressed e => LegDecisions.Progressed(session, e, policy, now),
        SessionEvent.CalleeRejected e => LegDecisions.Progressed(session, e.AsProgress, policy, now),
        SessionEvent.ParticipantJoined e => LegDecisions.Joined(session, e, policy, now),
        SessionEvent.ParticipantLeft e => LegDecisions.Left(session, e, now),
        SessionEvent.ParticipantFlagsChanged e => LegDecisions.FlagsChanged(session, e),
        SessionEvent.ConferenceStarted e => OfThisCall(session, e.Room, () => Step.Do(LegDecisions.Open(session, e.Conference))),
        SessionEvent.ConferenceEnded e => OfThisCall(session, e.Room, () => Step.Do(LegDecisions.Close(session, e.Conference))),
        SessionEvent.AddPhoneParticipant e => RequestDecisions.AddPhone(session, e, policy, now),
        SessionEvent.RemoveParticipant e => RequestDecisions.Remove(session, e, policy, now),
        SessionEvent.SetParticipantFlags e => RequestDecisions.SetFlags(session, e, policy, now),
        SessionEvent.EndCall => RequestDecisions.End(session, now),
        SessionEvent.ClaimDial e => EffectDecisions.ClaimDial(session, e, policy, now),
        SessionEvent.DialSettled e => EffectDecisions.SettleDial(session, e, policy, now),
        SessionEvent.HangUpSettled e => EffectDecisions.SettleHangUp(session, e, now),
        SessionEvent.FlagsSettled e => EffectDecisions.SettleFlags(session, e, now),
        SessionEvent.SessionObserved e => OfThisCall(session, e.Observation.Room, () => ReviewDecisions.Observe(session, e.Observation, policy, now)),
        _ => throw new UnreachableException($"No decision for {happened.GetType().Name}"),
    };

    private static Step Start(CallSession? session, SessionEvent.StartCall e, CallPolicy policy, DateTimeOffset now)
    {
        if (session is not null && session.Caller.Leg == e.CallerLeg)
        {
            var over = session.IsEnded || session.Caller.Progress == Progress.Gone;
            return Step.Ignore(over ? CallReply.End : new CallReply.JoinRoom(session.Caller), IgnoreReason.NothingNew);
        }

        if (session is { IsEnded: false })
            return Step.Say(new CallReply.Refused(RefusalReason.SessionInUse));
        if (e.Callee is Party.Client client && client.Identity == e.Caller)
            return Step.Say(new CallReply.Refused(RefusalReason.CallingOneself));
        var caller = new Participant
        {
            Id = ParticipantId.Caller,
            Role = Role.Caller,
            Party = new Party.Client(e.Caller),
            Progress = Progress.Answered,
            Answered = true,
            Since = now,
            Leg = e.CallerLeg,
        };
        var callee = new Participant { Id = ParticipantId.Callee, Role = Role.Callee, Party = e.Callee, Progress = Progress.Invited, Since = now };
        var started = new CallSession
        {
            Id = e.Id,
            Nonce = e.Nonce,
            Participants = [caller, callee],
            Effects = [.. Inherited(session, policy, now), new Effect.Dial(callee.Id) { NotBefore = now + policy.EffectLease }],
            StartedAt = now,
            TouchedAt = now,
            TraceParent = e.TraceParent,
        };
        return Step.Do(started, new CallReply.JoinRoom(caller));
    }

    /// <summary>A call that takes over an ended one's id takes over what was left to end of it.</summary>
    private static IEnumerable<Effect> Inherited(CallSession? ended, CallPolicy policy, DateTimeOffset now) => ended is null ? [] :
        ended.Participants.Where(p => p is { Leg: not null, Progress: not Progress.Gone }).Select(p => p.Leg!)
            .Concat(ended.Effects.OfType<Effect.HangUp>().Select(h => h.Leg)).Distinct()
            .Select(leg => new Effect.HangUp(leg) { NotBefore = now + policy.EffectLease })
            .Concat<Effect>(ended.Effects.OfType<Effect.Foreign>());

    internal static Step OfThisCall(CallSession session, string? room, Func<Step> then) =>
        room is null || room == session.Room ? then() : Step.Ignore(CallReply.Nothing, IgnoreReason.OfAnEarlierCall);

    private static CallReply NoSession(SessionEvent happened) => happened switch
    {
        SessionEvent.JoinCall => CallReply.End,
        SessionEvent.AddPhoneParticipant or SessionEvent.RemoveParticipant or SessionEvent.SetParticipantFlags or SessionEvent.EndCall =>
            new CallReply.Refused(RefusalReason.NoSuchSession),
        _ => CallReply.Nothing,
    };

    private static Evidence EvidenceOf(SessionEvent happened) => happened switch
    {
        SessionEvent.SessionObserved => Evidence.Review,
        SessionEvent.DialSettled or SessionEvent.HangUpSettled or SessionEvent.FlagsSettled => Evidence.Gateway,
        SessionEvent.ClaimDial => Evidence.Deadline,
        SessionEvent.AddPhoneParticipant or SessionEvent.RemoveParticipant or SessionEvent.SetParticipantFlags or SessionEvent.EndCall => Evidence.Request,
        _ => Evidence.Webhook,
    };
}

/// <summary>One event's own part of a decision, before the rules have looked at the session. No session: leave it as it is, and do not even look.</summary>
internal readonly record struct Step(CallSession? Session, CallReply Reply, IgnoreReason? Ignored)
{
    public static Step Do(CallSession session, CallReply? reply = null) => new(session, reply ?? CallReply.Nothing, null);

    public static Step Note(CallSession session, CallReply reply, IgnoreReason because) => new(session, reply, because);

    public static Step Ignore(CallReply reply, IgnoreReason because) => new(null, reply, because);

    public static Step Say(CallReply reply) => new(null, reply, null);
}
