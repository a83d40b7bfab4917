namespace Calls.Domain;

/// <summary>The small changes that decisions are made of. Each gives the very same session back where it changes nothing.</summary>
internal static class SessionChanges
{
    public static CallSession With(this CallSession session, Participant before, Participant after) =>
        ReferenceEquals(before, after) ? session : session with { Participants = session.Participants.Replace(before, after, ReferenceEqualityComparer.Instance) };

    public static CallSession With(this CallSession session, Effect before, Effect after) =>
        session with { Effects = session.Effects.Replace(before, after, ReferenceEqualityComparer.Instance) };

    public static CallSession Without(this CallSession session, Effect? effect) =>
        effect is null ? session : session with { Effects = session.Effects.Remove(effect, ReferenceEqualityComparer.Instance) };

    public static CallSession WithoutDial(this CallSession session, ParticipantId participant) =>
        session.Without(session.FindEffect<Effect.Dial>(d => d.Participant == participant));

    /// <summary>Plans the end of a leg, once.</summary>
    public static CallSession HangUp(this CallSession session, CallSid leg, CallPolicy policy, DateTimeOffset now) =>
        session.FindEffect<Effect.HangUp>(h => h.Leg == leg) is not null
            ? session
            : session with { Effects = session.Effects.Add(new Effect.HangUp(leg) { NotBefore = now + policy.EffectLease }) };

    /// <summary>Takes a leg as this participant's, and the dial as answered.</summary>
    public static CallSession Adopt(this CallSession session, Participant participant, CallSid leg) =>
        participant.Leg is not null
            ? session
            : session.With(participant, participant with { Leg = leg }).WithoutDial(participant.Id);

    /// <summary>Raises a participant's progress. A rank that has been reached, and a leg that has gone, stay as they are; facts of the past are still noted.</summary>
    public static CallSession Raise(this CallSession session, ParticipantId id, Progress to, DateTimeOffset now)
    {
        var participant = session.Find(id)!;
        var answered = participant.Answered || to is Progress.Answered or Progress.Joined;
        var joined = participant.EverJoined || to is Progress.Joined;
        var rises = participant.Progress < to;
        if (!rises && answered == participant.Answered && joined == participant.EverJoined)
            return session;
        return session.With(participant, participant with
        {
            Progress = rises ? to : participant.Progress,
            Since = rises ? now : participant.Since,
            Answered = answered,
            EverJoined = joined,
        });
    }

    /// <summary>The leg has gone. The first cause stands. A leg that ended by itself as an answered one does was answered; of one that we were ending, Twilio's
    /// documents do not say whether it may be reported as <c>completed</c> though it only rang, so that is no proof.</summary>
    public static CallSession Lose(this CallSession session, ParticipantId id, LeaveReason because, DateTimeOffset now, int? code = null)
    {
        var participant = session.Find(id)!;
        var answered = participant.Answered || (because is LeaveReason.HungUp && participant.Leaving == Leaving.No);
        if (participant.Progress == Progress.Gone)
            return answered == participant.Answered ? session : session.With(participant, participant with { Answered = answered });
        var cause = participant.Leaving == Leaving.Removed && because is LeaveReason.HungUp or LeaveReason.Canceled ? LeaveReason.Removed : because;
        var gone = participant with { Progress = Progress.Gone, Since = now, Gone = cause, RefusalCode = code, Answered = answered };
        var lost = session.With(participant, gone).WithoutDial(id);
        lost = lost.Without(lost.FindEffect<Effect.SetFlags>(f => f.Participant == id));
        return participant.Leg is null ? lost : lost.Without(lost.FindEffect<Effect.HangUp>(h => h.Leg == participant.Leg));
    }
}
