namespace Calls.Domain;

/// <summary>Takes the state and one event, and gives the new state with its effects. It is a pure function and reads no clock.</summary>
/// <remarks>After each event the same rules look at the whole session (<see cref="CallRules.Settle"/>). No webhook has a special case.
/// If an event has no new facts, the result is the same instance, and nothing is stored.</remarks>
public static class SessionDecider
{
    public static Decision Decide(CallSession? session, SessionEvent happened, CallPolicy policy, DateTimeOffset now)
    {
        var step = happened is SessionEvent.StartCall start ? Start(session, start, policy, now)
            : happened is SessionEvent.SessionRebuilt rebuilt ? RebuildDecisions.Rebuild(session, rebuilt, policy, now)
            : session is null ? Step.Ignore(NoSession(happened), IgnoreReason.NoSuchSession)
            : Apply(Returns.Await(session, policy, now), happened, policy, now);
        if (step.Session is null)
            return new Decision(happened, session, step.Reply) { Ignored = step.Ignored };
        var settled = CallRules.Settle(step.Session, EvidenceOf(happened), policy, now);
        var changed = !ReferenceEquals(settled, session);
        // The event itself can end the call: then its leg does not enter the room.
        var reply = step.Reply is CallReply.JoinRoom or CallReply.Ask && settled.IsEnded ? CallReply.End : step.Reply;
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
        SessionEvent.ParticipantJoined e => OfThisCall(session, e.Room, () => LegDecisions.Joined(session, e, policy, now)),
        SessionEvent.ParticipantLeft e => OfThisCall(session, e.Room, () =>
            LegDecisions.Left(RebuildDecisions.Learn(session, e.Callee, now), e, now)),
        SessionEvent.ParticipantFlagsChanged e => OfThisCall(session, e.Room, () => LegDecisions.FlagsChanged(session, e, now)),
        SessionEvent.ConferenceStarted e => OfThisCall(session, e.Room, () => Step.Do(LegDecisions.Open(session, e.Conference))),
        SessionEvent.ConferenceEnded e => OfThisCall(session, e.Room, () =>
            Step.Do(LegDecisions.Close(session, e.Conference, policy, now))),
        SessionEvent.AddPhoneParticipant e => RequestDecisions.AddPhone(session, e, policy, now),
        SessionEvent.AddOneOf e => Candidates.Add(session, e, policy, now),
        SessionEvent.RemoveParticipant e => RequestDecisions.Remove(session, e, policy, now),
        SessionEvent.SetParticipantFlags e => RequestDecisions.SetFlags(session, e, policy, now),
        SessionEvent.EndCall e => RequestDecisions.End(session, e, now),
        SessionEvent.ClaimDial e => EffectDecisions.ClaimDial(session, e, policy, now),
        SessionEvent.DialPaced e => EffectDecisions.Pace(session, e, policy, now),
        SessionEvent.DialSettled e => EffectDecisions.SettleDial(session, e, policy, now),
        SessionEvent.HangUpSettled e => EffectDecisions.SettleHangUp(session, e, now),
        SessionEvent.ToneSettled e => Tones.Settle(session, e, policy, now),
        SessionEvent.GroupResolved e => Candidates.Resolve(session, e, policy, now),
        SessionEvent.FlagsSettled e => OfThisCall(session, e.Room, () => EffectDecisions.SettleFlags(session, e, policy, now)),
        SessionEvent.MaxDurationPassed => RequestDecisions.Expire(session, policy, now),
        SessionEvent.RejoinGracePassed or SessionEvent.RingTimePassed => Step.Do(session),
        SessionEvent.SessionObserved e =>
            OfThisCall(session, e.Observation.Room, () => ReviewDecisions.Observe(session, e.Observation, policy, now)),
        SessionEvent.ReviewFailed e => OfThisCall(session, e.Room, () => ReviewDecisions.Fail(session, e, policy, now)),
        _ => throw new UnreachableException($"There is no decision for the event {happened.GetType().Name}."),
    };

    private static Step Start(CallSession? session, SessionEvent.StartCall e, CallPolicy policy, DateTimeOffset now)
    {
        if (session?.Find(e.CallerLeg) is { } known)
            return Step.Ignore(
                session.IsEnded || known.Progress is Progress.Gone || known.Leaving != Leaving.No ? CallReply.End
                    : new CallReply.JoinRoom(known),
                IgnoreReason.NothingNew);
        if (session?.FindEarlier(e.CallerLeg) is not null)
            return Step.Ignore(CallReply.End, IgnoreReason.EarlierLeg);
        if (session is { IsEnded: false })
            return Returns.Return(session, e, policy, now);
        if (session is not null && session.Caller.Party != e.Caller)
            return Step.Say(new CallReply.Refused(RefusalReason.SessionOfAnotherCaller));
        var callees = e.Group is { } group ? Candidates.CalleesOf(group, e.Caller, policy, now)
            : e.Callee == e.Caller ? [] : [CalleeOf(e.Callee, policy, now)];
        if (callees.IsEmpty)
            return Step.Say(new CallReply.Refused(RefusalReason.CallingOneself));
        if (callees.Length >= policy.MaxParticipants)
            return Step.Say(new CallReply.Refused(RefusalReason.CallIsFull));
        var first = e.Group is null ? [new Effect.Dial(callees[0].Id) { NotBefore = now + policy.EffectLease }]
            : Candidates.EffectsOf(e.Group, callees, policy, now);
        var caller = Participant.Invite(ParticipantId.Caller, Role.Caller, e.Caller, now);
        caller = caller with { Progress = Progress.Answered, Answered = true, Leg = e.CallerLeg };
        var started = new CallSession
        {
            Id = e.Id,
            Nonce = e.Nonce,
            Participants = [caller, .. callees],
            Effects = [.. InheritedEffects(session, policy, now), .. first],
            StartedAt = now,
            TouchedAt = now,
            TraceParent = e.TraceParent,
            Language = e.Language,
        };
        return Step.Do(started, new CallReply.JoinRoom(caller));
    }

    private static Participant CalleeOf(Party callee, CallPolicy policy, DateTimeOffset now) =>
        Participant.Invite(ParticipantId.Callee, Role.Callee, callee, now) with
        {
            Screen = callee is Party.Phone ? policy.ScreenPhones : Screening.None,
        };

    /// <summary>The pending hang-ups of an ended call with the same session id. The new call runs them.</summary>
    private static IEnumerable<Effect> InheritedEffects(CallSession? ended, CallPolicy policy, DateTimeOffset now) => ended is null
        ? []
        : ended.Participants.Where(p => p is { Leg: not null, Progress: not Progress.Gone }).Select(p => p.Leg!)
            .Concat(ended.Effects.OfType<Effect.HangUp>().Select(h => h.Leg)).Distinct()
            .Select(leg => new Effect.HangUp(leg) { NotBefore = now + policy.EffectLease })
            .Concat<Effect>(ended.Effects.OfType<Effect.Foreign>());

    private static Step OfThisCall(CallSession session, string? room, Func<Step> then) =>
        room is null || room == session.Room ? then() : Step.Ignore(CallReply.Nothing, IgnoreReason.OfAnEarlierCall);

    private static bool IsRequest(SessionEvent happened) =>
        happened is SessionEvent.AddPhoneParticipant or SessionEvent.AddOneOf or SessionEvent.RemoveParticipant
            or SessionEvent.SetParticipantFlags or SessionEvent.EndCall;

    private static CallReply NoSession(SessionEvent happened) => happened is SessionEvent.JoinCall ? CallReply.End
        : IsRequest(happened) ? new CallReply.Refused(RefusalReason.NoSuchSession)
        : CallReply.Nothing;

    private static Evidence EvidenceOf(SessionEvent happened) => happened switch
    {
        SessionEvent.SessionObserved or SessionEvent.SessionRebuilt => Evidence.Review,
        SessionEvent.DialSettled or SessionEvent.HangUpSettled or SessionEvent.FlagsSettled
            or SessionEvent.ToneSettled or SessionEvent.GroupResolved => Evidence.Gateway,
        SessionEvent.ClaimDial or SessionEvent.MaxDurationPassed or SessionEvent.ReviewFailed
            or SessionEvent.DialPaced or SessionEvent.RejoinGracePassed or SessionEvent.RingTimePassed => Evidence.Deadline,
        _ => IsRequest(happened) ? Evidence.Request : Evidence.Webhook,
    };
}

/// <summary>The result of one event before the rules are applied. Without a session the rules are not applied either.</summary>
internal readonly record struct Step(CallSession? Session, CallReply Reply, IgnoreReason? Ignored)
{
    public static Step Do(CallSession session, CallReply? reply = null) => new(session, reply ?? CallReply.Nothing, null);
    public static Step Note(CallSession session, CallReply reply, IgnoreReason reason) => new(session, reply, reason);
    public static Step Ignore(CallReply reply, IgnoreReason reason) => new(null, reply, reason);
    public static Step Say(CallReply reply) => new(null, reply, null);
}
