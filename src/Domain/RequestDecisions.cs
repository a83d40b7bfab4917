namespace Calls.Domain;

/// <summary>The decisions about the requests of persons. The rights of the bearer are checked before.</summary>
internal static class RequestDecisions
{
    public static Step AddPhone(CallSession session, SessionEvent.AddPhoneParticipant e, CallPolicy policy, DateTimeOffset now)
    {
        if ((session.Find(e.Participant) ?? session.CandidatesOf(e.Participant).FirstOrDefault()) is { } known)
            return Step.Ignore(new CallReply.Added(known), IgnoreReason.NothingNew);
        if (RefusalOf(session, e, policy) is { } reason)
            return Step.Say(new CallReply.Refused(reason));
        var guest = Participant.Invite(e.Participant, Role.Guest, e.Party, now) with
        {
            Label = e.Label,
            AddedBy = Holds.SenderOf(session, e.By),
            Screen = e.Party is Party.Phone ? e.Screen ?? policy.ScreenPhones : Screening.None,
        };
        var dial = new Effect.Dial(guest.Id) { NotBefore = now + policy.EffectLease };
        var added = (session with { Participants = session.Participants.Add(guest) }).Plan(dial);
        return Step.Do(added, new CallReply.Added(guest));
    }

    /// <summary>Of a participant with candidates, the one who got the call is meant, or all who are on the way.</summary>
    public static Step Remove(CallSession session, SessionEvent.RemoveParticipant e, CallPolicy policy, DateTimeOffset now) =>
        Meant(session, e.Participant) switch
        {
            [] => Step.Say(new CallReply.Refused(RefusalReason.NoSuchParticipant)),
            [var only] => Remove(session, only, e, policy, now),
            var candidates => candidates.Where(c => c.IsOnTheWay).ToList() is { Count: > 0 } rung
                ? Step.Do(rung.Aggregate(session, (rest, c) => TakeOff(rest, c, e, policy, now)))
                : Step.Ignore(CallReply.Nothing, IgnoreReason.LegAlreadyGone),
        };

    private static Step Remove(
        CallSession session, Participant participant, SessionEvent.RemoveParticipant e, CallPolicy policy, DateTimeOffset now) =>
        participant switch
        {
            // A person who has hung up and is removed then cannot come back.
            { Gone: LeaveReason.HungUp, Leaving: Leaving.No, Party: Party.Client } when !session.IsEnded => Step.Do(session.With(
                participant, participant with { Leaving = Leaving.Removed, RemovedBy = Holds.SenderOf(session, e.By) })),
            { Progress: Progress.Gone } or { Leaving: not Leaving.No } => Step.Ignore(CallReply.Nothing, IgnoreReason.LegAlreadyGone),
            _ => Step.Do(TakeOff(session, participant, e, policy, now)),
        };

    private static CallSession TakeOff(
        CallSession session, Participant participant, SessionEvent.RemoveParticipant e, CallPolicy policy, DateTimeOffset now) =>
        session.With(participant, participant with { RemovedBy = Holds.SenderOf(session, e.By) })
            .Remove(participant.Id, Leaving.Removed, policy, now);

    /// <summary>The participant, or of a participant with candidates the one who got the call, or all of them.</summary>
    private static List<Participant> Meant(CallSession session, ParticipantId id) =>
        (session.Find(id) ?? session.WinnerOf(id)) is { } participant ? [participant] : [.. session.CandidatesOf(id)];

    /// <summary>A change for a person on the way waits until the person is in the room (<see cref="Deadlines.CanRun"/>). A later request
    /// replaces an earlier one.</summary>
    public static Step SetFlags(CallSession session, SessionEvent.SetParticipantFlags e, CallPolicy policy, DateTimeOffset now)
    {
        var meant = Meant(session, e.Participant);
        if (meant is [])
            return Step.Say(new CallReply.Refused(RefusalReason.NoSuchParticipant));
        var there = meant.Where(participant => participant is { Progress: not Progress.Gone, Leaving: Leaving.No }).ToList();
        if (there is [])
            return Step.Say(new CallReply.Refused(RefusalReason.ParticipantHasLeft));
        var asked = there.Aggregate(session, (changed, participant) => SetFlags(changed, participant, e, policy, now));
        return Step.Do(asked, new CallReply.Added(asked.Find(there[0].Id)!));
    }

    private static CallSession SetFlags(
        CallSession session, Participant participant, SessionEvent.SetParticipantFlags e, CallPolicy policy, DateTimeOffset now)
    {
        var held = e.Hold == true
            ? Holds.WithHolder(session, participant, Holds.SenderOf(session, e.By)) with { Ringback = RingbackState.None }
            : participant;
        return session.With(participant, held).SetFlags(held, e.Muted, e.Hold, policy, now);
    }

    public static Step End(CallSession session, SessionEvent.EndCall e, DateTimeOffset now) => session.IsEnded
        ? Step.Ignore(CallReply.Nothing, IgnoreReason.CallIsOver)
        : Step.Do(session with
        {
            EndedAt = now,
            EndReason = EndReason.EndedByPerson,
            EndEvidence = Evidence.Request,
            EndedBy = Holds.SenderOf(session, e.By),
        });

    /// <summary>The end at the maximum duration. The sender of the event only proposes it: the stored start decides.</summary>
    public static Step Expire(CallSession session, CallPolicy policy, DateTimeOffset now) =>
        session.IsEnded ? Step.Ignore(CallReply.Nothing, IgnoreReason.CallIsOver)
        : !Deadlines.MaxDurationHasPassed(session, policy, now) ? Step.Ignore(CallReply.Nothing, IgnoreReason.NothingNew)
        : Step.Do(session with { EndedAt = now, EndReason = EndReason.MaxDuration, EndEvidence = Evidence.Deadline });

    /// <remarks>A person who has left can come back with the session id. The others can also add the person, under a new id.</remarks>
    private static RefusalReason? RefusalOf(CallSession session, SessionEvent.AddPhoneParticipant e, CallPolicy policy)
    {
        var present = session.Participants.Where(p => p.Progress != Progress.Gone || p.Reconnecting).ToList();
        return session.IsEnded ? RefusalReason.CallIsOver
            : present.Count >= policy.MaxParticipants ? RefusalReason.CallIsFull
            : session.Participants.Count(p => p.Role == Role.Guest) >= policy.MaxGuests ? RefusalReason.TooManyGuests
            : e.By is { } person && e.Party == new Party.Client(person) ? RefusalReason.AddingOneself
            : present.Any(p => p.Party == e.Party) ? RefusalReason.AlreadyOnTheCall
            : null;
    }
}
