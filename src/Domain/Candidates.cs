namespace Calls.Domain;

/// <summary>How the candidates of one participant are rung.</summary>
public enum Strategy
{
    /// <summary>All at once.</summary>
    All,
    /// <summary>One after another. The next one is rung when one has gone without success, or has rung for the ring time.</summary>
    InOrder,
}

/// <summary>Several phones are rung for one participant, and exactly one of them gets the call (G7).</summary>
/// <remarks>A candidate is a participant of the session: it has its own leg, progress and dial. Its id names the group, which is the
/// participant that people see (<see cref="ParticipantId.Group"/>). The group itself is not stored: everything about it follows from its
/// candidates. A candidate that is not dialled yet has no dial effect.</remarks>
public static class Candidates
{
    /// <summary>The most candidates of one participant.</summary>
    public const int Most = 20;

    public static IEnumerable<Participant> CandidatesOf(this CallSession session, ParticipantId group) =>
        session.Participants.Where(p => p.Id.Group == group);

    /// <summary>The candidate who got the call: the first one whose answer has passed the gate. Null: none has.</summary>
    /// <remarks>A replica of an older version knows no gate and can let two in. Then the first one on the line stays.</remarks>
    public static Participant? WinnerOf(this CallSession session, ParticipantId group)
    {
        Participant? winner = null;
        foreach (var candidate in session.Participants)
            if (candidate.Id.Group == group && HasWon(candidate) && winner is not { IsOnTheLine: true }
                && (winner is null || candidate.IsOnTheLine))
                winner = candidate;
        return winner;
    }

    /// <summary>Why none of the candidates got the call. Null: one got it, or one is still at Twilio or to be rung.</summary>
    public static LeaveReason? ReasonOf(this CallSession session, ParticipantId group)
    {
        List<LeaveReason?> reasons = [.. session.CandidatesOf(group).Select(candidate => candidate.Reason)];
        return session.WinnerOf(group) is not null || reasons.Contains(null) ? null
            : reasons.Contains(LeaveReason.Removed) ? LeaveReason.Removed
            : reasons.Contains(LeaveReason.Canceled) && session.IsEnded ? LeaveReason.Canceled
            : LeaveReason.NobodyAccepted;
    }

    /// <summary>The participant is to be rung after other candidates, and is not dialled yet.</summary>
    public static bool IsWaiting(this CallSession session, Participant participant) =>
        participant is { Progress: Progress.Invited, Leg: null, Leaving: Leaving.No } && session.FindDial(participant.Id) is null;

    internal static bool HasLost(CallSession session, Participant candidate) =>
        candidate.Lost || (candidate.Id.Group is { } group && session.WinnerOf(group) is { } winner && winner.Id != candidate.Id);

    /// <summary>Candidates who are on the line or on the way already are skipped, and so is the second one of two equal ones.</summary>
    internal static Step Add(CallSession session, SessionEvent.AddOneOf e, CallPolicy policy, DateTimeOffset now)
    {
        if ((session.Find(e.Participant) ?? session.CandidatesOf(e.Participant).FirstOrDefault()) is { } known)
            return Step.Ignore(new CallReply.Added(known), IgnoreReason.NothingNew);
        var invited = Invite(e.Participant, Role.Guest, e.Candidates, policy, now)
            .Where(candidate => !IsPresent(session, candidate.Party)).Select(candidate => candidate with
            {
                Label = e.Label,
                AddedBy = Holds.SenderOf(session, e.By),
                Screen = candidate.Party is Party.Phone ? e.Screen ?? policy.ScreenPhones : Screening.None,
                RingTime = e.RingTime,
            }).ToList();
        if (RefusalOf(session, invited.Count, policy) is { } reason)
            return Step.Say(new CallReply.Refused(reason));
        var added = session with { Participants = session.Participants.AddRange(invited) };
        return Step.Do(added.Plan(DialsOf(invited, e.Strategy, policy, now)), new CallReply.Added(invited[0]));
    }

    /// <summary>The callees of a new call to a group. If the group resolver must be asked first, this is one callee without an address.
    /// Empty: the caller is the only member.</summary>
    internal static ImmutableArray<Participant> CalleesOf(CalledGroup group, Party caller, CallPolicy policy, DateTimeOffset now) =>
        group.Members is null ? [Participant.Invite(ParticipantId.Callee, Role.Callee, Party.Unknown.Instance, now)]
            : [.. Invite(ParticipantId.Callee, Role.Callee, group.Members.Candidates, policy, now).Where(one => one.Party != caller)];

    /// <summary>The first effects of a new call to a group.</summary>
    internal static ImmutableArray<Effect> EffectsOf(
        CalledGroup group, ImmutableArray<Participant> callees, CallPolicy policy, DateTimeOffset now) => group.Members is { } members
        ? [.. DialsOf(callees, members.Strategy, policy, now)]
        : [new Effect.ResolveGroup(group.Name) { NotBefore = now + policy.EffectLease }];

    /// <summary>The answer of the group resolver: the candidates take the place of the callee. Without a candidate the callee was not
    /// reached, and the caller hears so.</summary>
    internal static Step Resolve(CallSession session, SessionEvent.GroupResolved e, CallPolicy policy, DateTimeOffset now)
    {
        if (e.Nonce != session.Nonce)
            return Step.Ignore(CallReply.Nothing, IgnoreReason.OfAnEarlierCall);
        if (session.FindEffect<Effect.ResolveGroup>(_ => true) is null || session.Find(ParticipantId.Callee) is not { } callee)
            return Step.Ignore(CallReply.Nothing, IgnoreReason.NotPending);
        var present = session.Participants.Count(p => p.Progress != Progress.Gone || p.Reconnecting);
        var invited = Invite(callee.Id, Role.Callee, e.Members?.Candidates ?? [], policy, now)
            .Where(candidate => !IsPresent(session, candidate.Party)).ToList();
        if (invited.Count == 0 || present - 1 + invited.Count > policy.MaxParticipants)
            return Step.Do(session.MarkGone(callee.Id, LeaveReason.NoCandidates, now));
        var wanted = session.FindEffect<Effect.SetFlags>(f => f.Participant == callee.Id);
        var at = session.Participants.IndexOf(callee);
        var resolved = session.MarkGone(callee.Id, LeaveReason.NoCandidates, now);
        resolved = resolved with { Participants = resolved.Participants.RemoveAt(at).InsertRange(at, invited) };
        resolved = resolved.Plan(DialsOf(invited, e.Members!.Strategy, policy, now));
        // A change of mute or hold that was requested for the callee is one for each candidate.
        foreach (var candidate in wanted is null ? [] : invited)
            resolved = resolved.SetFlags(candidate, wanted!.Muted, wanted.Hold, policy, now);
        return Step.Do(resolved);
    }

    /// <summary>The rule of all groups: one winner, and all other legs are stopped. Without a winner, the next candidate is rung if none
    /// is being rung within its ring time.</summary>
    internal static CallSession Settle(CallSession session, CallPolicy policy, DateTimeOffset now)
    {
        if (session.IsEnded)
            return session;
        foreach (var group in GroupsOf(session))
            session = session.WinnerOf(group) is { } winner
                ? StopOthers(session, winner, policy, now)
                : RingNext(session, group, policy, now);
        return session;
    }

    /// <summary>When the next candidate of a group must be rung, because the one before has rung long enough.</summary>
    internal static DateTimeOffset? NextRingAt(CallSession session, CallPolicy policy)
    {
        DateTimeOffset? next = null;
        foreach (var group in GroupsOf(session))
        {
            var active = session.CandidatesOf(group).Where(c => c.IsOnTheWay && !session.IsWaiting(c)).ToList();
            if (active.Count == 0 || !session.CandidatesOf(group).Any(session.IsWaiting) || active.Any(c => RungOutAt(c, policy) is null))
                continue;
            var at = active.Max(c => RungOutAt(c, policy));
            next = next is null || at < next ? at : next;
        }

        return next;
    }

    internal static bool IsPresent(CallSession session, Party party) =>
        session.Participants.Any(p => (p.Progress != Progress.Gone || p.Reconnecting) && p.Party == party && p.Party is not Party.Unknown);

    /// <summary>The second one of two equal candidates is skipped.</summary>
    private static IEnumerable<Participant> Invite(
        ParticipantId group, Role role, ImmutableArray<Party> candidates, CallPolicy policy, DateTimeOffset now) =>
        candidates.Select((party, i) => (Party: party, Id: group.Candidate(i + 1))).DistinctBy(candidate => candidate.Party)
            .Select(candidate => Participant.Invite(candidate.Id, role, candidate.Party, now) with
            {
                Screen = candidate.Party is Party.Phone ? policy.ScreenPhones : Screening.None,
            });

    /// <summary>All are dialled at once. In order, the rule plans each dial (<see cref="RingNext"/>).</summary>
    private static IEnumerable<Effect> DialsOf(
        IEnumerable<Participant> candidates, Strategy strategy, CallPolicy policy, DateTimeOffset now) => strategy == Strategy.InOrder
        ? []
        : candidates.Select(candidate => new Effect.Dial(candidate.Id) { NotBefore = now + policy.EffectLease });

    private static RefusalReason? RefusalOf(CallSession session, int count, CallPolicy policy) =>
        session.IsEnded ? RefusalReason.CallIsOver
        : count == 0 ? RefusalReason.AlreadyOnTheCall
        : session.Participants.Count(p => p.Progress != Progress.Gone || p.Reconnecting) + count > policy.MaxParticipants
            ? RefusalReason.CallIsFull
        : session.Participants.Count(p => p.Role == Role.Guest) + count > policy.MaxGuests ? RefusalReason.TooManyGuests
        : null;

    private static CallSession StopOthers(CallSession session, Participant winner, CallPolicy policy, DateTimeOffset now)
    {
        foreach (var other in session.CandidatesOf(winner.Id.Group!))
            if (other.Id != winner.Id && other is { Progress: not Progress.Gone, Leaving: Leaving.No })
                session = session.With(other, other with { Lost = true }).Remove(other.Id, Leaving.WithTheCall, policy, now);
        return session;
    }

    /// <summary>A candidate that has rung for its ring time is not stopped here. Twilio stops it, and until then its answer counts.
    /// </summary>
    private static CallSession RingNext(CallSession session, ParticipantId group, CallPolicy policy, DateTimeOffset now)
    {
        foreach (var candidate in session.CandidatesOf(group))
        {
            if (!session.IsWaiting(candidate))
            {
                if (candidate.IsOnTheWay && !(RungOutAt(candidate, policy) <= now))
                    return session;
                continue;
            }

            var known = session.Find(candidate.Id)!;
            // The person has come to the call in another way.
            if (IsPresent(session with { Participants = session.Participants.Remove(known) }, known.Party))
            {
                session = session.MarkGone(known.Id, LeaveReason.Canceled, now);
                continue;
            }

            return session.With(known, known with { Since = now }).Plan(new Effect.Dial(known.Id) { NotBefore = now + policy.EffectLease });
        }

        return session;
    }

    /// <summary>Null: Twilio does not ring the candidate yet, or the person has answered and is being screened.</summary>
    private static DateTimeOffset? RungOutAt(Participant candidate, CallPolicy policy) =>
        candidate.Progress < Progress.Answered ? candidate.DialedAt + policy.RingTimeOf(candidate) : null;

    private static bool HasWon(Participant candidate) => (candidate.Accepted || candidate.EverJoined) && !candidate.Lost;

    private static IEnumerable<ParticipantId> GroupsOf(CallSession session)
    {
        // Few calls have a group, and this runs after every event.
        foreach (var participant in session.Participants)
            if (participant.Id.Group is not null)
                return session.Participants.Select(p => p.Id.Group).OfType<ParticipantId>().Distinct();
        return [];
    }
}
