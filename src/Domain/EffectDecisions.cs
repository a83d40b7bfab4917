namespace Calls.Domain;

/// <summary>How effects go: who may send a dial, and what Twilio's answers mean.</summary>
internal static class EffectDecisions
{
    private static readonly TimeSpan LookAgain = TimeSpan.FromSeconds(1);

    /// <summary>The intent is stored before the request is sent, so no two replicas send the same dial, and a crash leaves a mark.</summary>
    public static Step ClaimDial(CallSession session, SessionEvent.ClaimDial e, CallPolicy policy, DateTimeOffset now)
    {
        if (e.Nonce != session.Nonce)
            return Step.Ignore(CallReply.Nothing, IgnoreReason.OfAnEarlierCall);
        if (session.FindEffect<Effect.Dial>(d => d.Participant == e.Participant) is not { State: DialState.Planned } dial)
            return Step.Ignore(CallReply.Nothing, IgnoreReason.NotPending);
        var participant = session.Find(e.Participant)!;
        if (now >= participant.Since + policy.RingTimeout)
            return Step.Note(session, CallReply.Nothing, IgnoreReason.NotPending);
        if (participant.Role == Role.Guest && session.Conference is null)
            return Step.Ignore(CallReply.Nothing, IgnoreReason.RoomNotOpen);
        var sending = dial with { State = DialState.Sending, Attempt = dial.Attempt + 1, SentAt = now, NotBefore = now + policy.EffectLease };
        var claimed = session.With(dial, sending);
        return Step.Do(claimed, new CallReply.DialGranted(claimed, participant, sending.Attempt));
    }

    public static Step SettleDial(CallSession session, SessionEvent.DialSettled e, CallPolicy policy, DateTimeOffset now)
    {
        var accepted = e.Outcome as DialOutcome.Accepted;
        if (e.Nonce != session.Nonce)
            return Step.Note(accepted is null ? session : session.HangUp(accepted.Leg, policy, now), CallReply.Nothing, IgnoreReason.OfAnEarlierCall);
        if (session.Find(e.Participant) is not { } participant)
            return Step.Ignore(CallReply.Nothing, IgnoreReason.UnknownParticipant);
        if (accepted is not null)
            return Accept(session, participant, accepted.Leg, policy, now);
        if (session.FindEffect<Effect.Dial>(d => d.Participant == e.Participant && d.Attempt == e.Attempt) is not { State: not DialState.Planned } dial)
            return Step.Ignore(CallReply.Nothing, IgnoreReason.NotPending);
        return Step.Do(e.Outcome switch
        {
            DialOutcome.NotSent when participant.Leaving != Leaving.No => session.Lose(participant.Id, LeaveReason.Canceled, now),
            DialOutcome.Refused refused => session.Lose(participant.Id, LeaveReason.RefusedByTwilio, now, refused.Code),
            DialOutcome.NotSent notSent => session.With(dial, dial with { State = DialState.Planned, SentAt = null, NotBefore = now + Later(dial, notSent.RetryAfter) }),
            DialOutcome.NotFound when InFlight(dial, now) >= policy.UnknownDialPatience => session.GiveUpOn(participant, now),
            DialOutcome.LookUpFailed when InFlight(dial, now) >= policy.RingTimeout + policy.RingSlack => session.GiveUpOn(participant, now),
            DialOutcome.LookUpFailed => session.With(dial, dial with { State = DialState.Unknown, NotBefore = now + Slower(InFlight(dial, now)) }),
            _ => session.With(dial, dial with { State = DialState.Unknown, NotBefore = now + LookAgain }),
        });
    }

    public static Step SettleHangUp(CallSession session, SessionEvent.HangUpSettled e, DateTimeOffset now)
    {
        if (session.FindEffect<Effect.HangUp>(h => h.Leg == e.Leg) is not { } hangUp)
            return Step.Ignore(CallReply.Nothing, IgnoreReason.NotPending);
        return Step.Do(e.Outcome switch
        {
            EffectOutcome.Done => session.Without(hangUp),
            EffectOutcome.AlreadyOver when session.Find(e.Leg) is { } participant =>
                session.Lose(participant.Id, participant.Answered ? LeaveReason.HungUp : LeaveReason.Canceled, now).Without(hangUp),
            EffectOutcome.AlreadyOver => session.Without(hangUp),
            _ => session.With(hangUp, hangUp with { Attempt = hangUp.Attempt + 1, NotBefore = now + CallPolicy.Backoff(hangUp.Attempt + 1) }),
        });
    }

    public static Step SettleFlags(CallSession session, SessionEvent.FlagsSettled e, DateTimeOffset now)
    {
        if (session.FindEffect<Effect.SetFlags>(f => f.Participant == e.Participant && f.Muted == e.Muted && f.Hold == e.Hold) is not { } flags)
            return Step.Ignore(CallReply.Nothing, IgnoreReason.NotPending);
        return Step.Do(e.Outcome is EffectOutcome.TryLater
            ? session.With(flags, flags with { Attempt = flags.Attempt + 1, NotBefore = now + CallPolicy.Backoff(flags.Attempt + 1) })
            : session.Without(flags));
    }

    private static Step Accept(CallSession session, Participant participant, CallSid leg, CallPolicy policy, DateTimeOffset now)
    {
        if (participant.Leg is not null && participant.Leg != leg)
            return Step.Note(session.HangUp(leg, policy, now), CallReply.Nothing, IgnoreReason.SecondLeg);
        var adopted = session.Announce(participant, leg, live: true, policy, now).WithoutDial(participant.Id);
        return Step.Do(adopted.Raise(participant.Id, Progress.Dialing, now));
    }

    /// <summary>Whether there is such a call will not be known in time: nobody waits for it any longer, and it is hung up should it ever announce itself.</summary>
    private static CallSession GiveUpOn(this CallSession session, Participant participant, DateTimeOffset now) =>
        session.Lose(participant.Id, participant.Leaving == Leaving.No ? LeaveReason.Unreachable : LeaveReason.Canceled, now);

    private static TimeSpan InFlight(Effect.Dial dial, DateTimeOffset now) => now - (dial.SentAt ?? now);

    /// <summary>Half as long again: where Twilio does not answer, it is asked ever more rarely.</summary>
    private static TimeSpan Slower(TimeSpan inFlight) => inFlight / 2 > LookAgain ? inFlight / 2 : LookAgain;

    private static TimeSpan Later(Effect.Dial dial, TimeSpan? retryAfter)
    {
        var backoff = CallPolicy.Backoff(dial.Attempt);
        return retryAfter > backoff ? retryAfter.Value : backoff;
    }
}
