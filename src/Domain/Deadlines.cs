namespace Calls.Domain;

/// <summary>When a session is due without an event. Deadlines follow from the state, so their index can be rebuilt at any time.</summary>
public static class Deadlines
{
    /// <summary>The delay of a review that is due at once: webhooks that are on their way can still arrive.</summary>
    private static readonly TimeSpan AtOnce = TimeSpan.FromSeconds(2);

    /// <summary>When the next effect or review is due, or the call must end. Null if the call is over and nothing is pending.</summary>
    public static DateTimeOffset? Next(CallSession session, CallPolicy policy)
    {
        var next = NextReview(session, policy);
        if (!session.IsEnded)
            next = Earliest(next, session.StartedAt + policy.MaxDuration);
        foreach (var effect in session.Effects)
            next = Earliest(next, DueAt(session, effect, policy));
        foreach (var participant in session.Participants)
            if (participant.Reconnecting)
                next = Earliest(next, participant.Since + policy.RejoinGrace);
        return session.IsEnded ? next : Earliest(next, Candidates.NextRingAt(session, policy));
    }

    /// <summary>The due effects that a replica of this version can run.</summary>
    public static IEnumerable<Effect> DueEffects(CallSession session, CallPolicy policy, DateTimeOffset now) =>
        session.Effects.Where(effect => effect is not Effect.Foreign && DueAt(session, effect, policy) <= now);

    /// <summary>For the index: due foreign effects are postponed by a lease. A replica that knows them can claim the session.</summary>
    public static CallSession PutOffForeign(CallSession session, CallPolicy policy, DateTimeOffset now) => session with
    {
        Effects = [.. session.Effects.Select(effect => effect is Effect.Foreign && DueAt(session, effect, policy) <= now
            ? effect with { NotBefore = now + policy.EffectLease }
            : effect)],
    };

    /// <summary>Whether the call has reached the maximum duration.</summary>
    public static bool MaxDurationHasPassed(CallSession session, CallPolicy policy, DateTimeOffset now) =>
        !session.IsEnded && session.StartedAt + policy.MaxDuration <= now;

    /// <summary>Whether the call has waited long enough for a participant whose line has dropped.</summary>
    public static bool RejoinGraceHasPassed(CallSession session, CallPolicy policy, DateTimeOffset now) =>
        session.Participants.Any(p => p.Reconnecting && p.Since + policy.RejoinGrace <= now);

    /// <summary>Whether a candidate has rung for the ring time, so that the next one must be rung.</summary>
    public static bool RingTimeHasPassed(CallSession session, CallPolicy policy, DateTimeOffset now) =>
        !session.IsEnded && Candidates.NextRingAt(session, policy) <= now;

    /// <summary>Whether the session must be compared with Twilio now.</summary>
    public static bool ReviewIsDue(CallSession session, CallPolicy policy, DateTimeOffset now) => NextReview(session, policy) <= now;

    /// <summary>Whether the effect can be run in this state. To add a phone to the room needs the open room, and mute and hold need the
    /// person in it. Until then the effect waits.</summary>
    public static bool CanRun(CallSession session, Effect effect) => effect switch
    {
        Effect.Dial { State: DialState.Planned } dial => session.Find(dial.Participant) is not { HasAnswerUrl: false }
            || session.Conference is not null,
        Effect.SetFlags flags => session.Conference is not null
            && session.Find(flags.Participant) is { Progress: Progress.Joined, Leg: not null },
        _ => true,
    };

    /// <summary>A dial that was not sent is due at the latest when it is overdue, so that it is dropped then. Null: the effect waits for
    /// an event.</summary>
    private static DateTimeOffset? DueAt(CallSession session, Effect effect, CallPolicy policy)
    {
        switch (effect)
        {
            case Effect.Foreign:
                return Latest(session.TouchedAt, effect.NotBefore);
            case Effect.SetFlags flags when !CanRun(session, flags):
                return null;
            // The replica that stored the join runs it. Its lease counts from the join.
            case Effect.SetFlags { Attempt: 0 } flags when session.Find(flags.Participant) is { } person:
                return Latest(flags.NotBefore, person.Since + policy.EffectLease);
            case Effect.Dial { State: DialState.Planned } dial when session.Find(dial.Participant) is { } participant:
                var overdue = participant.Since + policy.QueueTimeout;
                return !CanRun(session, dial) || overdue < dial.NotBefore ? overdue : dial.NotBefore;
            default:
                return effect.NotBefore;
        }
    }

    private static DateTimeOffset? NextReview(CallSession session, CallPolicy policy)
    {
        // An event does not postpone the interval: the lost webhook can be about another participant.
        DateTimeOffset? next = session.IsEnded ? null : (session.ReviewedAt ?? session.StartedAt) + policy.ReviewInterval;
        foreach (var participant in session.Participants)
            next = Earliest(next, ReviewDueAt(session, participant, policy));
        if (session.ReviewNow)
            next = Earliest(next, session.TouchedAt + AtOnce);
        var soonest = session.ReviewedAt + policy.Recheck;
        next = next < soonest ? soonest : next;
        return next < session.ReviewNotBefore ? session.ReviewNotBefore : next;
    }

    private static DateTimeOffset? ReviewDueAt(CallSession session, Participant participant, CallPolicy policy) => participant switch
    {
        { Progress: Progress.Gone } or { Leg: null } => null,
        { Leaving: not Leaving.No } => Latest(session.TouchedAt, session.ReviewedAt) + policy.Recheck,
        { Progress: Progress.Joined } => null,
        { Progress: Progress.Dialing, DialedAt: null } => QueueReviewDueAt(
            session, participant.Since + policy.RingTimeOf(participant) + policy.RingSlack, participant.Since + policy.QueueTimeout),
        { Progress: Progress.Dialing, DialedAt: { } dialed } => QueueReviewDueAt(
            session, dialed + policy.RingTimeOf(participant) + policy.RingSlack, participant.Since + policy.LongestWaitOf(participant)),
        { Progress: not Progress.Answered } =>
            (participant.DialedAt ?? participant.Since) + policy.RingTimeOf(participant) + policy.RingSlack,
        { IsScreened: true } => participant.Since + policy.ScreeningTimeOf(participant),
        _ => participant.Since + LookAfter(session.ReviewedAt - participant.Since, policy),
    };

    /// <summary>When an answered leg is looked for that has not entered the room: early, once more when the answer to the early look
    /// proves something, and at the end of the grace.</summary>
    private static TimeSpan LookAfter(TimeSpan? lastLook, CallPolicy policy)
    {
        var look = !(lastLook > TimeSpan.Zero) ? policy.FirstLook : lastLook < policy.ReadLag ? policy.ReadLag : policy.JoinGrace;
        return look < policy.JoinGrace ? look : policy.JoinGrace;
    }

    /// <summary>Once at the end of the ring time, because the webhooks can be lost. Then when the call is given up.</summary>
    private static DateTimeOffset QueueReviewDueAt(CallSession session, DateTimeOffset rungOut, DateTimeOffset givenUp) =>
        rungOut < givenUp && !(session.ReviewedAt >= rungOut) ? rungOut : givenUp;

    private static DateTimeOffset? Earliest(DateTimeOffset? one, DateTimeOffset? other) => one is null || other < one ? other : one;

    private static DateTimeOffset Latest(DateTimeOffset one, DateTimeOffset? other) => other > one ? other.Value : one;
}
