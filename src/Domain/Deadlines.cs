namespace Calls.Domain;

/// <summary>When a session must be looked at although nothing has happened. Derived from the state; the index of it can be rebuilt at any time.</summary>
public static class Deadlines
{
    private static readonly TimeSpan AtOnce = TimeSpan.FromSeconds(2);

    /// <summary>The next instant at which something is to be done or asked; null where the call is over and everything is settled.</summary>
    public static DateTimeOffset? Next(CallSession session, CallPolicy policy)
    {
        DateTimeOffset? next = NextReview(session, policy);
        foreach (var effect in session.Effects)
        {
            var due = DueAt(session, effect, policy);
            next = next is null || due < next ? due : next;
        }

        return next;
    }

    /// <summary>The effects that a replica of this version may take now.</summary>
    public static IEnumerable<Effect> DueEffects(CallSession session, CallPolicy policy, DateTimeOffset now) =>
        session.Effects.Where(effect => effect is not Effect.Foreign && DueAt(session, effect, policy) <= now);

    /// <summary>The session for the index of deadlines after a look at it: a foreign effect that is due comes up again a lease later.
    /// A replica that knows the effect may claim the session then.</summary>
    public static CallSession PutOffForeign(CallSession session, CallPolicy policy, DateTimeOffset now) => session with
    {
        Effects = [.. session.Effects.Select(effect => effect is Effect.Foreign && DueAt(session, effect, policy) <= now
            ? effect with { NotBefore = now + policy.EffectLease }
            : effect)],
    };

    /// <summary>Whether Twilio is to be asked now what became of the call.</summary>
    public static bool ReviewIsDue(CallSession session, CallPolicy policy, DateTimeOffset now) => NextReview(session, policy) <= now;

    /// <summary>A dial that waits, for its room or for Twilio, is looked at no later than when its time is out, so that it is given up then.</summary>
    private static DateTimeOffset DueAt(CallSession session, Effect effect, CallPolicy policy)
    {
        if (effect is Effect.Foreign)
            return Latest(session.TouchedAt, effect.NotBefore);
        if (effect is not Effect.Dial { State: DialState.Planned } dial || session.Find(dial.Participant) is not { } participant)
            return effect.NotBefore;
        var overdue = participant.Since + policy.RingTimeout;
        var waits = participant.Role == Role.Guest && session.Conference is null;
        return waits || overdue < dial.NotBefore ? overdue : dial.NotBefore;
    }

    private static DateTimeOffset? NextReview(CallSession session, CallPolicy policy)
    {
        // Whatever is heard meanwhile does not put it off: the webhook that is lost may be about somebody else.
        DateTimeOffset? next = session.IsEnded ? null : (session.ReviewedAt ?? session.StartedAt) + policy.ReviewInterval;
        foreach (var participant in session.Participants)
        {
            var due = ReviewOf(session, participant, policy);
            next = next is null || due < next ? due ?? next : next;
        }

        if (session.ReviewNow && session.TouchedAt + AtOnce < (next ?? DateTimeOffset.MaxValue))
            next = session.TouchedAt + AtOnce;
        var soonest = session.ReviewedAt + policy.Recheck;
        return next < soonest ? soonest : next;
    }

    private static DateTimeOffset? ReviewOf(CallSession session, Participant participant, CallPolicy policy) => participant switch
    {
        { Progress: Progress.Gone } => null,
        { Leg: null } => null,
        { Leaving: not Leaving.No } => Latest(session.TouchedAt, session.ReviewedAt) + policy.Recheck,
        { Progress: Progress.Answered } => participant.Since + (session.ReviewedAt > participant.Since ? policy.JoinGrace : Least(policy.JoinGrace, policy.FirstLook)),
        { Progress: Progress.Joined } => null,
        _ => participant.Since + policy.RingTimeout + policy.RingSlack,
    };

    private static TimeSpan Least(TimeSpan one, TimeSpan other) => one < other ? one : other;

    private static DateTimeOffset Latest(DateTimeOffset one, DateTimeOffset? other) => other > one ? other.Value : one;
}
