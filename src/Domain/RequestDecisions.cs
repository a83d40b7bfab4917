namespace Calls.Domain;

/// <summary>What people ask of a call. Whether they may is settled before; whether it makes sense is settled here.</summary>
internal static class RequestDecisions
{
    public static Step AddPhone(CallSession session, SessionEvent.PhoneRequested e, CallPolicy policy, DateTimeOffset now)
    {
        if (session.Find(e.Participant) is { } known)
            return Step.Ignore(new CallReply.Added(known), IgnoredBecause.NothingNew);
        if (WhyNot(session, e.Number, policy) is { } because)
            return Step.Say(new CallReply.Refused(because));
        var guest = new Participant
        {
            Id = e.Participant,
            Role = Role.Guest,
            Party = new Party.Phone(e.Number),
            Label = e.Label,
            Progress = Progress.Invited,
            Since = now,
        };
        return Step.Do(
            session with
            {
                Participants = session.Participants.Add(guest),
                Effects = session.Effects.Add(new Effect.Dial(guest.Id) { NotBefore = now + policy.EffectLease }),
            },
            new CallReply.Added(guest));
    }

    public static Step Remove(CallSession session, SessionEvent.RemovalRequested e, CallPolicy policy, DateTimeOffset now) => session.Find(e.Participant) switch
    {
        null => Step.Say(new CallReply.Refused(RefusedBecause.NoSuchParticipant)),
        { Progress: Progress.Gone } or { Leaving: not Leaving.No } => Step.Ignore(CallReply.Nothing, IgnoredBecause.LegAlreadyGone),
        var participant => Step.Do(session.TakeOff(participant.Id, Leaving.Removed, policy, now)),
    };

    public static Step SetFlags(CallSession session, SessionEvent.FlagsRequested e, CallPolicy policy, DateTimeOffset now)
    {
        if (session.Find(e.Participant) is not { } participant)
            return Step.Say(new CallReply.Refused(RefusedBecause.NoSuchParticipant));
        if (!participant.IsOnTheLine)
            return Step.Say(new CallReply.Refused(RefusedBecause.ParticipantHasLeft));
        var pending = session.FindEffect<Effect.SetFlags>(f => f.Participant == e.Participant);
        var wanted = new Effect.SetFlags(e.Participant, e.Muted ?? pending?.Muted, e.Hold ?? pending?.Hold) { NotBefore = now + policy.EffectLease };
        var rest = session.Without(pending);
        return Step.Do(rest with { Effects = rest.Effects.Add(wanted) }, new CallReply.Added(participant));
    }

    public static Step End(CallSession session, DateTimeOffset now) => session.IsEnded
        ? Step.Ignore(CallReply.Nothing, IgnoredBecause.CallIsOver)
        : Step.Do(session with { EndedAt = now, EndReason = EndReason.EndedByPerson, EndEvidence = Evidence.Request });

    private static RefusedBecause? WhyNot(CallSession session, PhoneNumber number, CallPolicy policy)
    {
        var present = session.Participants.Where(p => p.Progress != Progress.Gone).ToList();
        return session.IsEnded ? RefusedBecause.CallIsOver
            : present.Count >= policy.MaxParticipants ? RefusedBecause.CallIsFull
            : session.Participants.Count(p => p.Role == Role.Guest) >= policy.MaxGuests ? RefusedBecause.TooManyGuests
            : present.Any(p => p.Party is Party.Phone phone && phone.Number == number) ? RefusedBecause.AlreadyOnTheCall
            : null;
    }
}
