namespace Calls.Domain.Tests;

/// <summary>The rules for every stored session, and for every step from one stored session to the next.</summary>
internal static class Invariants
{
    /// <summary>The first rule that does not hold, or null.</summary>
    public static string? BrokenBy(CallSession? before, CallSession after, CallPolicy policy) =>
        InState(after, policy) ?? (before is null || before.Nonce != after.Nonce ? null : InStep(before, after));

    private static string? InState(CallSession session, CallPolicy policy)
    {
        var settled = session.IsEnded && session.Effects.IsEmpty && session.Participants.All(p => p.Progress == Progress.Gone);
        if (settled != Deadlines.Next(session, policy) is null)
            return "a settled session has a deadline, or another session has none";
        if (session.IsEnded != session.EndReason is not null)
            return "an ended call has no end reason, or another call has one";
        var onTheLine = session.Participants.Count(p => p.IsOnTheLine);
        // What Twilio said of the legs may be older than the truth.
        var mayHaveCompany = session.RebuiltAt is not null
            && session.Participants.Any(p => p is { Leg: not null, Leaving: Leaving.No, Progress: not Progress.Gone }
                && (p.Role != Role.Callee || p.Progress == Progress.Joined));
        if (!session.IsEnded && !mayHaveCompany
            && (onTheLine == 0 || (onTheLine == 1 && !session.Participants.Any(p => p.IsOnTheWay || p.Reconnecting))))
            return "a participant is known to be alone, and the call goes on";
        if (session.Participants.Where(p => p.IsPresent && p.Party is not Party.Unknown).GroupBy(p => p.Party).Any(own => own.Count() > 1))
            return "a person is on the call twice";
        if (session.Effects.Any(effect => effect is Effect.Dial { Participant: var dialed } && session.Find(dialed) is null
            || effect is Effect.SetFlags { Participant: var changed } && session.Find(changed) is null))
            return "an effect is for a participant that the session does not have";
        if (session.Effects.OfType<Effect.HangUp>().GroupBy(h => h.Leg).Any(legs => legs.Count() > 1))
            return "a leg has two hang-ups";
        foreach (var tone in session.Effects.OfType<Effect.HangUp>().Where(h => h.Because is not null))
        {
            if (!session.IsEnded || session.Find(tone.Leg) is not { Role: Role.Caller })
                return "a tone is planned for another person than the caller of an ended call";
            if (session.Caller.Progress == Progress.Gone)
                return "a tone is planned for a person who has left";
            if (tone.Because is not { } because || Tones.Of(because) is null)
                return "a tone is planned for a reason that has none";
        }

        return session.Participants.Select(p => Of(session, p))
            .Concat(session.Participants.Select(p => p.Id.Group is { } group ? InGroup(session, group) : null))
            .FirstOrDefault(broken => broken is not null);
    }

    private static string? Of(CallSession session, Participant participant)
    {
        var dials = session.Effects.OfType<Effect.Dial>().Where(d => d.Participant == participant.Id).ToList();
        var asked = session.Effects.OfType<Effect.ResolveGroup>().Count();
        var waitsForAnswer = participant.Id == ParticipantId.Callee && asked == 1;
        var needsDial = participant.Leg is null && participant.Progress != Progress.Gone && !IsWaiting(session, participant)
            && !waitsForAnswer;
        return dials.Count > 1 ? "a participant has two dials"
            : dials.Count == 1 != needsDial ? "a participant without a leg has no dial, or one with a leg has a dial"
            : asked > 0 && (asked > 1 || session.IsEnded || session.Find(ParticipantId.Callee) is null or { Progress: Progress.Gone })
                ? "the group resolver is asked for a callee who is not awaited"
            : session.IsEnded && dials.Any(d => d.State == DialState.Planned) ? "a dial is planned for an ended call"
            : participant.Leaving != Leaving.No && dials.Any(d => d.State == DialState.Planned)
                ? "a dial is planned for a participant who is leaving"
            : participant.Reconnecting && (session.IsEnded || participant is not { Gone: LeaveReason.HungUp, Leaving: Leaving.No })
                ? "the call waits for a participant who cannot come back"
            : participant.Leg is { } leg && participant.EarlierLegs.Contains(leg) ? "a participant has an earlier leg again"
            : participant.Progress == Progress.Gone != participant.Gone is not null
                ? "a participant is gone without a reason, or has a reason and is not gone"
            : participant.Leaving == Leaving.Removed != participant.RemovedBy is not null
                ? "a participant was removed by an unknown person, or has a remover and stays"
            : participant is { Leaving: not Leaving.No, Reason: LeaveReason.HungUp } ? "a line that the service ended counts as hung up"
            : participant is { Reason: LeaveReason.CallEnded, Answered: false } or { Gone: LeaveReason.CallEnded }
                ? "a person who was never on the line left with the call"
            : session.IsEnded && participant.Progress != Progress.Gone
                && participant.Leaving == Leaving.No ? "a participant stays in an ended call"
            : null;
    }

    /// <summary>The phone of a candidate is dialled after the one before it.</summary>
    private static bool IsWaiting(CallSession session, Participant participant) =>
        participant.Id.Group is not null && session.IsWaiting(participant);

    private static string? InGroup(CallSession session, ParticipantId group)
    {
        var candidates = session.CandidatesOf(group).ToList();
        var isWon = session.WinnerOf(group) is not null;
        return candidates.Count(c => c.IsOnTheLine) > 1 ? "two candidates are on the line"
            : isWon && candidates.Any(c => c.IsOnTheWay) ? "a candidate is on the way, and another one got the call"
            : !isWon && !session.IsEnded && candidates.Exists(session.IsWaiting)
                && !candidates.Exists(c => c.IsOnTheWay && !session.IsWaiting(c)) ? "a candidate waits, and none before it is on the way"
            : null;
    }

    private static string? InStep(CallSession before, CallSession after) =>
        before.IsEnded && after.EndedAt != before.EndedAt ? "an ended call goes on, or ends again"
        : before.RangAt is not null && after.RangAt != before.RangAt ? "the callee rings for the first time twice"
        : before.AnsweredAt is not null && after.AnsweredAt != before.AnsweredAt ? "a call is answered twice"
        : before.Participants.Where(was => !IsReplaced(was, after))
            .Select(was => OnlyIncreases(was, after.Find(was.Id), before.RebuiltAt is not null))
            .FirstOrDefault(broken => broken is not null);

    /// <summary>The candidates of a group take the place of the callee without an address. No leg is forgotten by this.</summary>
    private static bool IsReplaced(Participant was, CallSession after) => was.Id == ParticipantId.Callee
        && was is { Party: Party.Unknown, Leg: null } && after.Find(was.Id) is null && after.CandidatesOf(was.Id).Any();

    private static string? OnlyIncreases(Participant was, Participant? now, bool wasJustBuilt) =>
        now is null ? "a participant has disappeared"
        : wasJustBuilt && now.Leg != was.Leg ? IsFound(was, now)
        : now.EarlierLegs.Length != was.EarlierLegs.Length ? ComesBack(was, now)
        : now.Progress < was.Progress ? "progress decreases"
        : was.Leg is not null && now.Leg != was.Leg ? "a participant's leg changes"
        : was.Gone is not null && now.Gone != was.Gone ? "the leave reason of a leg changes"
        : was.Answered && !now.Answered ? "an answer is forgotten"
        : was.Accepted && !now.Accepted ? "an acceptance is forgotten"
        : was.Lost && !now.Lost ? "a lost call is won"
        : was.EverJoined && !now.EverJoined ? "a join is forgotten"
        : was.Leaving != Leaving.No && now.Leaving != was.Leaving ? "a participant who is leaving stays"
        : null;

    /// <summary>A leg that Twilio's list did not have when the session was built again.</summary>
    private static string? IsFound(Participant was, Participant now) =>
        was.Leg is not null && !now.EarlierLegs.SequenceEqual(was.EarlierLegs.Append(was.Leg)) ? "an earlier leg is forgotten"
        : was.Leg is not null && was.Leaving != Leaving.No ? "a participant comes back who was removed"
        : null;

    /// <summary>A new leg of a person who was on the line. The progress of this leg begins anew.</summary>
    private static string? ComesBack(Participant was, Participant now) =>
        !now.EarlierLegs.SequenceEqual(was.EarlierLegs.Append(was.Leg!)) ? "an earlier leg is forgotten"
        : !was.Answered || was.Leaving != Leaving.No || was.Gone is LeaveReason.Removed
            ? "a participant comes back who was removed or was never on the line"
        : now.Progress != Progress.Answered ? "a participant comes back and is not on the line"
        : null;
}
