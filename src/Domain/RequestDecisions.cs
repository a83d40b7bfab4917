namespace Calls.Domain;

/// <summary>What people ask of a call. Whether they may is settled before; whether it makes sense is settled here.</summary>
internal static class RequestDecisions
{
    public static Step AddPhone(CallSession session, SessionEvent.AddPhoneParticipant e, CallPolicy policy, DateTimeOffset now)
    {
        if (session.Find(e.Participant) is { } known)
            return Step.Ignore(new CallReply.Added(known), IgnoreReason.NothingNew);
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

    public static Step Remove(CallSession session, SessionEvent.RemoveParticipant e, CallPolicy policy, DateTimeOffset now) => session.Find(e.Participant) switch
    {
        null => Step.Say(new CallReply.Refused(RefusalReason.NoSuchParticipant)),
        { Progress: Progress.Gone } or { Leaving: not Leaving.No } => Step.Ignore(CallReply.Nothing, IgnoreReason.LegAlreadyGone),
        var participant => Step.Do(session.Remove(participant.Id, Leaving.Removed, policy, now)),
    };

    public static Step SetFlags(CallSession session, SessionEvent.SetParticipantFlags e, CallPolicy policy, DateTimeOffset now)
    {
        if (session.Find(e.Participant) is not { } participant)
            return Step.Say(new CallReply.Refused(RefusalReason.NoSuchParticipant));
        if (!participant.IsOnTheLine)
            return Step.Say(new CallReply.Refused(RefusalReason.ParticipantHasLeft));
        var pending = session.FindEffect<Effect.SetFlags>(f => f.Participant == e.Participant);
        var wanted = new Effect.SetFlags(e.Participant, e.Muted ?? pending?.Muted, e.Hold ?? pending?.Hold) { NotBefore = now + policy.EffectLease };
        var rest = session.Without(pending);
        return Step.Do(rest with { Effects = rest.Effects.Add(wanted) }, new CallReply.Added(participant));
    }

    public static Step End(CallSession session, DateTimeOffset now) => session.IsEnded
        ? Step.Ignore(CallReply.Nothing, IgnoreReason.CallIsOver)
        : Step.Do(session with { EndedAt = now, EndReason = EndReason.EndedByPerson, EndEvidence = Evidence.Request });

    private static RefusalReason? WhyNot(CallSession session, PhoneNumber number, CallPolicy policy)
    {
        var present = session.Participants.Where(p => p.Progress != Progress.Gone).ToList();
        return session.IsEnded ? RefusalReason.CallIsOver
            : present.Count >= policy.MaxParticipants ? RefusalReason.CallIsFull
            : session.Participants.Count(p => p.Role == Role.Guest) >= policy.MaxGuests ? RefusalReason.TooManyGuests
            : present.Any(p => p.Party is Party.Phone phone && phone.Number == number) ? RefusalReason.AlreadyOnTheCall
            : null;
    }
}
