namespace Calls.Domain;

/// <summary>The decisions about effects: which replica may send a dial, and what Twilio's answers mean.</summary>
internal static class EffectDecisions
{
    private static readonly TimeSpan LookUpInterval = TimeSpan.FromSeconds(1);

    /// <summary>Stores the intent before the request: two replicas never send the same dial, and a crash leaves a mark.</summary>
    public static Step ClaimDial(CallSession session, SessionEvent.ClaimDial e, CallPolicy policy, DateTimeOffset now)
    {
        if (e.Nonce != session.Nonce)
            return Step.Ignore(CallReply.Nothing, IgnoreReason.OfAnEarlierCall);
        if (session.FindDial(e.Participant) is not { State: DialState.Planned } dial)
            return Step.Ignore(CallReply.Nothing, IgnoreReason.NotPending);
        var participant = session.Find(e.Participant)!;
        if (now >= participant.Since + policy.QueueTimeout)
            return Step.Note(session, CallReply.Nothing, IgnoreReason.NotPending);
        if (!participant.HasAnswerUrl && session.Conference is null)
            return Step.Ignore(CallReply.Nothing, IgnoreReason.RoomNotOpen);
        var attempt = dial.Attempt + 1;
        var sending = dial with { State = DialState.Sending, Attempt = attempt, SentAt = now, NotBefore = now + policy.EffectLease };
        var claimed = session.With(dial, sending);
        return Step.Do(claimed, new CallReply.DialGranted(claimed, participant, attempt));
    }

    /// <summary>The service starts only so many calls a second: this dial has to wait. Its replica keeps it for another lease.</summary>
    public static Step Pace(CallSession session, SessionEvent.DialPaced e, CallPolicy policy, DateTimeOffset now)
    {
        if (e.Nonce != session.Nonce)
            return Step.Ignore(CallReply.Nothing, IgnoreReason.OfAnEarlierCall);
        if (session.FindDial(e.Participant) is not { State: DialState.Planned } dial)
            return Step.Ignore(CallReply.Nothing, IgnoreReason.NotPending);
        return Step.Do(session.With(dial, dial with { NotBefore = now + policy.EffectLease }).Queue(e.Participant, now));
    }

    public static Step SettleDial(CallSession session, SessionEvent.DialSettled e, CallPolicy policy, DateTimeOffset now)
    {
        var leg = (e.Outcome as DialOutcome.Accepted)?.Leg;
        if (e.Nonce != session.Nonce)
            return Step.Note(leg is null ? session : session.HangUp(leg, policy, now), CallReply.Nothing, IgnoreReason.OfAnEarlierCall);
        if (session.Find(e.Participant) is not { } participant)
            return Step.Ignore(CallReply.Nothing, IgnoreReason.UnknownParticipant);
        if (leg is not null)
            return Accept(session.Name(participant.Id, ((DialOutcome.Accepted)e.Outcome).Party), participant.Id, leg, policy, now);
        if (session.FindDial(e.Participant) is not { State: not DialState.Planned } dial || dial.Attempt != e.Attempt)
            return Step.Ignore(CallReply.Nothing, IgnoreReason.NotPending);
        var sentFor = now - (dial.SentAt ?? now);
        return Step.Do(e.Outcome switch
        {
            DialOutcome.NotSent or DialOutcome.CallIsGone or DialOutcome.Stopped when participant.Leaving != Leaving.No =>
                session.MarkGone(participant.Id, LeaveReason.Canceled, now),
            DialOutcome.Stopped => session.MarkGone(participant.Id, LeaveReason.NeverDialed, now),
            DialOutcome.Refused refused => session.MarkGone(participant.Id, LeaveReason.RefusedByTwilio, now, refused.Code),
            DialOutcome.NotSent { RetryAfter: var retryAfter } => session.SendAfter(RetryDelay(dial, retryAfter), dial, now),
            DialOutcome.CallIsGone => session.SendAfter(policy.Recheck, dial, now) with { ReviewNow = true },
            DialOutcome.NotFound when sentFor >= policy.UnknownDialPatience => session.MarkUnreachable(participant, now),
            // Until then the call can wait in Twilio's queue or ring, and no webhook has to say so.
            DialOutcome.LookUpFailed when sentFor >= policy.LongestWaitOf(participant) => session.MarkUnreachable(participant, now),
            DialOutcome.LookUpFailed => session.LookUpAfter(LookUpDelay(sentFor, policy), dial, now),
            _ => session.LookUpAfter(LookUpInterval, dial, now),
        });
    }

    public static Step SettleHangUp(CallSession session, SessionEvent.HangUpSettled e, DateTimeOffset now)
    {
        if (session.FindEffect<Effect.HangUp>(h => h.Leg == e.Leg) is not { } hangUp)
            return Step.Ignore(CallReply.Nothing, IgnoreReason.NotPending);
        return Step.Do(e.Outcome switch
        {
            EffectOutcome.AlreadyOver when session.Find(e.Leg) is { } participant =>
                session.MarkGone(participant.Id, participant.Answered ? LeaveReason.HungUp : LeaveReason.Canceled, now).Without(hangUp),
            EffectOutcome.Done or EffectOutcome.AlreadyOver => session.Without(hangUp),
            _ => session.RunLater(hangUp, now),
        });
    }

    /// <summary>Only the outcome of the last request counts. A participant whom Twilio does not find is not in the room yet, or has left
    /// it: then a webhook or a review says so. If Twilio refuses to end a hold whose holder has left, the service hangs the leg up:
    /// otherwise the person would hear music until they hang up.</summary>
    public static Step SettleFlags(CallSession session, SessionEvent.FlagsSettled e, CallPolicy policy, DateTimeOffset now)
    {
        if (session.FindEffect<Effect.SetFlags>(f => f.Participant == e.Participant) is not { } flags
            || session.Find(e.Participant) is not { } participant || participant.FlagsVersion != e.Asked.Version)
            return Step.Ignore(CallReply.Nothing, IgnoreReason.NotPending);
        return Step.Do(e.Outcome switch
        {
            EffectOutcome.Done => session.Without(flags).Confirm(participant, e, now),
            EffectOutcome.Refused when flags.Hold == false && participant is { Hold: true, IsPresent: true }
                && (participant.Ringback == RingbackState.Over || Holds.HolderHasLeft(session, participant)) =>
                session.Remove(participant.Id, Leaving.WithTheCall, policy, now).Without(flags),
            EffectOutcome.Refused => session.Without(flags),
            _ => session.RunLater(flags, now),
        });
    }

    /// <summary>Twilio's answer is the new state, unless a webhook came after the request was made: it has a number, and wins.</summary>
    private static CallSession Confirm(
        this CallSession session, Participant participant, SessionEvent.FlagsSettled e, DateTimeOffset now)
    {
        var confirmed = participant with { FlagsVersion = participant.FlagsVersion + 1, FlagsAt = now };
        return session.With(participant, e.Seen is { } seen && participant.FlagsSequence == e.Asked.Sequence
            ? confirmed with { Muted = seen.Muted, Hold = seen.Hold }
            : confirmed);
    }

    private static Step Accept(CallSession session, ParticipantId id, CallSid leg, CallPolicy policy, DateTimeOffset now)
    {
        var participant = session.Find(id)!;
        if (participant.Leg is not null && participant.Leg != leg)
            return Step.Note(session.HangUp(leg, policy, now), CallReply.Nothing, IgnoreReason.SecondLeg);
        var adopted = session.Announce(participant, leg, live: true, policy, now).WithoutDial(participant.Id);
        return Step.Do(adopted.Raise(participant.Id, Progress.Dialing, now).Queue(participant.Id, now));
    }

    /// <summary>The service will not learn in time whether the call exists. A leg that reports itself later is hung up.</summary>
    private static CallSession MarkUnreachable(this CallSession session, Participant participant, DateTimeOffset now) =>
        session.MarkGone(participant.Id, participant.Leaving == Leaving.No ? LeaveReason.Unreachable : LeaveReason.Canceled, now);

    private static CallSession RunLater(this CallSession session, Effect effect, DateTimeOffset now) =>
        session.With(effect, effect with { Attempt = effect.Attempt + 1, NotBefore = now + CallPolicy.Backoff(effect.Attempt + 1) });

    private static CallSession SendAfter(this CallSession session, TimeSpan delay, Effect.Dial dial, DateTimeOffset now) =>
        session.With(dial, dial with { State = DialState.Planned, SentAt = null, NotBefore = now + delay });

    private static CallSession LookUpAfter(this CallSession session, TimeSpan delay, Effect.Dial dial, DateTimeOffset now) =>
        session.With(dial, dial with { State = DialState.Unknown, NotBefore = now + delay });

    /// <summary>Half of the time since the dial was sent, so that the look-ups become rarer while Twilio does not answer.</summary>
    private static TimeSpan LookUpDelay(TimeSpan sentFor, CallPolicy policy)
    {
        var (half, left) = (sentFor / 2, policy.LongestWait - sentFor);
        var delay = half < left ? half : left;
        return delay > LookUpInterval ? delay : LookUpInterval;
    }

    private static TimeSpan RetryDelay(Effect.Dial dial, TimeSpan? retryAfter) =>
        retryAfter is { } wait && wait > CallPolicy.Backoff(dial.Attempt) ? wait : CallPolicy.Backoff(dial.Attempt);
}
