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
        return next;
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

    /// <summary>Whether the session must be compared with Twilio now.</summary>
    public static bool ReviewIsDue(CallSession session, CallPolicy policy, DateTimeOffset now) => NextReview(session, policy) <= now;

    /// <summary>A dial that was not sent is due at the latest when it is overdue, so that it is dropped then.</summary>
    private static DateTimeOffset DueAt(CallSession session, Effect effect, CallPolicy policy)
    {
        if (effect is Effect.Foreign)
            return Latest(session.TouchedAt, effect.NotBefore);
        if (effect is not Effect.Dial { State: DialState.Planned } dial || session.Find(dial.Participant) is not { } participant)
            return effect.NotBefore;
        var overdue = participant.Since + policy.RingTimeout;
        var waitsForRoom = participant.Role == Role.Guest && session.Conference is null;
        return waitsForRoom || overdue < dial.NotBefore ? overdue : dial.NotBefore;
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
        { Progress: not Progress.Answered } => participant.Since + policy.RingTimeout + policy.RingSlack,
        _ when session.ReviewedAt > participant.Since || policy.JoinGrace < policy.FirstLook => participant.Since + policy.JoinGrace,
        _ => participant.Since + policy.FirstLook,
    };

    private static DateTimeOffset? Earliest(DateTimeOffset? one, DateTimeOffset? other) => one is null || other < one ? other : one;

    private static DateTimeOffset Latest(DateTimeOffset one, DateTimeOffset? other) => other > one ? other.Value : one;
}
