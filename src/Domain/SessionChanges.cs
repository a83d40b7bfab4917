namespace Calls.Domain;

/// <summary>The single changes that decisions consist of. A change that changes nothing returns the same instance.</summary>
internal static class SessionChanges
{
    public static CallSession With(this CallSession session, Participant before, Participant after) =>
        session with { Participants = session.Participants.Replace(before, after, ReferenceEqualityComparer.Instance) };

    public static CallSession With(this CallSession session, Effect before, Effect after) =>
        session with { Effects = session.Effects.Replace(before, after, ReferenceEqualityComparer.Instance) };

    public static CallSession Without(this CallSession session, Effect? effect) =>
        effect is null ? session : session with { Effects = session.Effects.Remove(effect, ReferenceEqualityComparer.Instance) };

    /// <summary>The dial is done, or no longer wanted. So is the question who must be dialled as the callee.</summary>
    public static CallSession WithoutDial(this CallSession session, ParticipantId id) => session.Without(session.FindDial(id))
        .Without(id == ParticipantId.Callee ? session.FindEffect<Effect.ResolveGroup>(_ => true) : null);

    public static CallSession Plan(this CallSession session, Effect effect) => session with { Effects = session.Effects.Add(effect) };

    public static CallSession Plan(this CallSession session, IEnumerable<Effect> effects) =>
        session with { Effects = session.Effects.AddRange(effects) };

    /// <summary>Plans the hang-up of a leg, once.</summary>
    public static CallSession HangUp(this CallSession session, CallSid leg, CallPolicy policy, DateTimeOffset now) =>
        session.FindEffect<Effect.HangUp>(h => h.Leg == leg) is not null
            ? session
            : session.Plan(new Effect.HangUp(leg) { NotBefore = now + policy.EffectLease });

    /// <summary>Gives the leg to a participant without a leg. The dial is then done.</summary>
    public static CallSession Adopt(this CallSession session, Participant participant, CallSid leg) => participant.Leg is not null
        ? session
        : session.With(participant, participant with { Leg = leg }).WithoutDial(participant.Id);

    /// <summary>Raises the progress of a participant. A late event changes no rank, but its facts are stored.</summary>
    public static CallSession Raise(this CallSession session, ParticipantId id, Progress to, DateTimeOffset now)
    {
        var participant = session.Find(id)!;
        var answered = participant.Answered || to is Progress.Joined || (to is Progress.Answered && !participant.IsScreened);
        var joined = participant.EverJoined || to is Progress.Joined;
        var raised = (joined ? participant.Enter(now) : participant) with { Answered = answered };
        if (participant.Progress < to)
            return session.With(participant, raised with { Progress = to, Since = now });
        return answered == participant.Answered && joined == participant.EverJoined ? session : session.With(participant, raised);
    }

    /// <summary>The person is or was in the room. The first time counts. A person who is known to have left entered before.</summary>
    public static Participant Enter(this Participant participant, DateTimeOffset now) => participant.EverJoined
        ? participant
        : participant with { EverJoined = true, JoinedAt = participant.Progress == Progress.Gone ? participant.Since : now };

    /// <summary>A screened phone is accepted: from now on the person is on the line, and has the time to enter the room. Of a leg that has
    /// gone, only the fact is stored.</summary>
    public static CallSession Accept(this CallSession session, ParticipantId id, DateTimeOffset now)
    {
        if (session.Find(id) is not { Accepted: false } participant)
            return session;
        var since = participant.Progress == Progress.Answered ? now : participant.Since;
        return session.With(participant, participant with { Accepted = true, Answered = true, Since = since });
    }

    /// <summary>The call waits to be dialled, as far as the service knows.</summary>
    public static CallSession Queue(this CallSession session, ParticipantId id, DateTimeOffset now) =>
        session.Find(id) is { Progress: Progress.Invited or Progress.Dialing, QueuedAt: null, DialedAt: null } participant
            ? session.With(participant, participant with { QueuedAt = now })
            : session;

    /// <summary>Twilio dials. The first report counts.</summary>
    public static CallSession Dialed(this CallSession session, ParticipantId id, DateTimeOffset now) =>
        session.Find(id) is { Progress: Progress.Dialing or Progress.Ringing, DialedAt: null } participant
            ? session.With(participant, participant with { DialedAt = now })
            : session;

    /// <summary>Plans a change of mute and hold. It replaces a pending change, and null leaves a value as it is or as it was requested.
    /// </summary>
    public static CallSession SetFlags(
        this CallSession session, Participant participant, bool? muted, bool? hold, CallPolicy policy, DateTimeOffset now)
    {
        var pending = session.FindEffect<Effect.SetFlags>(f => f.Participant == participant.Id);
        var wanted = new Effect.SetFlags(participant.Id, muted ?? pending?.Muted, hold ?? pending?.Hold)
        {
            NotBefore = now + policy.EffectLease,
        };
        var asked = participant with { FlagsVersion = participant.FlagsVersion + 1 };
        return session.With(participant, asked).Without(pending).Plan(wanted);
    }

    /// <summary>The leg has gone. The first cause is kept. <see cref="LeaveReason.HungUp"/> proves an answer, but not if the service ended
    /// the leg: Twilio's documents do not say whether Twilio then reports <c>completed</c> for a leg that only rang.</summary>
    public static CallSession MarkGone(this CallSession session, ParticipantId id, LeaveReason cause, DateTimeOffset now, int? code = null)
    {
        var participant = session.Find(id)!;
        var answered = participant.Answered
            || (cause is LeaveReason.HungUp && participant.Leaving == Leaving.No && !participant.IsScreened);
        if (participant.Progress == Progress.Gone)
            return answered == participant.Answered ? session : session.With(participant, participant with { Answered = answered });
        if (participant.Leaving == Leaving.Removed && cause is LeaveReason.HungUp or LeaveReason.Canceled)
            cause = LeaveReason.Removed;
        if (participant.Lost && cause is LeaveReason.HungUp or LeaveReason.Canceled)
            cause = LeaveReason.AnsweredElsewhere;
        var wanted = session.FindEffect<Effect.SetFlags>(f => f.Participant == id);
        var gone = participant with { Progress = Progress.Gone, Since = now, Gone = cause, RefusalCode = code, Answered = answered };
        // A person who comes back is muted as it was last requested.
        gone = gone with { Muted = wanted?.Muted ?? gone.Muted };
        var left = session.With(participant, gone).WithoutDial(id).Without(wanted);
        return participant.Leg is null ? left : left.Without(left.FindEffect<Effect.HangUp>(h => h.Leg == participant.Leg));
    }
}
